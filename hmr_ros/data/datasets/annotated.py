"""What every reader yields: one image and its people."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle


@dataclass(frozen=True, eq=False)
class People(EqualLength):
    """N people of one image. What a data set does not give is None.

    boxes:      [N, 4] float64 x, y, width, height in pixels, tight around the joints or keypoints
                unless the set gives boxes of its own.
    track_ids:  [N] int64, the same person in all images of a sequence.
    evaluated:  [N] bool, who counts under the protocol; the others are there but must not be
                scored (an invalid camera pose, fully hidden, over 90 % occluded).
    genders:    [N] text: male, female, neutral.
    poses:      [N, 24, 3] float64 axis-angle of SMPL's joints; joint 0 turns the body in the world.
    betas:      [N, B] float64, shape of the set's own body model.
    transl:     [N, 3] float64 metres, world, as SMPL adds it.
    joints3d:   [N, J, 3] float64 metres in the camera's optical frame.
    joints3d_valid: [N, J] bool.
    vertices:   [N, V, 3] float64 metres in the camera's optical frame.
    keypoints:  [N, K, 3] float64 x, y in pixels and a confidence, or COCO's v (0 no label,
                1 occluded, 2 visible).
    occlusion:  [N] float64, the hidden share of the person, 0 to 1.
    areas:      [N] float64 square pixels of the outline.
    noise_boxes: [N, 4] float64 x, y, width, height of a rectangle of noise that the protocol puts
                before this person; zeros for none.
    """

    boxes: np.ndarray
    track_ids: np.ndarray
    evaluated: np.ndarray
    genders: np.ndarray | None = None
    poses: np.ndarray | None = None
    betas: np.ndarray | None = None
    transl: np.ndarray | None = None
    joints3d: np.ndarray | None = None
    joints3d_valid: np.ndarray | None = None
    vertices: np.ndarray | None = None
    keypoints: np.ndarray | None = None
    occlusion: np.ndarray | None = None
    areas: np.ndarray | None = None
    noise_boxes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Annotated:
    """One image and its people.

    image:      file. width, height: its pixels.
    people:     ``People``.
    joint_names, keypoint_names: names of the columns of ``joints3d`` and ``keypoints``.
    body_model: ``smpl`` or ``smplx``: whose ``poses`` and ``betas`` these are; "" without any.
                SMPL-X poses are laid out as SMPL's, the two hand joints at rest; their betas are
                SMPL-X's own.
    intrinsics: [3, 3] float64 K in pixels as the set gives it, or None.
    distortion: OpenCV's k1, k2, p1, p2, k3; empty without any.
    world_to_camera: [4, 4] float64, takes ``poses`` and ``transl`` into the camera's optical frame;
                identity where the set has no world.
    sequence, frame: name of the sequence, and number of the image in it; an image of no sequence is
                frame 0 of its own.
    fps:        images a second of the sequence, 0 if it is none.
    """

    image: Path
    width: int
    height: int
    people: People
    joint_names: tuple[str, ...] = ()
    keypoint_names: tuple[str, ...] = ()
    body_model: str = ""
    intrinsics: np.ndarray | None = None
    distortion: tuple[float, ...] = ()
    world_to_camera: np.ndarray = field(default_factory=lambda: np.eye(4))
    sequence: str = ""
    frame: int = 0
    fps: float = 0.0

    def camera_poses(self) -> np.ndarray | None:
        """``people.poses`` [N, 24, 3] with joint 0 turned into the camera's frame."""
        if self.people.poses is None:
            return None
        poses = self.people.poses.copy()
        root = self.world_to_camera[:3, :3] @ matrix_from_axis_angle(poses[:, 0])
        poses[:, 0] = axis_angle_from_matrix(root)
        return poses


def transformed(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Points [..., 3] under a rigid motion [4, 4]."""
    return points @ transform[:3, :3].T + transform[:3, 3]


def pixels(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Points [..., 3] of the optical frame to pixels [..., 2], no distortion; NaN behind it."""
    depth = points[..., 2:]
    flat = points[..., :2] / np.where(depth > 1e-6, depth, np.nan)
    return flat @ intrinsics[:2, :2].T + intrinsics[:2, 2]


def tight_box(points: np.ndarray) -> np.ndarray:
    """x, y, width, height [4] around pixels [K, 2]; those not finite do not count."""
    points = points[np.isfinite(points).all(-1)]
    if not len(points):
        return np.zeros(4)
    low = points.min(0)
    return np.concatenate([low, points.max(0) - low])
