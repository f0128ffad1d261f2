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
    points = np.ascontiguousarray(points)
    limit = widest(camera) if camera.distorted else np.inf
    bend = polynomial(camera)
    if len(bend) == 0:
        # arctan and tilted sensors: OpenCV's, whose last bit may depend on the machine.
        pixels = camera.project(points.astype(np.float64))
        x, y, z = points.astype(np.float64).T
        pixels[x * x + y * y > (limit * z) ** 2] = np.nan
        return pixels
    pixels = np.empty((len(points), 2))
    _project(points, camera.fx, camera.fy, camera.cx, camera.cy, bend, limit, pixels)
    return pixels


def snapped(pixels: np.ndarray) -> np.ndarray:
    """Pixels [N, 2] to int32 steps of 1/``GRID`` pixel, NaN to ``-REACH``."""
    return _snapped(np.ascontiguousarray(pixels, np.float64))


@reproducible
def _snapped(pixels):
    out = np.empty(pixels.shape, np.int32)
    for n in range(len(pixels)):
        for k in range(2):
            step = np.floor(pixels[n, k] * GRID + 0.5)
            if not step > -REACH:  # NaN too
                step = np.float64(-REACH)
            out[n, k] = np.int32(min(step, np.float64(REACH)))
    return out


def polynomial(camera: Camera) -> np.ndarray:
    """k1 k2 p1 p2 k3 k4 k5 k6 (zeros without distortion); empty if the lens needs more."""
    if not camera.distorted:
        return np.zeros(8)
    if camera.distortion_model == "equidistant" or any(camera.distortion[8:]):
        return np.zeros(0)
    out = np.zeros(8)
    out[: len(camera.distortion[:8])] = camera.distortion[:8]
    return out


_RADII = np.linspace(0, 6, 1201)
_ANGLES = np.arange(16) * (np.pi / 8)
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1)


def widest(camera: Camera) -> float:
    """Radius on the plane z = 1 up to which a distorted lens maps outer points further out."""
    return _widest(camera.distortion, camera.distortion_model)


@lru_cache(maxsize=64)
def _widest(distortion: tuple[float, ...], model: str) -> float:
    lens = Camera(2, 2, 1.0, 1.0, 0.0, 0.0, distortion, model)
    least, bend = _RADII[-1], polynomial(lens)
    if len(bend):
        return float(_unfolded(_RADII, _DIRECTIONS, bend))
    for direction in _DIRECTIONS:
        flat = _RADII[:, None] * direction
        places = lens.project(np.concatenate([flat, np.ones((len(flat), 1))], 1))
        outward = (np.diff(places, axis=0) * direction).sum(1)
        # Stop before the very turning point, where faces shrink to nothing.
        folded = np.flatnonzero(outward < 0.1 * outward[0])
        if len(folded):
            least = min(least, float(_RADII[folded[0]]))
    return float(least)


@reproducible
def _unfolded(radii, directions, d):
    """As the loop in ``_widest``, for a lens of polynomials."""
    least = radii[-1]
    for k in range(len(directions)):
        c, s = directions[k, 0], directions[k, 1]
        before, first = 0.0, 0.0
        for n in range(1, len(radii)):
            if radii[n - 1] >= least:
                break
            x, y = _bent(radii[n] * c, radii[n] * s, d)
            along = x * c + y * s
            step = along - before
            before = along
            if n == 1:
                first = step
            elif step < 0.1 * first:
                least = radii[n - 1]
    return least


@reproducible
def _bent(x, y, d):
    """A place on the plane z = 1 after the lens: k1 k2 p1 p2 k3 k4 k5 k6."""
    r2 = x * x + y * y
    scale = 1 + r2 * (d[0] + r2 * (d[1] + r2 * d[4]))
    scale /= 1 + r2 * (d[5] + r2 * (d[6] + r2 * d[7]))
    xy = x * y
    return (
        x * scale + 2 * d[2] * xy + d[3] * (r2 + 2 * x * x),
        y * scale + d[2] * (r2 + 2 * y * y) + 2 * d[3] * xy,
    )


@reproducible
def _project(points, fx, fy, cx, cy, d, limit, out):
    distorted = False
    for k in range(8):
        distorted |= d[k] != 0
    for n in range(len(points)):
        x, y = np.float64(points[n, 0]), np.float64(points[n, 1])
        z = np.float64(points[n, 2])
        reach = limit * z
        if not z > 1e-6 or (distorted and x * x + y * y > reach * reach):
            out[n, 0] = out[n, 1] = np.nan
            continue
        x, y = x / z, y / z
        if distorted:
            x, y = _bent(x, y, d)
        out[n, 0] = fx * x + cx
        out[n, 1] = fy * y + cy
