"""Points to pixels with the same bits on every machine, and the fixed-point grid of corners."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.geometry.camera import Camera

NEAR = 0.05  # metres; what is closer is not drawn
GRID = 256  # steps of a corner's coordinate in a pixel
REACH = 1 << 29  # steps from the origin at which coordinates are held, so that int64 is enough


def projected(points: np.ndarray, camera: Camera) -> np.ndarray:
    """``camera.project`` in float64: [N, 3] metres to [N, 2] pixels.

    NaN for points at or behind the image plane, and for those so far outside of a distorted lens'
    view that its formula folds back into the picture.
    """
    points = np.ascontiguousarray(points, np.float64)
    if camera.distorted and len(polynomial(camera)) == 0:
        # arctan and tilted sensors: OpenCV's, whose last bit may depend on the machine.
        pixels = camera.project(points)
    else:
        pixels = np.empty((len(points), 2))
        _project(points, camera.fx, camera.fy, camera.cx, camera.cy, polynomial(camera), pixels)
    if camera.distorted:
        x, y, z = points.T
        pixels[x * x + y * y > (widest(camera) * z) ** 2] = np.nan
    return pixels


def snapped(pixels: np.ndarray) -> np.ndarray:
    """Pixels [N, 2] to int32 steps of 1/``GRID`` pixel, NaN to ``-REACH``."""
    steps = np.floor(pixels * GRID + 0.5)
    return np.nan_to_num(np.clip(steps, -REACH, REACH), nan=-REACH).astype(np.int32)


def polynomial(camera: Camera) -> np.ndarray:
    """k1 k2 p1 p2 k3 k4 k5 k6 (zeros without distortion); empty if the lens needs more."""
    if not camera.distorted:
        return np.zeros(8)
    if camera.distortion_model == "equidistant" or any(camera.distortion[8:]):
        return np.zeros(0)
    out = np.zeros(8)
    out[: len(camera.distortion[:8])] = camera.distortion[:8]
    return out


@lru_cache(maxsize=64)
def widest(camera: Camera) -> float:
    """Radius on the plane z = 1 up to which a distorted lens maps outer points further out."""
    radius = np.linspace(0, 6, 1201)
    least = 6.0
    for angle in np.arange(16) * (np.pi / 8):
        flat = radius[:, None] * [np.cos(angle), np.sin(angle)]
        pixels = camera.project(np.concatenate([flat, np.ones((len(flat), 1))], 1))
        steps = np.diff(pixels, axis=0) / [camera.fx, camera.fy]
        outward = (steps * [np.cos(angle), np.sin(angle)]).sum(1)
        # Stop before the very turning point, where faces shrink to nothing.
        folded = np.flatnonzero(outward < 0.1 * outward[0])
        if len(folded):
            least = min(least, float(radius[folded[0]]))
    return least


@reproducible
def _project(points, fx, fy, cx, cy, d, out):
    distorted = False
    for k in range(8):
        distorted |= d[k] != 0
    for n in range(len(points)):
        z = points[n, 2]
        if not z > 1e-6:
            out[n, 0] = out[n, 1] = np.nan
            continue
        x, y = points[n, 0] / z, points[n, 1] / z
        if distorted:
            r2 = x * x + y * y
            scale = 1 + r2 * (d[0] + r2 * (d[1] + r2 * d[4]))
            scale /= 1 + r2 * (d[5] + r2 * (d[6] + r2 * d[7]))
            xy = x * y
            px = x * scale + 2 * d[2] * xy + d[3] * (r2 + 2 * x * x)
            y = y * scale + d[2] * (r2 + 2 * y * y) + 2 * d[3] * xy
            x = px
        out[n, 0] = fx * x + cx
        out[n, 1] = fy * y + cy
