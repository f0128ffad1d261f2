"""What is shaded: groups of a pixel's samples, and what the corners of their faces say there."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.projection import GRID

BLOCK = 128  # fragments that are worked on together, so that all about them stays in the cache
# Rows of a block's table [ROWS, BLOCK] float32: normal, place in texture space, place in the
# optical frame, levels of the four layers, the side that is seen (1 out, -1 in) ...
NX, NY, NZ, X, Y, Z, VX, VY, VZ, L0, L1, L2, L3, SIDE = range(14)
# ... and what comes of them: footprint, light of the lamp and of the sky, place on the shadow
# map, frequency and noise of the ground's pattern, light of the folds, greatest level, paint.
FOOT, LIT, SKY, RIGHT, UP, HEIGHT, RATE, CLOUD, FOLD, MOST, BLUE, GREEN, RED = range(14, 27)
ROWS = 27


@reproducible
def fragments(centre, samples, faces, mesh, part):
    """Groups of samples that show a face, pixel by pixel.

    Returns pixel [N, 2] int32 (x, y), face [N] int32, place [N] int32 (0 centre, 1..4 sample) and
    blend [N, 2] float32: what to multiply with what the pixel already has (at its first group the
    background), and the share of the group.
    """
    height, width = centre.shape
    most = 4 * height * width
    pixel, blend = np.empty((most, 2), np.int32), np.empty((most, 2), np.float32)
    face, place = np.empty(most, np.int32), np.empty(most, np.int32)
    key, shown = np.empty(5, np.int64), np.empty(5, np.int32)
    quarter = np.float32(0.25)
    made = 0
    for y in range(height):
        for x in range(width):
            f, g = centre[y, x], samples[y, x, 0]
            differ = (g ^ samples[y, x, 1]) | (g ^ samples[y, x, 2]) | (g ^ samples[y, x, 3])
            if (differ | (f ^ g)) == 0:
                if f < 0:
                    continue
                pixel[made, 0], pixel[made, 1] = x, y
                face[made], place[made] = f, 0
                blend[made, 0], blend[made, 1] = 0, 1
                made += 1
                continue
            if differ == 0 and g < 0:
                continue
            empty = 0
            for s in range(5):
                f = centre[y, x] if s == 0 else samples[y, x, s - 1]
                shown[s] = f
                key[s] = -1 if f < 0 else np.int64(mesh[f]) * 256 + part[faces[f, 0]]
                empty += f < 0 and s > 0
            kept = quarter * np.float32(empty)
            for s in range(1, 5):
                number, fresh = 0, key[s] >= 0
                for t in range(1, 5):
                    same = key[t] == key[s]
                    number += same
                    fresh &= not (same and t < s)
                if fresh:
                    chosen = 0 if key[0] == key[s] else s
                    pixel[made, 0], pixel[made, 1] = x, y
                    face[made], place[made] = shown[chosen], chosen
                    blend[made, 0], blend[made, 1] = kept, quarter * np.float32(number)
                    kept = np.float32(1)
                    made += 1
    return pixel[:made], face[:made], place[:made], blend[:made]


@reproducible
def corner_rows(face, faces, pixels, vertices, normals, texture, levels):
    """Corners of the faces of fragments, side by side in memory.

    Returns row of each vertex [V] int32 (-1 unused) and, by rows, values [n, 13] float32 as in a
    block's table, steps [n, 2] int32 and 1 / z [n] float64.
    """
    row = np.full(len(vertices), -1, np.int32)
    values = np.empty((len(vertices), 13), np.float32)
    steps, inverse = np.empty((len(vertices), 2), np.int32), np.empty(len(vertices))
    used, last = 0, -1
    for n in range(len(face)):
        f = face[n]
        if f == last:
            continue
        last = f
        for k in range(3):
            v = faces[f, k]
            if row[v] >= 0:
                continue
            row[v] = used
            for a in range(3):
                values[used, NX + a] = normals[v, a]
                values[used, X + a] = texture[v, a]
                values[used, VX + a] = vertices[v, a]
            for a in range(4):
                values[used, L0 + a] = levels[v, a]
            steps[used, 0], steps[used, 1] = pixels[v, 0], pixels[v, 1]
            inverse[used] = 1 / np.float64(vertices[v, 2])
            used += 1
    return row, values, steps, inverse


@reproducible
def interpolated(table, pixel, face, place, faces, row, values, steps, inverse):
    """Fill the first rows of ``table`` for a block's fragments."""
    last = np.int32(-1)
    a = b = c = np.uintp(0)
    xa = ya = xb = yb = xc = yc = np.int64(0)
    for n in range(len(face)):
        f = face[n]
        if f != last:
            last = f
            # Unsigned, so that no index is looked at for being negative.
            a, b, c = (
                np.uintp(row[faces[f, 0]]),
                np.uintp(row[faces[f, 1]]),
                np.uintp(row[faces[f, 2]]),
            )
            xa, ya = np.int64(steps[a, 0]), np.int64(steps[a, 1])
            xb, yb = np.int64(steps[b, 0]), np.int64(steps[b, 1])
            xc, yc = np.int64(steps[c, 0]), np.int64(steps[c, 1])
        x, y = np.int64(pixel[n, 0]) * GRID, np.int64(pixel[n, 1]) * GRID
        if place[n] > 0:
            x += -64 if place[n] & 1 else 64
            y += 64 if place[n] > 2 else -64
        wa = (yc - yb) * (x - xb) - (xc - xb) * (y - yb)
        wb = (ya - yc) * (x - xc) - (xa - xc) * (y - yc)
        wc = (yb - ya) * (x - xa) - (xb - xa) * (y - ya)
        qa = np.float64(wa) * inverse[a]
        qb = np.float64(wb) * inverse[b]
        qc = np.float64(wc) * inverse[c]
        scale = 1 / (qa + qb + qc)
        ka, kb, kc = np.float32(qa * scale), np.float32(qb * scale), np.float32(qc * scale)
        for k in range(13):
            table[k, n] = ka * values[a, k] + kb * values[b, k] + kc * values[c, k]
        table[SIDE, n] = np.float32(-1) if wa + wb + wc < 0 else np.float32(1)
