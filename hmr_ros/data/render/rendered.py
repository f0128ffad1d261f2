"""A picture and its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.viewpoints import Viewpoint
from hmr_ros.geometry.camera import Camera

NOBODY = -1  # value of ``person_id`` where no person is in front
NO_PART = 255


@dataclass(frozen=True, eq=False)
class RenderedImage:
    """A picture of P people and its truth; camera optical frame, metres, pixels.

    image:      [H, W, 3] uint8 BGR. depth: [H, W] float32, inf where only background is.
    thing:      [H, W] uint8, the ``Thing`` in front (a person and all clothes: ``PERSON``).
    person_id:  [H, W] int32, row of the person in front or ``NOBODY``.
    part_id:    [H, W] uint8, SMPL part (its joint) of the person in front, else ``NO_PART``.
    joints:     [P, 24, 3] float32. joints_2d: [P, 24, 2] float32 (NaN behind the camera).
    visibility: [P, 24] uint8, values of ``joint_visibility``.
    occluder:   [P, 24] uint8, the ``Thing`` that hides the joint (``NOTHING`` if it is seen).
    rotations:  [P, 24, 3, 3] float32, joint 0 to the camera. betas [P, 10], transl [P, 3] float32.
    boxes:      [P, 4] float32 x, y, width, height of the whole silhouette inside the image, as if
                nothing hid it; zeros if it is outside.
    shown:      [P] float32, share of that silhouette that nothing hides.
    view:       the camera and its pose in the world.
    """

    image: np.ndarray
    depth: np.ndarray
    thing: np.ndarray
    person_id: np.ndarray
    part_id: np.ndarray
    joints: np.ndarray
    joints_2d: np.ndarray
    visibility: np.ndarray
    occluder: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    boxes: np.ndarray
    shown: np.ndarray
    view: Viewpoint

    @property
    def camera(self) -> Camera:
        return self.view.camera
