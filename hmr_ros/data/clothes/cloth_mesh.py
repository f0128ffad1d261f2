"""Faces that cloth is cut from: fewer than skin has, since cloth tells no truth by its vertices."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.coarser import coarser
from hmr_ros.data.rounding import rounded

ERROR = 0.004  # metres, about: half a pixel of somebody who fills a picture of 256 pixels
FINE_ERROR = 0.0012  # where the body bends too much for that
_LONGEST = 0.08  # metres; folds are as wide, and what one garment hides of another
_SEAM = 1e-3  # metres from the middle plane
# Joint -> axis and sign of a right angle: sitting, with the hands in front.
_SEATED = {
    "left_hip": (0, -1), "right_hip": (0, -1), "left_knee": (0, 1), "right_knee": (0, 1),
    "left_shoulder": (2, -1), "right_shoulder": (2, 1),
    "left_elbow": (1, -1), "right_elbow": (1, 1),
}  # fmt: skip


def cloth_faces(
    body: BodyModel,
    place: np.ndarray,
    hung: np.ndarray,
    bones: np.ndarray,
    weights: np.ndarray,
    faces: np.ndarray,
    error: np.ndarray,
) -> np.ndarray:
    """[m, 3] int32 faces on some of the vertices of a zone, near its surface in many poses.

    place: [N, 3] template positions. hung: [N, 3], where loose cloth lies. bones, weights: [N, 4]
    skinning. faces: [M, 3]. error: [N], see ``coarser``. Vertices in the middle plane are kept
    or given up for each other, so that a zip stays straight.
    """
    seam = np.abs(place[:, 0]) < _SEAM
    poses = rounded(np.stack([place, hung, _seated(body, hung, bones, weights)]))
    rows, small = coarser(poses, faces, seam, error, _LONGEST)
    return rows[small].astype(np.int32)


def _seated(body, points, bones, weights) -> np.ndarray:
    rotations = np.tile(np.eye(3), (1, len(body.joint_names), 1, 1))
    for name, (axis, sign) in _SEATED.items():
        u, v = (axis + 1) % 3, (axis + 2) % 3
        turn = np.zeros((3, 3))
        turn[axis, axis], turn[u, v], turn[v, u] = 1, -sign, sign
        rotations[0, body.joint_names.index(name)] = turn
    rest = rest_joints(body, np.zeros((1, body.shapedirs.shape[-1])))
    joints, turned = forward_kinematics(rotations, rest, body.parents)
    out = np.zeros_like(points)
    for k in range(bones.shape[1]):
        j = bones[:, k]
        moved = (turned[0, j] * (points - rest[0, j])[:, None]).sum(-1) + joints[0, j]
        out += weights[:, k, None] * moved
    return out
