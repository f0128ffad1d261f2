"""Where the 33 landmarks of rendered people are, and how they are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.body.keypoints import mixture
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import skinned
from hmr_ros.data.measured_errors import CLASSES
from hmr_ros.data.render.rendered import RenderedImage

SKIN_M = 0.03  # a landmark this close behind the surface in front of it is that surface
CLOTHES_M = 0.04  # more where that surface is the person's own clothes
INNER = [*range(11, 17), *range(23, 29)]  # shoulders to wrists, hips to ankles: skeleton joints
VISIBLE, SELF_OCCLUDED, HIDDEN, OUTSIDE = (CLASSES.index(name) for name in CLASSES)


@dataclass(frozen=True)
class LandmarkTruth(EqualLength):
    """N people, K landmarks; pixels of the image, metres in the optical frame.

    points: [N, K, 3]. pixels: [N, K, 2]. state: [N, K] row of ``measured_errors.CLASSES``.
    axes: [N, K, 2, 3] pixels that a metre along each axis of the landmark's limb makes.
    size: [N] longer side of the box around the pixels. hidden: [N] share of the landmarks that
    another thing or the border hides.
    """

    points: np.ndarray
    pixels: np.ndarray
    state: np.ndarray
    axes: np.ndarray
    size: np.ndarray
    hidden: np.ndarray


def landmark_truth(picture: RenderedImage, body: BodyModel) -> LandmarkTruth:
    """The truth about all people of a picture."""
    parts = mixture(body, "blazepose33")
    rest = rest_joints(body, picture.betas)
    joints, turned = forward_kinematics(picture.rotations, rest, body.parents)
    skin = skinned(
        body, picture.rotations, picture.betas, rest, joints, turned, None, parts.vertex_ids
    )
    points = parts.joint_weights @ joints + parts.vertex_weights @ skin
    points = points + picture.transl[:, None]
    owners = (parts.joint_weights + parts.vertex_weights @ body.weights[parts.vertex_ids]).argmax(1)
    pixels = picture.camera.project(points)
    state = landmark_state(points, pixels, picture, body, owners)
    z = np.maximum(points[..., 2], 0.1)
    to_pixel = np.zeros((*z.shape, 2, 3))
    to_pixel[..., 0, 0], to_pixel[..., 1, 1] = picture.camera.fx / z, picture.camera.fy / z
    to_pixel[..., 0, 2] = -picture.camera.fx * points[..., 0] / z**2
    to_pixel[..., 1, 2] = -picture.camera.fy * points[..., 1] / z**2
    extent = np.nanmax(pixels, 1) - np.nanmin(pixels, 1) if len(pixels) else np.zeros((0, 2))
    return LandmarkTruth(
        points=points,
        pixels=pixels,
        state=state,
        axes=to_pixel @ turned[:, owners],
        size=extent.max(1),
        hidden=(state >= HIDDEN).mean(1),
    )


def landmark_state(
    points: np.ndarray,
    pixels: np.ndarray,
    picture: RenderedImage,
    body: BodyModel,
    owners: np.ndarray,
) -> np.ndarray:
    """[N, K] row of ``CLASSES``: what is in front of each landmark at its pixel.

    Landmarks that are joints lie inside of the limb, by up to its thickness, and clothes lie on it.
    """
    height, width = picture.depth.shape
    column, row = np.moveaxis(np.nan_to_num(np.round(pixels), nan=-1).astype(int), -1, 0)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    gaps = np.linalg.norm(body.v_template[None] - body.joint_template[:, None], axis=-1).min(1)
    slack = SKIN_M + 1.5 * gaps[owners] * np.isin(np.arange(len(owners)), INNER)
    own = picture.person_id[row, column] == np.arange(len(points))[:, None]
    in_front = picture.depth[row, column] < points[..., 2] - slack - CLOTHES_M * own
    state = np.where(in_front, np.where(own, SELF_OCCLUDED, HIDDEN), VISIBLE)
    return np.where(inside, state, OUTSIDE)
