"""Decoding of bodies as a graph of its own: what an estimator's graph answers to joints and skin.

It is kept apart from the networks, because most users want no mesh and none wants one of everybody.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import skinned
from hmr_ros.body.torch_body import TorchBody
from hmr_ros.geometry.rotations import matrix_from_axis_angle
from hmr_ros.runtime.answers import fingerprint
from hmr_ros.runtime.graph_description import answers, write_manifest
from hmr_ros.runtime.onnx_writing import write_onnx

NAME = "body"
OUTPUTS = ("vertices", "joints")
TOLERANCE = 1e-5  # metres to ``hmr_ros.body.skinning``
INPUTS = {
    "rotations": "[N, 24, 3, 3] global orientation (camera frame), then local rotations",
    "betas": "[N, 10]",
    "pelvis": "[N, 3] metres, camera frame",
}
DESCRIBED = {
    "vertices": "[N, V, 3] metres, camera frame",
    "joints": "[N, 24, 3] metres, camera frame",
}


class Decoded(nn.Module):
    """rotations [N, 24, 3, 3], betas [N, 10] and pelvis [N, 3], as the networks answer, to
    vertices [N, V, 3] and joints [N, 24, 3]. ids: [V] of the vertices, None for all."""

    def __init__(self, body: BodyModel, ids: np.ndarray | None = None) -> None:
        super().__init__()
        self.body = TorchBody(body)
        self.register_buffer("ids", None if ids is None else torch.from_numpy(ids))

    def forward(self, rotations: Tensor, betas: Tensor, pelvis: Tensor) -> tuple[Tensor, Tensor]:
        transl = pelvis - self.body.rest_joints(betas)[:, 0]
        return self.body(rotations, betas, transl, self.ids)


def export(body: BodyModel, out: Path, faces: np.ndarray | None = None) -> float:
    """Write ``body.onnx`` of ``body``, its manifest and reference answers into the folder ``out``.

    faces: [F, 3] of a coarser mesh over ``body``'s vertices; only the vertices that it needs are
    decoded. None for the full mesh. ``body-faces.npy`` holds the triangles over the output.
    Returns the largest difference to numpy in metres; RuntimeError if it exceeds ``TOLERANCE``.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}.onnx"
    ids, corners = None, body.faces
    if faces is not None:
        ids, corners = np.unique(faces, return_inverse=True)
        corners = corners.reshape(faces.shape)

    def check(written: Path) -> float:
        largest = float(np.max([_difference(written, body, ids, n) for n in (1, 2, 5)]))
        if not largest <= TOLERANCE:
            raise RuntimeError(f"the exported body differs from numpy by {largest:.1e} m")
        return largest

    example = {name: torch.from_numpy(value) for name, value in possible(3).items()}
    largest = write_onnx(Decoded(body, ids), example, path, check, OUTPUTS, exact=True)
    np.save(out / f"{NAME}-faces.npy", corners.astype(np.int32))
    facts = {
        "estimator": NAME,
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "inputs": INPUTS,
        "outputs": DESCRIBED,
        "normalisation": "none",
        "vertices": len(body.v_template) if ids is None else len(ids),
        "faces": f"{NAME}-faces.npy",
        "largest_difference_to_numpy_m": largest,
    }
    write_manifest(path, facts, possible(4))
    return largest


def possible(people: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of people in random poses, some metres ahead of the camera."""
    rng = np.random.default_rng([seed, people])
    turns = rng.normal(0, 0.5, (people, 24, 3))
    return {
        "rotations": matrix_from_axis_angle(turns).astype(np.float32),
        "betas": rng.standard_normal((people, 10), np.float32),
        "pelvis": (rng.standard_normal((people, 3)) * [1, 0.5, 1] + [0, 0, 4]).astype(np.float32),
    }


def _difference(path: Path, body: BodyModel, ids: np.ndarray | None, people: int) -> float:
    inputs = possible(people, seed=1)
    found = answers(path, inputs)
    rotations, betas, pelvis = (value.astype(np.float64) for value in inputs.values())
    rest = rest_joints(body, betas)
    posed = forward_kinematics(rotations, rest, body.parents)
    shift = pelvis - rest[:, 0]
    skin = skinned(body, rotations, betas, rest, *posed, shift, ids)
    apart = [found["vertices"] - skin, found["joints"] - posed[0] - shift[:, None]]
    return float(np.max([np.abs(difference).max() for difference in apart]))
