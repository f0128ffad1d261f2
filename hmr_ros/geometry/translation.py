"""Where a posed body stands, from where its points are seen: the perspective equations, solved."""

from __future__ import annotations

import numpy as np

LATERAL_STD_M = 0.05  # how far a body point lies from its keypoint's ray, beyond the outliers
# Residual, round by round, at which a point's pull has fallen to a quarter (Geman-McClure). It
# starts wide, because the prior may stand a metre off, and ends narrow: keypoints on somebody else
# spread the picture of a body, and what keeps a little pull draws it towards the camera.
OUTLIER_M = (1.0, 0.5, 0.3, 0.2, 0.15, 0.12, 0.12, 0.12)


def solve_translation(
    points: np.ndarray,
    rays: np.ndarray,
    weights: np.ndarray,
    prior_transl: np.ndarray,
    prior_depth_std: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Translation that lays each body's points on the rays they were seen along.

    points:  [N, K, 3] body points in camera axes, metres, before translation.
    rays:    [N, K, 2] x, y at z = 1 on the ideal image plane.
    weights: [N, K] in [0, 1]; 0 for points that were not seen.
    prior_transl:    [N, 3] metres; its depth is the prior that holds where too few points, or
                     points too close together, say nothing about the distance. Its x and y only
                     matter for a body without any seen point.
    prior_depth_std: [N] metres, standard deviation of that depth.

    Returns translations [N, 3] and their covariances [N, 3, 3] (m^2).

    With X + t on the ray (u, v): x + t_x = u (z + t_z), linear in t. Residuals are divided by the
    depth of the round before, which makes them image distances: unscaled, least squares would pull
    every body towards the camera, where all residuals are shorter.
    """
    points, rays = np.asarray(points, np.float64), np.asarray(rays, np.float64)
    transl = np.asarray(prior_transl, np.float64).copy()
    weights = np.where(np.isfinite(rays).all(-1), weights, 0).astype(np.float64)
    rays = np.nan_to_num(rays)
    n, k = weights.shape
    rows = np.zeros((n, k, 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -rays
    target = rays * points[..., 2:] - points[..., :2]
    prior_info = np.zeros((n, 3, 3))
    prior_info[:, 2, 2] = 1 / np.square(prior_depth_std)
    # A little information on x and y too, so that a body without points stays where it was put.
    prior_info[:, 0, 0] = prior_info[:, 1, 1] = 1e-4
    prior = (prior_info @ transl[..., None])[..., 0]
    for outlier in OUTLIER_M:
        depth = np.maximum(points[..., 2] + transl[:, None, 2], 0.05)
        residual = (rows @ transl[:, None, :, None])[..., 0] - target
        robust = np.square(1 / (1 + np.square(residual).sum(-1) / outlier**2))
        middle = np.maximum(transl[:, 2:], 0.05)
        pull = weights * robust * np.square(middle / depth) / LATERAL_STD_M**2
        info = np.einsum("nk,nkia,nkib->nab", pull, rows, rows) + prior_info
        right = np.einsum("nk,nkia,nki->na", pull, rows, target) + prior
        transl = np.linalg.solve(info, right[..., None])[..., 0]
        transl[:, 2] = np.maximum(transl[:, 2], 0.1)
    return transl.astype(np.float32), np.linalg.inv(info).astype(np.float32)
