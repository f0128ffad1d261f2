"""Shadows on the floor of a photograph: seen where no mesh is, never drawn itself."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.noise import ONE, TINY
from hmr_ros.data.render.shadow import shade_at
from hmr_ros.geometry.camera import Camera

_ZERO = np.float32(0)
CELL = 16  # pixels between rays that are looked up through a distorted lens


def camera_rays(camera: Camera, needed: bool) -> np.ndarray:
    """[h, w, 2] float32 rays at every ``CELL``-th pixel; linear between, exact without a lens."""
    if not needed:
        return np.zeros((0, 0, 2), np.float32)
    rows, columns = (n // CELL + 2 for n in (camera.height, camera.width))
    pixels = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) * float(CELL)
    if camera.distorted:
        # Beyond the border the lens may have no ray; the border's will do.
        pixels = np.minimum(pixels, [camera.width - 1.0, camera.height - 1.0])
    return camera.rays(pixels).astype(np.float32)


@reproducible
def darken_floor(
    image, samples, rays, floor, up, towards, ambient, colour, heights, lamp
):  # fmt: skip
    """Shade on a photographed floor where a pixel shows some of it."""
    lit = up[0] * towards[0] + up[1] * towards[1] + up[2] * towards[2]
    if not lit > _ZERO:
        return
    height, width = samples.shape[:2]
    line = np.empty((3, width), np.float32)
    wide = _widened(rays, width)
    for y in range(height):
        first, last = _open_span(samples[y])
        if first > last:
            continue
        t = np.float32(y % CELL) * np.float32(1 / CELL)
        _on_map(line, wide[y // CELL], wide[y // CELL + 1], t, floor, up, lamp)
        for x in range(first, last + 1):
            # ``EMPTY`` is the only negative one.
            if (samples[y, x, 0] | samples[y, x, 1] | samples[y, x, 2] | samples[y, x, 3]) >= 0:
                continue
            dim = shade_at(line[0, x], line[1, x], line[2, x], heights, lamp[13])
            if dim > _ZERO:
                for n in range(3):
                    bright = ambient[n] * np.float32(1.1) + colour[n] * lit
                    dark = bright - colour[n] * lit * lamp[15] * dim
                    image[y, x, n] = image[y, x, n] * (dark / (bright + TINY))


@reproducible
def _widened(rays, width):
    """Rays of a row of cells at every pixel: [rows, 2, width]."""
    out = np.empty((len(rays), 2, width), np.float32)
    for j in range(len(rays)):
        for a in range(2):
            for x in range(width):
                i = x // CELL
                s = np.float32(x - i * CELL) * np.float32(1 / CELL)
                out[j, a, x] = rays[j, i, a] + s * (rays[j, i + 1, a] - rays[j, i, a])
    return out


@reproducible
def _open_span(samples):
    """First and last pixel of a row that show background."""
    first, last = len(samples), -1
    for x in range(len(samples)):
        if (samples[x, 0] | samples[x, 1] | samples[x, 2] | samples[x, 3]) < 0:
            first, last = min(first, x), x
    return first, last


@reproducible
def _on_map(line, above, below, t, floor, up, lamp):
    """Place and level on the shadow map, [3, W], of the floor in a row of pixels; beyond the map
    where there is no floor."""
    lift = lamp[14]
    right, ahead, level = line[0], line[1], line[2]
    for x in range(line.shape[1]):
        u = above[0, x] + t * (below[0, x] - above[0, x])
        v = above[1, x] + t * (below[1, x] - above[1, x])
        sinking = -(up[0] * u + up[1] * v + up[2])
        z = floor / max(sinking, TINY)
        px, py, pz = u * z + up[0] * lift, v * z + up[1] * lift, z + up[2] * lift
        place = (lamp[0] * px + lamp[1] * py + lamp[2] * pz - lamp[9]) * lamp[12]
        right[x] = place if sinking > TINY else np.float32(-1e9)
        ahead[x] = (lamp[3] * px + lamp[4] * py + lamp[5] * pz - lamp[10]) * lamp[12]
        level[x] = max(lamp[6] * px + lamp[7] * py + lamp[8] * pz - lamp[11] + ONE, _ZERO)
