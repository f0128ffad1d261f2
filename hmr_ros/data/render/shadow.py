"""What the lamp does not reach: a shadow map.

The lamp is infinitely far away. Its map is a grid of square texels across the plane that it
shines on; a texel holds how far towards the lamp the highest caster reaches. Drawn with the rules
of ``coverage`` at texel centres only: corners snapped to 1/256 texel, weights in int64, height =
(wa ha + wb hb + wc hc) * (1 / area) in float64, rounded to float32; the greatest stays, 0 is
nothing. Faces that the lamp sees from behind are left out unless two-sided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.projection import GRID

FINEST = 0.02  # metres a texel
LARGEST = 320  # texels along a side


@dataclass(frozen=True, eq=False)
class ShadowFrame:
    """axes: [3, 3] float64, rows right, up and towards the lamp in the optical frame. low: [3]
    float64, least coordinates of the casters. texel: metres. size: width, height in texels."""

    axes: np.ndarray
    low: np.ndarray
    texel: float
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """height: [h, w] float32: 1 + metres from ``low`` towards the lamp; 0 where nothing casts."""

    frame: ShadowFrame
    height: np.ndarray


def shadow_frame(draw: DrawList) -> ShadowFrame | None:
    """Where the map lies; None if no lamp throws shadows or nothing casts one."""
    if draw.light.shadow <= 0:
        return None
    used = _casting(draw.faces, draw.mesh, draw.casts, len(draw.vertices))
    axes = _axes(draw.towards.astype(np.float64))
    low, high = _bounds(draw.vertices, used, axes)
    if not np.isfinite(low).all():
        return None
    extent = high - low
    texel = max(FINEST, float(extent[:2].max()) / (LARGEST - 4))
    # Two texels of margin on each side.
    low[:2] -= 2 * texel
    width, height = (int(np.ceil(e / texel)) + 4 for e in extent[:2])
    return ShadowFrame(axes, low, texel, (width, height))


def shadow_map(draw: DrawList) -> ShadowMap | None:
    """The lamp's view of all that casts; None if there is no shadow."""
    frame = shadow_frame(draw)
    if frame is None:
        return None
    width, height = frame.size
    out = np.zeros((height, width), np.float32)
    _draw(
        draw.vertices,
        draw.faces,
        draw.mesh,
        draw.casts,
        draw.two_sided,
        frame.axes,
        frame.low,
        frame.texel,
        out,
    )
    return ShadowMap(frame, out)


def _axes(towards: np.ndarray) -> np.ndarray:
    """Right-handed: right x up = towards."""
    x, y, z = towards / np.sqrt((towards**2).sum())
    # Around the axis of the smallest component, which is never parallel.
    if abs(y) <= abs(x) and abs(y) <= abs(z):
        right = np.array([z, 0.0, -x])
    elif abs(x) <= abs(z):
        right = np.array([0.0, -z, y])
    else:
        right = np.array([-y, x, 0.0])
    right = right / np.sqrt((right**2).sum())
    up = np.array(
        [y * right[2] - z * right[1], z * right[0] - x * right[2], x * right[1] - y * right[0]]
    )
    return np.stack([right, up, np.array([x, y, z])])


@reproducible
def _casting(faces, mesh, casts, count):
    used = np.zeros(count, np.bool_)
    for f in range(len(faces)):
        if casts[np.uintp(mesh[f])]:
            for k in range(3):
                used[np.uintp(faces[f, k])] = True
    return used


@reproducible
def _bounds(vertices, used, axes):
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for v in range(len(vertices)):
        if used[v]:
            for a in range(3):
                place = (
                    axes[a, 0] * vertices[v, 0]
                    + axes[a, 1] * vertices[v, 1]
                    + axes[a, 2] * vertices[v, 2]
                )
                low[a], high[a] = min(low[a], place), max(high[a], place)
    return low, high


@reproducible
def _draw(vertices, faces, mesh, casts, two_sided, axes, low, texel, out):
    height, width = out.shape
    xs, ys = np.empty(len(vertices), np.int64), np.empty(len(vertices), np.int64)
    level = np.empty(len(vertices))
    steps = GRID / texel
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        right = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z
        up = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z
        xs[v] = np.int64(np.floor((right - low[0]) * steps + 0.5))
        ys[v] = np.int64(np.floor((up - low[1]) * steps + 0.5))
        level[v] = 1 + (axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z - low[2])
    for f in range(len(faces)):
        m = mesh[f]
        if not casts[m]:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        area = (xs[b] - xs[a]) * (ys[c] - ys[a]) - (xs[c] - xs[a]) * (ys[b] - ys[a])
        # The second axis points up here, not down: seen from the lamp's side means area > 0.
        if area == 0 or (area < 0 and not two_sided[m]):
            continue
        if area < 0:
            b, c = c, b
            area = -area
        xa, ya, xb, yb, xc, yc = xs[a], ys[a], xs[b], ys[b], xs[c], ys[c]
        left = max((min(xa, xb, xc) + GRID - 1) // GRID, 0)
        right = min(max(xa, xb, xc) // GRID, width - 1)
        top = max((min(ya, yb, yc) + GRID - 1) // GRID, 0)
        bottom = min(max(ya, yb, yc) // GRID, height - 1)
        if left > right or top > bottom:
            continue
        less_a = 0 if (yc < yb or (yc == yb and xc > xb)) else 1
        less_b = 0 if (ya < yc or (ya == yc and xa > xc)) else 1
        less_c = 0 if (yb < ya or (yb == ya and xb > xa)) else 1
        ha, hb, hc = level[a], level[b], level[c]
        inverse = 1 / np.float64(area)
        ax, ay, bx, by, cx, cy = yb - yc, xc - xb, yc - ya, xa - xc, ya - yb, xb - xa
        for y in range(top, bottom + 1):
            py = np.int64(y) * GRID
            wa = ax * (left * GRID - xb) + ay * (py - yb)
            wb = bx * (left * GRID - xc) + by * (py - yc)
            wc = cx * (left * GRID - xa) + cy * (py - ya)
            for x in range(left, right + 1):
                if wa >= less_a and wb >= less_b and wc >= less_c:
                    h = np.float32(
                        (np.float64(wa) * ha + np.float64(wb) * hb + np.float64(wc) * hc) * inverse
                    )
                    if h > out[y, x]:
                        out[y, x] = h
                wa += ax * GRID
                wb += bx * GRID
                wc += cx * GRID


@reproducible
def shade_at(right, up, level, heights, spacing):
    """Share of 3 x 3 texels around a place on the map that are above it; beyond the map none."""
    rows, columns = np.float32(heights.shape[0]), np.float32(heights.shape[1])
    half = np.float32(0.5)
    u0, u, u2 = right - spacing + half, right + half, right + spacing + half
    v0, v, v2 = up - spacing + half, up + half, up + spacing + half
    if not (u2 >= 0 and v2 >= 0 and u0 < columns and v0 < rows):
        return np.float32(0)
    total = np.int64(0)
    if u0 >= 0 and v0 >= 0 and u2 < columns and v2 < rows:
        # Unsigned, so that no index is looked at for being negative.
        i0, i1, i2 = np.uintp(np.int32(u0)), np.uintp(np.int32(u)), np.uintp(np.int32(u2))
        for y in (v0, v, v2):
            row = heights[np.uintp(np.int32(y))]
            total += np.int64(row[i0] > level) + np.int64(row[i1] > level)
            total += np.int64(row[i2] > level)
    else:
        for y in (v0, v, v2):
            for x in (u0, u, u2):
                if x >= 0 and x < columns and y >= 0 and y < rows:
                    total += np.int64(heights[np.int32(y), np.int32(x)] > level)
    return np.float32(total) * np.float32(1 / 9)
