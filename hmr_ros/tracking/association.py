"""Which body of this image is which track: one assignment over image distance and depth."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from hmr_ros.geometry.camera import Camera

# Mean joint distance, as a share of body size, beyond which it is somebody else. It widens while a
# person is not seen, because nobody walks on just as predicted.
GATE = 0.5
GATE_GROWTH_PER_S = 0.5
WIDEST_GATE = 1.0
DEPTH_WEIGHT = 0.5  # weight of |log depth ratio|: two people crossing differ in depth
NEAREST_M = 0.1  # from the image plane: what is nearer has a pixel anywhere, and no steady one
SAME_RAY = 0.01  # on the plane at z = 1


def expected_pixels(joints: np.ndarray, camera: Camera) -> np.ndarray:
    """Joints [T, J, 3] (metres, camera frame) to pixels [T, J, 2] in which they could be met.

    NaN behind the camera and close to its plane, and where a distorted lens, far out of view, folds
    back into the picture.
    """
    pixels = camera.project(joints)
    met = joints[..., 2] > NEAREST_M
    if camera.distorted:
        flat = joints[..., :2] / np.where(met, joints[..., 2], 1)[..., None]
        off = np.linalg.norm(camera.rays(pixels) - flat, axis=-1)
        met &= off < SAME_RAY * (1 + np.linalg.norm(flat, axis=-1))
    return np.where(met[..., None], pixels, np.nan)


def match(
    predicted_2d: np.ndarray,
    predicted_depth: np.ndarray,
    unseen_s: np.ndarray,
    joints_2d: np.ndarray,
    depth: np.ndarray,
) -> list[tuple[int, int]]:
    """Pairs (track, body) with the least total cost, each used at most once.

    predicted_2d: [T, J, 2] pixels where the tracks' joints are expected; joints_2d: [N, J, 2].
    predicted_depth: [T], depth: [N] metres of the pelvis. unseen_s: [T] seconds since each track
    was last seen.

    The cost is the mean joint distance in units of body size (root of the joints' bounding box
    area, so that nothing depends on image resolution), plus the depth's log ratio. Joints without
    a pixel (behind the camera) do not count.
    """
    if len(predicted_2d) == 0 or len(joints_2d) == 0:
        return []
    size = 0.5 * (_size(predicted_2d)[:, None] + _size(joints_2d)[None])
    distance = np.linalg.norm(predicted_2d[:, None] - joints_2d[None], axis=-1)
    counted = np.isfinite(distance)
    mean = np.where(counted, distance, 0).sum(-1) / np.maximum(counted.sum(-1), 1)
    image = np.where(counted.any(-1), mean / size, np.inf)
    ratio = np.abs(
        np.log(np.maximum(predicted_depth, 0.1))[:, None] - np.log(np.maximum(depth, 0.1))
    )
    cost = image + DEPTH_WEIGHT * ratio
    gate = np.minimum(GATE + GATE_GROWTH_PER_S * unseen_s, WIDEST_GATE)
    allowed = image < gate[:, None]
    tracks, bodies = linear_sum_assignment(np.where(allowed, cost, 1e3))
    return [(int(t), int(b)) for t, b in zip(tracks, bodies, strict=True) if allowed[t, b]]


def _size(joints_2d: np.ndarray) -> np.ndarray:
    """[N, J, 2] pixels to a length [N] in pixels, at least 1."""
    with np.errstate(invalid="ignore"):
        low = np.nanmin(np.where(np.isfinite(joints_2d), joints_2d, np.inf), axis=1)
        high = np.nanmax(np.where(np.isfinite(joints_2d), joints_2d, -np.inf), axis=1)
        extent = np.maximum(high - low, 1)
    # A person seen from the side is slim: height alone would do, but not for somebody lying.
    return np.where(np.isfinite(extent).all(-1), np.linalg.norm(extent, axis=-1), 1)
