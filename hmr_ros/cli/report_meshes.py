"""Meshes over the pictures of the reports' cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

OPACITY = 0.55


def mesh_painter(truth, body) -> Callable:
    """``paint(image, answer, n, ink)`` for ``cases_of``: draws the mesh of row n of an answer into
    an image in place, in the colour ``ink`` (BGR); nothing for an answer without a mesh.

    truth: the people of the answers; the mesh's pelvis is at the answer's.
    """
    from hmr_ros.body.kinematics import rest_joints
    from hmr_ros.body.skinning import vertices
    from hmr_ros.geometry.camera import Camera

    def paint(image: np.ndarray, answer, n: int, ink: tuple[int, int, int]) -> None:
        if answer.rotations is None or answer.betas is None:
            return
        rotations, betas = answer.rotations[[n]], answer.betas[[n]]
        pelvis = answer.joints[[n], 0]
        if not (np.isfinite(rotations).all() and np.isfinite(pelvis).all()):
            return
        # The pelvis turns about itself: posing leaves it where it rests.
        transl = (pelvis - rest_joints(body, betas)[:, 0]).astype(rotations.dtype)
        height, width = image.shape[:2]
        camera = Camera(width, height, *(float(v) for v in truth.intrinsics[n]))
        _paint(image, body, vertices(body, rotations, betas, transl), camera, ink)

    return paint


def body_painter(body) -> Callable:
    """See ``hmr_ros.evaluation.report.coco_report.Paint``."""
    from hmr_ros.body.skinning import vertices

    def paint(image: np.ndarray, bodies, row: int, camera, ink: tuple[int, int, int]) -> None:
        one = bodies[row : row + 1]
        mesh = vertices(body, one.rotations, one.betas, one.transl)
        _paint(image, body, mesh, camera, ink)

    return paint


def _paint(image: np.ndarray, body, mesh: np.ndarray, camera, ink: tuple[int, int, int]) -> None:
    from hmr_ros.drawing.silhouettes import paint_bodies

    paint_bodies(image, mesh, body.faces, camera, np.array([ink]), np.array([OPACITY]))
