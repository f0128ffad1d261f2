"""The trained lifter as an ONNX file that is compared with torch, and its manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.model import BodyModel
from hmr_ros.models.lifter import Lifter
from hmr_ros.models.lifter_weights import KEYPOINT_SET
from hmr_ros.models.merging import fused
from hmr_ros.runtime.answers import DESCRIBED, OUTPUTS, fingerprint
from hmr_ros.runtime.graph_description import answers, write_manifest, write_variant_manifest
from hmr_ros.runtime.graph_file import variant_path
from hmr_ros.runtime.lifter import INPUTS
from hmr_ros.runtime.onnx_writing import write_onnx

TOLERANCE = 1e-4


def export(
    network: Lifter,
    body: BodyModel,
    folder: Path,
    facts: Mapping,
    references: Mapping[str, np.ndarray],
    half: bool = False,
) -> float:
    """Write ``lifter.onnx`` of a ``rounded`` network, its manifest and reference answers.

    facts: what the manifest says beside ``manifest``. references: inputs of a few people by name.
    half: whether to write ``lifter-float16.onnx`` beside it too. Returns the largest difference and
    raises as ``export_onnx``.
    """
    path = folder / "lifter.onnx"
    halved = variant_path(path, "float16") if half else None
    difference = export_onnx(network, path, halved)
    more = {**facts, "largest_difference_to_torch": difference}
    write_manifest(path, manifest(network, body, more), references)
    if halved:
        write_variant_manifest(path, "float16")
    return difference


def export_onnx(network: Lifter, path: Path, half: Path | None = None) -> float:
    """Write the ONNX file of a ``rounded`` network and compare it with torch on random input.

    half: where to write the float16 graph, which is not compared; None for nowhere. Returns the
    largest difference. Raises RuntimeError if it exceeds ``TOLERANCE``.
    """
    network = fused(network).cpu()

    def check(written: Path) -> float:
        difference = compare(network, written)
        if not difference <= TOLERANCE:
            raise RuntimeError(f"the exported network differs from torch by {difference:.1e}")
        return difference

    return write_onnx(network, example_inputs(3), path, check, half=half)


def compare(network: Lifter, path: Path) -> float:
    """Largest absolute difference between torch and the ONNX file over several batch sizes."""
    off = []
    for people in (1, 2, 5):
        inputs = example_inputs(people, seed=people)
        with torch.no_grad():
            expected = network(*inputs.values())
        found = answers(path, {k: v.numpy() for k, v in inputs.items()})
        for name, e in zip(OUTPUTS, expected, strict=True):
            off.append(np.abs(e.numpy() - found[name]).max())
    return float(np.max(off))  # NaN if there is one


def example_inputs(people: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random but possible network inputs."""
    rng = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(people, INPUTS["keypoints"][1], 3, generator=rng) * 0.4
    keypoints[..., 2] *= 2.5
    frame = torch.tensor([[-0.1, -0.1, 0.5, 0.5]]).repeat(people, 1)
    return {"keypoints": keypoints, "box": frame, "image": frame * 3}


def manifest(network: Lifter, body: BodyModel, figures: dict) -> dict:
    """What a reader of the ONNX file must know; kept as ``lifter.json`` beside it."""
    return {
        "estimator": "lifter",
        "keypoint_set": KEYPOINT_SET,
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "inputs": {
            "keypoints": "[N, 33, 3] x, y on the undistorted plane z = 1, confidence (0: missing)",
            "box": "[N, 4] left, top, right, bottom of the person on the same plane",
            "image": "[N, 4] left, top, right, bottom of the image on the same plane",
        },
        "outputs": DESCRIBED,
        "normalisation": "inside the network",
        "temperature": [round(float(t), 4) for t in network.temperature],
        "config": dataclasses.asdict(network.config),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
