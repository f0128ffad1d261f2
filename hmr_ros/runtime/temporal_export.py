"""The network over time as an ONNX file that takes a frame and what is remembered, and the velocity
field of its limbs as another; compared with torch, and their manifests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.model import BodyModel
from hmr_ros.models.factorized_state import LIMBS
from hmr_ros.models.limb_flow import NOISE, POSE, SIZE
from hmr_ros.models.merging import fused
from hmr_ros.models.temporal import Streaming, Temporal
from hmr_ros.runtime.answers import fingerprint
from hmr_ros.runtime.factorized import field_path
from hmr_ros.runtime.graph_description import answers, opened, write_manifest
from hmr_ros.runtime.network_export import (
    FIELD_INPUTS,
    export_field,
    field_manifest,
    field_references,
    rounded,
)
from hmr_ros.runtime.onnx_writing import write_onnx
from hmr_ros.sighting_fields import ANSWER, GAP, OUTPUTS, STATE, TOLD

# Largest difference to torch: of joint positions in metres, and of any other answer.
JOINT_TOLERANCE, TOLERANCE = 1e-4, 2e-3
FRAMES = 40  # of the comparison: more than the window
FLOW_INPUTS = {
    **FIELD_INPUTS,
    "state": f"[N, {SIZE}] along the flow: see hmr_ros.models.limb_flow",
    "evidence": "[N, 1, W] token_now of the network",
    "regressed": f"[N, {POSE}] pose_now of the network",
}
VELOCITY = f"[N, {SIZE}] d state / d t"


def export(
    network: Temporal,
    body: BodyModel,
    folder: Path,
    facts: Mapping,
    references: Mapping[str, np.ndarray],
) -> float:
    """Write ``temporal.onnx`` and ``temporal_field.onnx``, their manifests and reference answers
    into ``folder``.

    facts: what the manifest says beside ``manifest``. references: inputs of a few people by name.
    Returns the largest difference and raises as ``export_onnx``.
    """
    path = folder / f"{network.name}.onnx"
    difference = export_onnx(network, path)
    more = {**facts, "largest_difference_to_torch_m": difference}
    write_manifest(path, manifest(network, body, more), references)
    said = answers(path, references)
    token, pose = (said[f"{name}_now"] for name in TOLD)
    nowhere = np.zeros((len(token), SIZE), np.float32)
    about = field_references({"regressed": nowhere, "evidence": token[:, None]}, np.float32(NOISE))
    write_manifest(
        field_path(path),
        field_manifest(network, body, FLOW_INPUTS, VELOCITY),
        about | {"regressed": pose},
    )
    return difference


def export_onnx(network: Temporal, path: Path) -> float:
    """Write the ONNX files of ``network``, their large constants in half precision (in ``network``
    too). Returns the largest difference of a joint to torch, in metres, over a stream of random
    sightings with a gap. Raises RuntimeError if it exceeds ``JOINT_TOLERANCE``."""
    ready = rounded(network.cpu().eval())
    largest = 0.0

    def check(written: Path) -> None:
        nonlocal largest
        largest, other = compare(ready, written)
        if largest > JOINT_TOLERANCE or other > TOLERANCE:
            raise RuntimeError(
                f"the exported network differs from torch: joints by {1e3 * largest:.3f} mm, other "
                f"answers by {other:.1e}"
            )

    first = {name: value[:, 0] for name, value in example(3, 1).items()}
    write_onnx(Streaming(ready).eval(), first | ready.nothing(3), path, check, OUTPUTS)
    export_field(rounded(fused(ready.flow)), partial(flow_example, ready), field_path(path))
    return largest


def compare(network: Temporal, path: Path) -> tuple[float, float]:
    """Largest differences between whole clips in torch and the file frame by frame: of joints with
    the pelvis (metres), and of any answer."""
    run = opened(path)
    joints = other = 0.0
    for people in (1, 3):
        clips = example(people, FRAMES)
        with torch.no_grad():
            whole = network(clips)
        state = {name: value.numpy() for name, value in network.nothing(people).items()}
        for t in range(FRAMES):
            frame = {name: value[:, t].numpy() for name, value in clips.items()}
            found = run(frame | state)
            state = {name: found[f"{name}_after"] for name in STATE}
            expected = {name: whole[name][:, t] for name in ANSWER + TOLD}
            made = {name: torch.from_numpy(found[f"{name}_now"]) for name in ANSWER + TOLD}
            for name in ANSWER + TOLD:
                other = max(other, float((made[name] - expected[name]).abs().max()))
            placed = [_joints(network, a) for a in (expected, made)]
            joints = max(joints, float((placed[0] - placed[1]).norm(dim=-1).max()))
    return joints, other


def _joints(network: Temporal, answer: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        joints, _ = network.skeleton(answer["rotations"], answer["betas"])
    return joints + answer["pelvis"][:, None]


def example(people: int, frames: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random but possible sightings [people, frames, ...]: a drifting pose before a panning camera,
    with irregular stamps and one gap."""
    rng = torch.Generator().manual_seed(seed + people)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(people, frames, *shape, generator=rng)

    def rotations(spread: float, *shape: int) -> torch.Tensor:
        start = torch.randn(people, 1, *shape, 3, 3, generator=rng)
        turned, _ = torch.linalg.qr(torch.eye(3) + 0.3 * start + spread * drawn(*shape, 3, 3))
        return turned * torch.sign(turned.diagonal(dim1=-2, dim2=-1))[..., None, :]

    level = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    elapsed = 0.03 + 0.1 * torch.rand(people, frames, generator=rng)
    elapsed[:, 0] = 0
    if frames > 25:
        elapsed[0, 25] = GAP + 0.5
    keypoints = torch.cat(
        [0.2 * drawn(33, 2), torch.rand(people, frames, 33, 1, generator=rng)], -1
    )
    keypoints = keypoints * (torch.rand(people, frames, 33, 1, generator=rng) > 0.25)
    return {
        "rotations": rotations(0.05, 24),
        "betas": drawn(10),
        "pelvis": torch.tensor([0.0, 0.0, 3.0]) + 0.2 * drawn(3),
        "joint_std": 0.1 + 0.05 * torch.rand(people, frames, 24, generator=rng),
        "distance_std": 0.05 + 0.05 * torch.rand(people, frames, generator=rng),
        "visibility": torch.rand(people, frames, 24, generator=rng),
        "keypoints": keypoints,
        "box": torch.tensor([-0.2, -0.4, 0.2, 0.4]) + 0.05 * drawn(4),
        "camera_rotation": level @ rotations(0.02),
        "camera_position": 0.1 * drawn(3).cumsum(1),
        "odometry": torch.ones(people, frames),
        "elapsed": elapsed,
    }


@torch.no_grad()
def references(network: Temporal, people: int = 4, frames: int = 12) -> dict[str, np.ndarray]:
    """Inputs of the exported file for its reference answers: a sighting of people who have been
    seen for some frames, and what is remembered of them."""
    clips, state = example(people, frames), network.nothing(people)
    for t in range(frames - 1):
        _, state = network.step({name: value[:, t] for name, value in clips.items()}, state)
    last = {name: value[:, -1] for name, value in clips.items()}
    return {name: value.numpy() for name, value in (last | state).items()}


def manifest(network: Temporal, body: BodyModel, figures: dict) -> dict:
    """What a reader of the ONNX file must know; kept as a ``.json`` beside it."""
    return {
        "estimator": network.name,
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "inputs": "one sighting and the state: hmr_ros.sighting_fields",
        "outputs": "the answer, what the field is told, the state after: hmr_ros.sighting_fields",
        "temperature": [round(float(t), 4) for t in network.temperature],
        "field": {
            "width": network.config.width,
            "pose": POSE,
            "noise_scale": SIZE * [NOISE],
            "limbs": list(LIMBS),
            "temperature": [round(float(t), 4) for t in network.sample_temperature],
        },
        "config": dataclasses.asdict(network.config),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }


@torch.no_grad()
def flow_example(network: Temporal, people: int) -> dict[str, torch.Tensor]:
    """Random but possible inputs of the limbs' velocity field, in the order of its ``forward``."""
    told = network(example(people, 4))
    rng = torch.Generator().manual_seed(people)
    return {
        "state": NOISE * torch.randn(people, SIZE, generator=rng),
        "t": torch.rand(people, generator=rng),
        "evidence": told["token"][:, -1:],
        "regressed": told["pose"][:, -1],
        "without": (torch.arange(people) % 2).float(),
    }
