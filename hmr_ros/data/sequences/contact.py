"""Which feet touch the floor, from the true motion."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.sequences.floor_clips import sole_vertices

HEIGHT, SPEED = 0.05, 0.3  # metres, m/s; recorded feet of who stands are up to 4 cm off


def foot_contact(
    body: BodyModel, rotations: np.ndarray, pelvis: np.ndarray, betas: np.ndarray, rate: float
) -> np.ndarray:
    """[S, 2] bool: left and right foot; a foot touches if a point of its sole is lower than
    ``HEIGHT`` over y = 0 and slower than ``SPEED``.

    rotations: [S, 24, 3, 3], joint 0 to the world. pelvis: [S, 3]. betas: [10]. rate: of the
    motion's frames, a second; at 25 or more speeds are right.
    """
    rest = rest_joints(body, np.asarray(betas, float)[None])[0, 0]
    left, right = sole_vertices(body)
    many = np.repeat(np.asarray(betas, float)[None], len(rotations), 0)
    soles = vertices(
        body,
        np.asarray(rotations, float),
        many,
        pelvis - rest,
        subset=np.concatenate([left, right]),
    )
    if len(soles) > 1:
        speed = np.sqrt((np.gradient(soles, 1 / rate, axis=0) ** 2).sum(-1))
    else:
        speed = np.zeros(soles.shape[:2])
    touches = (soles[..., 1] < HEIGHT) & (speed < SPEED)
    return np.stack([touches[:, : len(left)].any(1), touches[:, len(left) :].any(1)], 1)
