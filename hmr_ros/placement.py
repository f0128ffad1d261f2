"""Metric placement: the estimated body is put where its keypoints were seen."""

from __future__ import annotations

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.depth import depth_at
from hmr_ros.geometry.translation import solve_translation
from hmr_ros.people import People

# Spread of adult statures around what the betas say, relative: size and distance cannot be told
# apart in one image, so at least this much of the distance stays uncertain however sharp the
# keypoints are.
STATURE_STD = 0.055
NETWORK_DEPTH_STD = 0.12  # relative error of the network's own distance
DEPTH_IMAGE_STD_M = 0.05
FLESH_M = 0.06  # mean depth of a joint under the skin that a depth image shows
SEEN = 0.5


def place(
    bodies: Bodies,
    people: People,
    camera: Camera,
    body: BodyModel,
    depth: np.ndarray | None = None,
) -> Bodies:
    """``bodies`` with metric ``transl``, ``transl_cov``, ``joints``, ``joints_2d`` and ``metric``.

    bodies and people run over the same persons in the same order; ``bodies.transl`` is the
    network's guess. depth: optional [H, W] metres, registered to the image; it decides the
    distance where it can be read at three or more visible keypoints.
    """
    if len(bodies) == 0:
        return bodies
    rotations = bodies.rotations
    points = keypoints(body, rotations, bodies.betas, None, people.keypoint_set)
    pixels, confidence = people.keypoints[..., :2], people.keypoints[..., 2]
    weights = np.where(people.found[:, None], confidence, 0)
    prior, depth_std = bodies.transl, NETWORK_DEPTH_STD * np.maximum(bodies.transl[:, 2], 0.1)
    scale_std, across = _own_doubt(bodies)
    scale_std = np.maximum(STATURE_STD, scale_std)
    metric = np.full(len(bodies), camera.metric)
    if depth is not None:
        read = _depth_of_bodies(depth, pixels, weights, points)
        known = np.isfinite(read)
        prior = np.where(known[:, None], prior * (read / prior[:, 2])[:, None], prior)
        depth_std = np.where(known, DEPTH_IMAGE_STD_M, depth_std)
        scale_std = np.where(known, 0, scale_std)
        metric = metric | known
    transl, cov = solve_translation(points, camera.rays(pixels), weights, prior, depth_std)
    joints = bodies.joints - bodies.transl[:, None] + transl[:, None]
    pelvis = joints[:, 0]  # whose covariance it is
    cov = cov + across * np.square(pelvis).sum(1)[:, None, None]
    cov = cov + np.square(scale_std)[:, None, None] * pelvis[:, :, None] * pelvis[:, None, :]
    return bodies.replace(
        transl=transl,
        transl_cov=cov.astype(np.float32),
        joints=joints.astype(np.float32),
        joints_2d=camera.project(joints).astype(np.float32),
        metric=metric,
    )


def _own_doubt(bodies: Bodies) -> tuple[np.ndarray, np.ndarray]:
    """By the network itself: [N] standard deviation of the pelvis' distance, and [N, 3, 3]
    covariance of its place across the line of sight, as shares of the distance and of its square:
    the network tells directions, and metres are those of the distance where the body is placed.

    It knows of whom too little is seen, and a body in a wrong pose lands at a wrong place however
    well it fits: that the keypoints agree with it tells nothing of that.
    """
    pelvis = bodies.joints[:, 0]
    far = np.maximum(np.linalg.norm(pelvis, axis=1), 0.1)
    toward = pelvis / far[:, None]
    variance = np.einsum("na,nab,nb->n", toward, bodies.transl_cov, toward)
    sideways = np.eye(3) - toward[:, :, None] * toward[:, None, :]
    across = sideways @ bodies.transl_cov @ sideways
    return np.sqrt(np.maximum(variance, 0)) / far, across / np.square(far)[:, None, None]


def _depth_of_bodies(
    depth: np.ndarray, pixels: np.ndarray, weights: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Translation depth [N] that the depth image implies for each body; NaN where it is silent."""
    n, k = weights.shape
    surface = depth_at(depth, pixels.reshape(-1, 2)).reshape(n, k)
    implied = surface + FLESH_M - points[..., 2]
    implied = np.where(weights > SEEN, implied, np.nan)
    enough = np.isfinite(implied).sum(1) >= 3
    result = np.full(n, np.nan)
    if enough.any():
        result[enough] = np.nanmedian(implied[enough], axis=1)
    return result
