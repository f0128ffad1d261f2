"""Which face is in front at which sample: a rasteriser in whole numbers.

Written so that a second implementation can give the same result bit by bit:

- Corners lie on a grid of 1/256 pixel (``DrawList.pixels``); the centre of pixel (x, y) is at
  (256 x, 256 y). A pixel has five samples, in this order: its centre and the four ``SAMPLES``.
- Only drawable faces count. area = (xb - xa)(yc - ya) - (xc - xa)(yb - ya) in int64; 0 is never
  drawn. y points down, so a face seen from outside has area < 0; b and c are swapped, which makes
  it positive. area > 0 before that is a face seen from behind, drawn only if its mesh is
  ``two_sided``.
- Weights of a sample (x, y), int64: wa = (xc - xb)(y - yb) - (yc - yb)(x - xb), wb and wc by
  rotating the letters. A sample is covered if each weight is positive, or zero on an edge that is
  top (from b to c: yb = yc and xc > xb) or left (yc < yb).
- q = (wa qa + wb qb + wc qc) * (1 / area) with qa = 1 / za, sum from left to right, float64. At
  the four samples it is q of the centre plus the same formula of the weights' differences to the
  centre. Rounded to float32, the greatest q is in front; between equals the lower face.
- Depth at a pixel centre: the front face's q in float64, 1 / q, rounded to float32.
- A joint is a sample at its own snapped place, with the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.projection import GRID, snapped

EMPTY = -1  # face of a sample that shows nothing
SAMPLES = np.array([[-64, -64], [64, -64], [-64, 64], [64, 64]])  # steps from the pixel's centre
MAX_PEOPLE = 62  # bits of a silhouette mask
_TILE = 16  # pixels; joints are looked up by tiles


@dataclass(frozen=True, eq=False)
class Coverage:
    """centre: [H, W] int32, the face in front at the pixel's centre, or ``EMPTY``. samples:
    [H, W, 4] int32, those at the four samples.

    depth: [H, W] float32 at the centres, inf where nothing is. silhouettes: [H, W] int64, bit p is
    set where person p covers the centre, seen or not. joint_face: [J] int32 the face in front at
    each probe, joint_depth: [J] float32 its depth, inf where nothing is.
    """

    centre: np.ndarray
    samples: np.ndarray
    depth: np.ndarray
    silhouettes: np.ndarray
    joint_face: np.ndarray
    joint_depth: np.ndarray


def covered(draw: DrawList, probes: np.ndarray) -> Coverage:
    """Rasterise a scene. probes: [J, 2] pixels (NaN: nowhere) at which to look through as well."""
    if len(draw.people) > MAX_PEOPLE:
        raise ValueError(f"scene has {len(draw.people)} people, at most {MAX_PEOPLE} can be drawn")
    height, width = draw.camera.height, draw.camera.width
    centre = np.full((height, width), EMPTY, np.int32)
    samples = np.full((height, width, 4), EMPTY, np.int32)
    near_centre = np.zeros((height, width), np.float32)
    near = np.zeros((height, width, 4), np.float32)
    depth = np.empty((height, width), np.float32)
    silhouettes = np.zeros((height, width), np.int64)
    probe_face = np.full(len(probes), EMPTY, np.int32)
    probe_depth = np.empty(len(probes), np.float32)
    steps = snapped(probes).astype(np.int64)
    head, following = _tiles(steps, (height + _TILE - 1) // _TILE, (width + _TILE - 1) // _TILE)
    _rasterize(
        draw.pixels,
        draw.vertices,
        draw.faces,
        draw.mesh,
        draw.drawable,
        draw.two_sided,
        draw.person,
        steps,
        head,
        following,
        centre,
        near_centre,
        samples,
        near,
        silhouettes,
        probe_face,
    )
    _depths(draw.pixels, draw.vertices, draw.faces, centre, steps, probe_face, depth, probe_depth)
    return Coverage(centre, samples, depth, silhouettes, probe_face, probe_depth)


def _tiles(steps: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Linked lists of the probes in each tile of the image."""
    head = np.full((rows, columns), -1, np.int32)
    following = np.full(len(steps), -1, np.int32)
    for n, (x, y) in enumerate((steps // (GRID * _TILE)).tolist()):
        # Half a pixel to the left of and above the first centre belongs to the image as well.
        x, y = max(x, -1), max(y, -1)
        x, y = x + (x == -1), y + (y == -1)
        if x < columns and y < rows:
            following[n] = head[y, x]
            head[y, x] = n
    return head, following


@reproducible
def weights_at(pixels, a, b, c, x, y):
    """int64 weights of the corners at (x, y) steps.

    The sign is that of a face seen from outside; the fourth number is their sum.
    """
    xa, ya = np.int64(pixels[a, 0]), np.int64(pixels[a, 1])
    xb, yb = np.int64(pixels[b, 0]), np.int64(pixels[b, 1])
    xc, yc = np.int64(pixels[c, 0]), np.int64(pixels[c, 1])
    wa = (yc - yb) * (x - xb) - (xc - xb) * (y - yb)
    wb = (ya - yc) * (x - xc) - (xa - xc) * (y - yc)
    wc = (yb - ya) * (x - xa) - (xb - xa) * (y - ya)
    return wa, wb, wc, wa + wb + wc


@reproducible
def _rasterize(
    pixels, vertices, faces, mesh, drawable, two_sided, person, probes, head, following,
    centre, near_centre, samples, near, silhouettes, probe_face,
):  # fmt: skip
    height, width = silhouettes.shape
    probe_nearest = np.zeros(len(probes), np.float32)
    off_a, off_b, off_c = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.int64)
    off_q = np.empty(4)
    tile = GRID * _TILE
    for f in range(len(faces)):
        if not drawable[f]:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya = np.int64(pixels[a, 0]), np.int64(pixels[a, 1])
        xb, yb = np.int64(pixels[b, 0]), np.int64(pixels[b, 1])
        xc, yc = np.int64(pixels[c, 0]), np.int64(pixels[c, 1])
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0 or (area > 0 and not two_sided[mesh[f]]):
            continue
        least_x, most_x = min(xa, xb, xc), max(xa, xb, xc)
        least_y, most_y = min(ya, yb, yc), max(ya, yb, yc)
        left = max((least_x - 64 + GRID - 1) // GRID, 0)
        right = min((most_x + 64) // GRID, width - 1)
        top = max((least_y - 64 + GRID - 1) // GRID, 0)
        bottom = min((most_y + 64) // GRID, height - 1)
        t0, t1 = max(least_x // tile, 0), min(max(most_x // tile, 0), head.shape[1] - 1)
        u0, u1 = max(least_y // tile, 0), min(max(most_y // tile, 0), head.shape[0] - 1)
        probed = False
        for u in range(u0, u1 + 1):
            for t in range(t0, t1 + 1):
                probed |= head[u, t] >= 0
        if (left > right or top > bottom) and not probed:
            continue
        if area < 0:
            b, c = c, b
            xb, yb, xc, yc = xc, yc, xb, yb
            area = -area
        # One subtracted where an edge does not own its points: then covered means all >= 0.
        less_a = 0 if (yc < yb or (yc == yb and xc > xb)) else 1
        less_b = 0 if (ya < yc or (ya == yc and xa > xc)) else 1
        less_c = 0 if (yb < ya or (yb == ya and xb > xa)) else 1
        qa, qb, qc = (
            1 / np.float64(vertices[a, 2]),
            1 / np.float64(vertices[b, 2]),
            1 / np.float64(vertices[c, 2]),
        )
        inverse = 1 / np.float64(area)
        ax, ay, bx, by, cx, cy = yb - yc, xc - xb, yc - ya, xa - xc, ya - yb, xb - xa
        # Farthest that a sample's weight can be from its pixel's.
        wide_a = 64 * (abs(ax) + abs(ay))
        wide_b = 64 * (abs(bx) + abs(by))
        wide_c = 64 * (abs(cx) + abs(cy))
        for s in range(4):
            dx, dy = SAMPLES[s, 0], SAMPLES[s, 1]
            off_a[s], off_b[s], off_c[s] = ax * dx + ay * dy, bx * dx + by * dy, cx * dx + cy * dy
            off_q[s] = (
                np.float64(off_a[s]) * qa + np.float64(off_b[s]) * qb + np.float64(off_c[s]) * qc
            ) * inverse
        who = person[mesh[f]]
        bit = np.int64(0) if who < 0 else np.int64(1) << np.int64(who)
        spans = right - left > 8
        for y in range(top, bottom + 1):
            py = np.int64(y) * GRID
            wa = ax * (left * GRID - xb) + ay * (py - yb) - less_a
            wb = bx * (left * GRID - xc) + by * (py - yc) - less_b
            wc = cx * (left * GRID - xa) + cy * (py - ya) - less_c
            first, last = left, right
            if spans:
                first, last = _span(wa + wide_a, ax * GRID, left, first, last)
                first, last = _span(wb + wide_b, bx * GRID, left, first, last)
                first, last = _span(wc + wide_c, cx * GRID, left, first, last)
                wa += (first - left) * (ax * GRID)
                wb += (first - left) * (bx * GRID)
                wc += (first - left) * (cx * GRID)
            for x in range(first, last + 1):
                if ((wa + wide_a) | (wb + wide_b) | (wc + wide_c)) >= 0:
                    middle = (
                        np.float64(wa + less_a) * qa
                        + np.float64(wb + less_b) * qb
                        + np.float64(wc + less_c) * qc
                    ) * inverse
                    if (wa | wb | wc) >= 0:
                        silhouettes[y, x] |= bit
                        q = np.float32(middle)
                        if q > near_centre[y, x]:
                            near_centre[y, x] = q
                            centre[y, x] = f
                    for s in range(4):
                        sa, sb, sc = wa + off_a[s], wb + off_b[s], wc + off_c[s]
                        q = np.float32(middle + off_q[s])
                        if (sa | sb | sc) >= 0 and q > near[y, x, s]:
                            near[y, x, s] = q
                            samples[y, x, s] = f
                wa += ax * GRID
                wb += bx * GRID
                wc += cx * GRID
        if probed:
            for u in range(u0, u1 + 1):
                for t in range(t0, t1 + 1):
                    n = head[u, t]
                    while n >= 0:
                        px, py = probes[n, 0], probes[n, 1]
                        sa = ax * (px - xb) + ay * (py - yb)
                        sb = bx * (px - xc) + by * (py - yc)
                        sc = cx * (px - xa) + cy * (py - ya)
                        if sa >= less_a and sb >= less_b and sc >= less_c:
                            q = np.float32(
                                (np.float64(sa) * qa + np.float64(sb) * qb + np.float64(sc) * qc)
                                * inverse
                            )
                            if q > probe_nearest[n]:
                                probe_nearest[n] = q
                                probe_face[n] = f
                        n = following[n]


@reproducible
def _span(reach, step, left, first, last):
    """Narrow first..last to where ``reach + (x - left) * step`` is not negative."""
    if step > 0:
        if reach < 0:
            first = max(first, left + (-reach + step - 1) // step)
    elif reach < 0:
        last = first - 1
    elif step < 0:
        last = min(last, left + reach // -step)
    return first, last


@reproducible
def depth_at(pixels, vertices, face, x, y):
    """Depth of a face at (x, y) steps, float64."""
    a, b, c = face[0], face[1], face[2]
    wa, wb, wc, area = weights_at(pixels, a, b, c, x, y)
    if area > 0:
        b, c = c, b
        wb, wc = wc, wb
    else:
        wa, wb, wc, area = -wa, -wb, -wc, -area
    q = (
        np.float64(wa) * (1 / np.float64(vertices[a, 2]))
        + np.float64(wb) * (1 / np.float64(vertices[b, 2]))
        + np.float64(wc) * (1 / np.float64(vertices[c, 2]))
    ) * (1 / np.float64(area))
    return 1 / q


@reproducible
def _depths(pixels, vertices, faces, centre, probes, probe_face, depth, probe_depth):
    height, width = depth.shape
    for y in range(height):
        for x in range(width):
            f = centre[y, x]
            depth[y, x] = np.inf
            if f >= 0:
                depth[y, x] = depth_at(
                    pixels, vertices, faces[f], np.int64(x) * GRID, np.int64(y) * GRID
                )
    for n in range(len(probes)):
        f = probe_face[n]
        probe_depth[n] = np.inf
        if f >= 0:
            probe_depth[n] = depth_at(pixels, vertices, faces[f], probes[n, 0], probes[n, 1])
