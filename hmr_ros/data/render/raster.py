"""The loops of ``coverage``: near faces first, and little work on what is hidden behind them.

The order only saves time. What is in front at a sample is one int64 key, q over the face counted
down from ``LAST``: the greatest stays, in whatever order faces come.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import inlined, reproducible
from hmr_ros.data.render.four_samples import offer
from hmr_ros.data.render.projection import GRID

HALF = GRID // 2
CELL = 4  # pixels; a face looks for joints only if there are some in the cells of its box
_LEVELS = 1536  # of nearness: 128 an octave of inverse depth
_FARTHEST = (127 - 7) << 7  # upper bits of a float32 of 1/128
# A covered sample's q is no more than the greatest of the corners, but for rounding.
_SLACK = 1.0001
LAST = (1 << 31) - 1  # a key's lower half counts down from here: the lower face wins


@reproducible
def near_to_far(pixels, nearness, faces, mesh, drawable, two_sided, width, height):
    """Rows [N] int32 of the faces that can be seen, by the nearness [V] of their farthest corner;
    between equals in their own order."""
    level = np.empty(len(faces), np.int16)
    begin = np.zeros(_LEVELS + 1, np.int32)
    bits = nearness.view(np.int32)
    for f in range(len(faces)):
        level[f] = -1
        if not drawable[f]:
            continue
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        xa, xb, xc = pixels[a, 0], pixels[b, 0], pixels[c, 0]
        # Half a pixel around the picture is its own as well: joints are looked up there.
        if max(xa, xb, xc) < -HALF or min(xa, xb, xc) >= width * GRID + HALF:
            continue
        ya, yb, yc = pixels[a, 1], pixels[b, 1], pixels[c, 1]
        if max(ya, yb, yc) < -HALF or min(ya, yb, yc) >= height * GRID + HALF:
            continue
        right, down = np.int64(xb) - xa, np.int64(yb) - ya
        area = right * (np.int64(yc) - ya) - (np.int64(xc) - xa) * down
        if area == 0 or (area > 0 and not two_sided[mesh[f]]):
            continue
        far = min(bits[a], bits[b], bits[c])  # positive floats are in the order of their bits
        at = _LEVELS - 1 - min(max((far >> 16) - _FARTHEST, 0), _LEVELS - 1)
        level[f] = at
        begin[at + 1] += 1
    for n in range(_LEVELS):
        begin[n + 1] += begin[n]
    order = np.empty(begin[_LEVELS], np.int32)
    for f in range(len(faces)):
        if level[f] >= 0:
            order[begin[level[f]]] = f
            begin[level[f]] += 1
    return order


@reproducible
def probe_counts(probes, width, height):
    """[rows + 1, columns + 1] int32: how many probes lie in the cells above and left of a cell."""
    rows, columns = height // CELL + 1, width // CELL + 1
    sums = np.zeros((rows + 1, columns + 1), np.int32)
    for n in range(len(probes)):
        x, y = _cell(probes[n, 0]), _cell(probes[n, 1])
        if 0 <= x < columns and 0 <= y < rows:
            sums[y + 1, x + 1] += 1
    for y in range(rows):
        line = 0
        for x in range(columns):
            line += sums[y + 1, x + 1]
            sums[y + 1, x + 1] = sums[y, x + 1] + line
    return sums


@reproducible
def probes_by_row(probes, counts):
    """Rows [J] of the probes that lie in cells, from the top row of cells to the last: those of
    row y are the rows counts[y, -1] .. counts[y + 1, -1]."""
    rows, columns = counts.shape[0] - 1, counts.shape[1] - 1
    begin = counts[:, columns].copy()
    out = np.empty(begin[rows], np.int64)
    for n in range(len(probes)):
        x, y = _cell(probes[n, 0]), _cell(probes[n, 1])
        if 0 <= x < columns and 0 <= y < rows:
            out[begin[y]] = n
            begin[y] += 1
    return out


@inlined
def _cell(steps):
    return (steps + HALF) // (GRID * CELL)


@reproducible
def rasterize(
    order, pixels, inverse_z, faces, mesh, person, probes, counts, by_row,
    front, fronts, least, silhouettes, probe_front,
):  # fmt: skip
    """Draw faces in ``order`` into front [H, W], fronts [H, W, 4] and probe_front [J], which hold
    the greatest keys, and least [H, W], the smallest of the five of a pixel; all int64."""
    height, width = silhouettes.shape
    for f in order:
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        xa, ya = np.int64(pixels[a, 0]), np.int64(pixels[a, 1])
        xb, yb = np.int64(pixels[b, 0]), np.int64(pixels[b, 1])
        xc, yc = np.int64(pixels[c, 0]), np.int64(pixels[c, 1])
        least_x, most_x = min(xa, xb, xc), max(xa, xb, xc)
        least_y, most_y = min(ya, yb, yc), max(ya, yb, yc)
        left = max((least_x - 64 + GRID - 1) // GRID, 0)
        right = min((most_x + 64) // GRID, width - 1)
        top = max((least_y - 64 + GRID - 1) // GRID, 0)
        bottom = min((most_y + 64) // GRID, height - 1)
        probed = _some(counts, least_x, most_x, least_y, most_y)
        if (left > right or top > bottom) and not probed:
            continue
        qa, qb, qc = inverse_z[a], inverse_z[b], inverse_z[c]
        lowest = LAST - np.int64(f)
        reach = _key(max(qa, qb, qc) * _SLACK, lowest)
        who = person[mesh[f]]
        bit = np.int64(0) if who < 0 else np.int64(1) << np.int64(who)
        if not probed and _hidden(left, right, top, bottom, reach, bit, least, silhouettes):
            continue
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area < 0:
            xb, yb, xc, yc = xc, yc, xb, yb
            qb, qc = qc, qb
            area = -area
        # One subtracted where an edge does not own its points: then covered means all >= 0.
        less_a = 0 if (yc < yb or (yc == yb and xc > xb)) else 1
        less_b = 0 if (ya < yc or (ya == yc and xa > xc)) else 1
        less_c = 0 if (yb < ya or (yb == ya and xb > xa)) else 1
        inverse = 1 / np.float64(area)
        ax, ay, bx, by, cx, cy = yb - yc, xc - xb, yc - ya, xa - xc, ya - yb, xb - xa
        # Farthest that a sample's weight can be from its pixel's.
        wide_a = 64 * (abs(ax) + abs(ay))
        wide_b = 64 * (abs(bx) + abs(by))
        wide_c = 64 * (abs(cx) + abs(cy))
        # Steps to the fourth sample and to the second; first and third are opposite.
        ja, jb, jc = 64 * (ax + ay), 64 * (bx + by), 64 * (cx + cy)
        ka, kb, kc = 64 * (ax - ay), 64 * (bx - by), 64 * (cx - cy)
        jq = (np.float64(ja) * qa + np.float64(jb) * qb + np.float64(jc) * qc) * inverse
        kq = (np.float64(ka) * qa + np.float64(kb) * qb + np.float64(kc) * qc) * inverse
        y0, x0 = top * GRID, left * GRID
        row_a = ax * (x0 - xb) + ay * (y0 - yb) - less_a
        row_b = bx * (x0 - xc) + by * (y0 - yc) - less_b
        row_c = cx * (x0 - xa) + cy * (y0 - ya) - less_c
        right_a, right_b, right_c = ax * GRID, bx * GRID, cx * GRID
        spans = right - left > 8
        for y in range(top, bottom + 1):
            i = np.uintp(y)
            wa, wb, wc = row_a, row_b, row_c
            row_a += ay * GRID
            row_b += by * GRID
            row_c += cy * GRID
            first, last = left, right
            if spans:
                first, last = _span(wa + wide_a, right_a, left, first, last)
                first, last = _span(wb + wide_b, right_b, left, first, last)
                first, last = _span(wc + wide_c, right_c, left, first, last)
                wa += (first - left) * right_a
                wb += (first - left) * right_b
                wc += (first - left) * right_c
            begun = False
            for x in range(first, last + 1):
                va, vb, vc = wa, wb, wc
                wa += right_a
                wb += right_b
                wc += right_c
                if ((va + wide_a) | (vb + wide_b) | (vc + wide_c)) < 0:
                    if begun:
                        break
                    continue
                begun = True
                j = np.uintp(x)
                if (va | vb | vc) >= 0:
                    silhouettes[i, j] |= bit
                if reach < least[i, j]:
                    continue
                middle = (
                    np.float64(va + less_a) * qa
                    + np.float64(vb + less_b) * qb
                    + np.float64(vc + less_c) * qc
                ) * inverse
                k = _key(middle, lowest) if (va | vb | vc) >= 0 else np.int64(0)
                k = max(k, front[i, j])
                front[i, j] = k
                others = offer(
                    fronts, i, j, (va, vb, vc), (ja, jb, jc), (ka, kb, kc), middle, jq, kq, lowest
                )
                least[i, j] = min(k, others)
        if probed:
            rows, columns = counts.shape[0] - 1, counts.shape[1] - 1
            start = counts[max(_cell(least_y), 0), columns]
            stop = counts[min(_cell(most_y) + 1, rows), columns]
            for n in by_row[start:stop]:
                x, y = probes[n, 0], probes[n, 1]
                if x < least_x or x > most_x:
                    continue
                sa = ax * (x - xb) + ay * (y - yb)
                sb = bx * (x - xc) + by * (y - yc)
                sc = cx * (x - xa) + cy * (y - ya)
                if sa >= less_a and sb >= less_b and sc >= less_c:
                    q = np.float64(sa) * qa + np.float64(sb) * qb + np.float64(sc) * qc
                    probe_front[n] = max(probe_front[n], _key(q * inverse, lowest))


@reproducible
def _key(q, lowest):
    """q as float32, and between equals the lower face, in the order of whole numbers."""
    return np.int64(np.float32(q).view(np.int32)) << 32 | lowest


@inlined
def face_of(key):
    """The face of a key, -1 if its q is not positive."""
    face = np.int32(LAST - (key & 0xFFFFFFFF))
    return face if key >> 32 > 0 else np.int32(-1)


@inlined
def nearness_of(key):
    """The float32 q of a key."""
    return np.int32(key >> 32).view(np.float32)


@reproducible
def _some(counts, least_x, most_x, least_y, most_y):
    """Whether probes lie in the cells of a box of steps."""
    rows, columns = counts.shape[0] - 1, counts.shape[1] - 1
    left, right = max(_cell(least_x), 0), min(_cell(most_x) + 1, columns)
    top, bottom = max(_cell(least_y), 0), min(_cell(most_y) + 1, rows)
    if left >= right or top >= bottom:
        return False
    return counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left] > 0


@reproducible
def _hidden(left, right, top, bottom, reach, bit, least, silhouettes):
    """Whether a face with keys up to ``reach`` changes nothing in a box of pixels."""
    for y in range(top, bottom + 1):
        for x in range(left, right + 1):
            i, j = np.uintp(y), np.uintp(x)
            if reach >= least[i, j] or (silhouettes[i, j] & bit) != bit:
                return False
    return True


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
