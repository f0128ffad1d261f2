"""A trained network on person crops as an ONNX file, compared with torch, and its manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hmr_ros.body.model import BodyModel
from hmr_ros.models.factorized import Moving, Telling
from hmr_ros.models.lifter_weights import KEYPOINT_SET
from hmr_ros.models.merging import fused
from hmr_ros.models.weight_file import digest_of
from hmr_ros.runtime.answers import DESCRIBED, OUTPUTS, fingerprint
from hmr_ros.runtime.baseline import inputs_of
from hmr_ros.runtime.factorized import FIELD_OUTPUTS, TOLD, field_path
from hmr_ros.runtime.graph_description import answers, write_manifest, write_variant_manifest
from hmr_ros.runtime.graph_file import variant_path
from hmr_ros.runtime.onnx_writing import SMALLEST, write_onnx
from hmr_ros.runtime.precisions import FIELD

# Largest difference to torch: of joint positions in metres, and of any other output.
JOINT_TOLERANCE, TOLERANCE = 5e-4, 2e-3
FIELD_INPUTS = {
    "state": "[N, 193] along the flow: see hmr_ros.models.factorized_state",
    "t": "[N] time, 0 to 1",
    "evidence": "[N, T, W] as the network tells it",
    "regressed": "[N, 193] as the network tells it",
    "without": "[N] 1 where the evidence is left out, else 0",
}
VELOCITY = "[N, 193] d state / d t; where the anchor is, what it says does not count"


def export(
    network: nn.Module,
    body: BodyModel,
    folder: Path,
    facts: Mapping,
    references: Mapping[str, np.ndarray],
    half: bool = False,
) -> float:
    """Write ``NAME.onnx`` of a network of ``hmr_ros.models.weights``, its manifest and reference
    answers, and the same of the velocity field if it has one, into ``folder``.

    facts: what the manifest says beside ``manifest``. references: inputs of a few people by name.
    half: whether to write ``NAME-float16.onnx`` beside it too. Returns the largest difference and
    raises as ``export_onnx``.
    """
    path = folder / f"{network.name}.onnx"
    difference = export_onnx(network, path, half)
    more = {**facts, "largest_difference_to_torch_m": difference}
    write_manifest(path, manifest(network, body, more), references)
    if network.generative:
        field = field_path(path)
        told = {name: answers(path, references)[name] for name in ("evidence", "regressed")}
        given = field_references(told, network.noise_scale.numpy())
        write_manifest(field, field_manifest(network, body), given)
    if half:
        write_variant_manifest(path, "float16")
        if network.generative:
            write_variant_manifest(field_path(path), "float16")
    return difference


def export_onnx(network: nn.Module, path: Path, half: bool = False) -> float:
    """Write the ONNX file of a network of ``hmr_ros.models.weights`` and compare it with torch.

    The file holds the ``fused`` network, its large constants rounded to half precision; so is the
    torch network it is compared with. half: also write the float16 graphs (``variant_path``), which
    are not compared. Returns the largest difference of a joint in metres, on random input. Raises
    RuntimeError if it exceeds ``JOINT_TOLERANCE``.
    """
    ready = rounded(fused(network).cpu())

    def check(written: Path) -> float:
        joints, other = compare(ready, written)
        if not (joints <= JOINT_TOLERANCE and other <= TOLERANCE):
            raise RuntimeError(
                f"the exported network differs from torch: joints by {1e3 * joints:.2f} mm, other "
                f"outputs by {other:.1e}"
            )
        return joints

    example = example_inputs(network.config.backbone.image, 3)
    halved = variant_path(path, "float16") if half else None
    largest = write_onnx(as_exported(ready), example, path, check, told_by(ready), halved)
    if ready.generative:
        half_field = field_path(halved) if half else None
        export_field(Moving(ready), partial(field_example, ready), field_path(path), half_field)
    return largest


def as_exported(network: nn.Module) -> nn.Module:
    """The network as it is exported: a generative one also tells what its field must know."""
    return Telling(network) if network.generative else network


def told_by(network: nn.Module) -> tuple[str, ...]:
    """Names of the exported outputs."""
    return (*OUTPUTS, *TOLD) if network.generative else OUTPUTS


def field_example(network: nn.Module, people: int) -> dict[str, torch.Tensor]:
    """Random but possible inputs of a network's velocity field, in the order of its ``forward``."""
    inputs = example_inputs(network.config.backbone.image, people, seed=people)
    with torch.no_grad():
        _, told = network.told(inputs)
    rng = torch.Generator().manual_seed(people)
    return {
        "state": told.regressed + torch.randn(told.anchor.shape, generator=rng),
        "t": torch.rand(people, generator=rng),
        "evidence": told.evidence,
        "regressed": told.regressed,
        "without": (torch.arange(people) % 2).float(),
    }


def export_field(
    field: nn.Module,
    example: Callable[[int], Mapping[str, torch.Tensor]],
    path: Path,
    half: Path | None = None,
) -> None:
    """Write a velocity field, rounded already. example: its inputs for a number of people; half: as
    for ``write_onnx``. Raises RuntimeError if velocities differ from torch by more than
    ``TOLERANCE``."""

    def check(written: Path) -> float:
        off = []
        for people in (1, 2, 5):
            inputs = example(people)
            with torch.no_grad():
                expected = field(*inputs.values())
            found = answers(written, {k: v.numpy() for k, v in inputs.items()})["velocity"]
            off.append(np.abs(expected.numpy() - found).max())
        largest = float(np.max(off))
        if not largest <= TOLERANCE:
            raise RuntimeError(f"the exported field differs from torch by {largest:.1e}")
        return largest

    write_onnx(field, example(3), path, check, FIELD_OUTPUTS, half)


def rounded(network: nn.Module) -> nn.Module:
    """The network with the values that ``write_onnx`` rounds rounded; in place."""
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.numel() >= SMALLEST:
                value.copy_(value.half())
    return network


def compare(network: nn.Module, path: Path) -> tuple[float, float]:
    """Largest differences between torch and the ONNX file over several batch sizes: of joints
    (metres, with the pelvis), and of any output."""
    size = network.config.backbone.image
    names, exported = told_by(network), as_exported(network)
    joints, other = [], []
    for people in (1, 2, 5):
        inputs = example_inputs(size, people, seed=people)
        with torch.no_grad():
            expected = exported(*inputs.values())
        answered = answers(path, {k: v.numpy() for k, v in inputs.items()})
        found = [answered[name] for name in names]
        for e, f in zip(expected, found, strict=True):
            other.append(np.abs(e.numpy() - f).max())
        tensors = [torch.from_numpy(f) for f in found]
        placed = [_joints(network, *values[:3]) for values in (expected, tensors)]
        joints.append((placed[0] - placed[1]).norm(dim=-1).max())
    return float(np.max(joints)), float(np.max(other))  # NaN if there is one


def _joints(network: nn.Module, rotations, betas, pelvis) -> torch.Tensor:
    with torch.no_grad():
        return network.skeleton(rotations, betas)[0] + pelvis[:, None]


def example_inputs(size: int, people: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random but possible inputs, in the order of a network's ``forward``."""
    rng = torch.Generator().manual_seed(seed)
    inputs = {
        name: torch.rand(people, *shape[1:], generator=rng)
        for name, shape in inputs_of(size).items()
    }
    inputs["keypoints"][..., :2] = 2 * inputs["keypoints"][..., :2] - 1
    # A quarter of the keypoints is missing, as in people who are half hidden.
    inputs["keypoints"] *= torch.rand(people, 33, 1, generator=rng) > 0.25
    # Of every fourth person the landmark network says nothing more.
    inputs["features"][3::4] = 0
    inputs["world"] = 2 * inputs["world"] - 1
    inputs["world"][3::4] = 0
    at = (torch.arange(16) + 0.5) / 8 - 1
    grid = torch.stack(torch.meshgrid(at, at, indexing="xy"))
    inputs["rays"] = grid + 0.02 * (inputs["rays"] - 0.5)
    inputs["scale"] = 0.1 + 0.4 * inputs["scale"]
    inputs["box"] = torch.tensor([-0.5, -0.9, 0.5, 0.9]) + 0.1 * inputs["box"]
    # Proper rotations near the camera's own.
    turned, _ = torch.linalg.qr(torch.eye(3) + 0.3 * (inputs["view"] - 0.5))
    inputs["view"] = turned * torch.sign(torch.diagonal(turned, dim1=1, dim2=2))[:, None]
    return inputs


def field_facts(network: nn.Module) -> dict:
    """What samples need beside the field: see ``hmr_ros.runtime.factorized.load``."""
    with torch.no_grad():
        _, told = network.told(example_inputs(network.config.backbone.image, 1))
    tokens, width = told.evidence.shape[1:]
    return {
        "tokens": tokens,
        "width": width,
        "noise_scale": [round(float(s), 5) for s in network.noise_scale],
        "temperature": [round(float(t), 4) for t in network.sample_temperature],
    }


def field_references(told: Mapping[str, np.ndarray], scale: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of the velocity field for people of whom the network tells ``told``: states about the
    regressed ones by noise of the deviations ``scale`` [SIZE], so that coordinates of the anchor
    are where they belong; every second one without evidence."""
    people, size = told["regressed"].shape
    noise = np.random.default_rng(0).standard_normal((people, size), np.float32)
    return {
        "state": told["regressed"] + scale * noise,
        "t": np.linspace(0, 1, people, endpoint=False, dtype=np.float32),
        "evidence": told["evidence"],
        "regressed": told["regressed"],
        "without": (np.arange(people) % 2).astype(np.float32),
    }


def field_manifest(
    network: nn.Module,
    body: BodyModel,
    inputs: Mapping[str, str] = FIELD_INPUTS,
    velocity: str = VELOCITY,
) -> dict:
    """What a reader of the velocity field's file must know; what samples need stands in the
    network's own manifest. inputs, velocity: what the field takes and gives, in words."""
    return {
        "estimator": f"{network.name}{FIELD}",
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "inputs": dict(inputs),
        "outputs": {"velocity": velocity},
        "normalisation": "inside the network",
    }


def manifest(network: nn.Module, body: BodyModel, figures: dict) -> dict:
    """What a reader of the ONNX file must know; kept as a ``.json`` beside it."""
    config = dataclasses.asdict(network.config)
    if network.generative:
        figures = {"field": field_facts(network)} | figures
    return {
        "estimator": network.name,
        "keypoint_set": KEYPOINT_SET,
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "image_size": network.config.backbone.image,
        "inputs": "the fields of hmr_ros.person_crops.PersonCrops, bytes as 0..1",
        "outputs": DESCRIBED,
        "normalisation": "inside the network",
        "temperature": [round(float(t), 4) for t in network.temperature],
        "place_temperature": round(float(network.place_temperature), 4),
        "config": config,
        "parameters": sum(p.numel() for p in network.parameters()),
        "weights_sha256": digest_of(network),
        **figures,
    }
