"""Named surface points of the finished mesh."""

from __future__ import annotations

import numpy as np

from open_body.rig import Rig

_FROM_COCO = {
    "nose": "nose",
    "reye": "right_eye",
    "leye": "left_eye",
    "rear": "right_ear",
    "lear": "left_ear",
    "LBigToe": "left_big_toe",
    "LSmallToe": "left_small_toe",
    "LHeel": "left_heel",
    "RBigToe": "right_big_toe",
    "RSmallToe": "right_small_toe",
    "RHeel": "right_heel",
}
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
# Bones that start at the knuckles which hand detectors mark.
_KNUCKLES = {"thumb": "finger1-2", "index": "finger2-1", "pinky": "finger5-1"}
# From the bone in the middle of a finger to its back, metres.
_HALF_FINGER = 0.008


def extra_vertices(
    rig: Rig, t_mesh: np.ndarray, t_heads: np.ndarray, wrists: np.ndarray, ids: np.ndarray
) -> dict[str, int]:
    """Vertex of each landmark in the numbering of ``ids``.

    t_mesh: [V, 3] Anny's mesh in the T-pose. t_heads: [B, 3] its bones. wrists: [2, 3] left, right.
    """
    vertices = t_mesh[ids]
    outside = ~rig.cavity[ids]

    def nearest(point: np.ndarray) -> int:
        distance = np.linalg.norm(vertices - point, axis=1)
        return int(np.where(outside, distance, np.inf).argmin())

    found = {}
    for name, keypoint in _FROM_COCO.items():
        found[name] = nearest(rig.landmarks[keypoint] @ t_mesh)
    found["nose"] = _nose_tip(vertices, found["nose"])
    for side, wrist in zip("lr", wrists, strict=True):
        for number, finger in enumerate(_FINGERS, start=1):
            tip = rig.bones.index(f"finger{number}-3.{side.upper()}")
            on_tip = np.flatnonzero(rig.weights[ids, tip] > 0.4)
            farthest = np.linalg.norm(vertices[on_tip] - wrist, axis=1).argmax()
            found[side + finger] = int(on_tip[farthest])
        for finger, bone in _KNUCKLES.items():
            head = t_heads[rig.bones.index(f"{bone}.{side.upper()}")]
            name = f"{'left' if side == 'l' else 'right'}_{finger}_knuckle"
            found[name] = nearest(head + [0, _HALF_FINGER, 0])
    return found


def _nose_tip(vertices: np.ndarray, start: int) -> int:
    """The foremost vertex near the middle of the face; Anny's own keypoint lies inside the nose."""
    near = np.linalg.norm(vertices - vertices[start], axis=1) < 0.02
    score = vertices[:, 2] - 2 * np.abs(vertices[:, 0])
    return int(np.where(near, score, -np.inf).argmax())
