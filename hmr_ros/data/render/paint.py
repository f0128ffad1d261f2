"""Paint of fragments: ground or photograph, layers and features, and folds."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.fragments import (
    BLOCK,
    BLUE,
    CLOUD,
    FOLD,
    FOOT,
    L0,
    L1,
    L2,
    L3,
    MOST,
    RATE,
    X,
    Y,
    Z,
)
from hmr_ros.data.render.noise import HALF, ONE, crisp, mix_of, value_noise
from hmr_ros.data.surfaces import CLOUDS

_ZERO = np.float32(0)


@reproducible
def feature_spans(features, feature_start):
    """[M, 3] float32: of each mesh's features the least and greatest y, pixels of the footprint
    by which these grow; of a mesh without features the least is above the greatest."""
    out = np.zeros((len(feature_start) - 1, 3), np.float32)
    for m in range(len(out)):
        out[m, 0], out[m, 1] = np.inf, -np.inf
        for k in range(feature_start[m], feature_start[m + 1]):
            y, ry = features[k, 1], features[k, 4]
            least = min(features[k, 3], ry, features[k, 5])
            # A little more, as what is decided is decided with each feature.
            out[m, 0] = min(out[m, 0], y - ry * np.float32(1.01))
            out[m, 1] = max(out[m, 1], y + ry * np.float32(1.01))
            out[m, 2] = max(out[m, 2], ry / least * np.float32(1.01))
    return out


@reproducible
def painted(
    table, face, mesh, palette, patterns, creases, seeds, features, feature_start, spans, photos,
    photo_start, photo_size,
):  # fmt: skip
    """Fill ``BLUE``, ``GREEN``, ``RED`` and ``FOLD`` of a block's table."""
    owner, seed = np.empty(BLOCK, np.uintp), np.empty(BLOCK, np.int32)
    clouded = False
    for i in range(len(face)):
        m = np.uintp(mesh[face[i]])
        owner[i], seed[i] = m, seeds[m]
        cloud = patterns[m, 0, 0] >= CLOUDS
        table[RATE, i] = patterns[m, 0, 1] if cloud else _ZERO
        clouded |= cloud
    seed[len(face) :] = 0
    if clouded:
        _clouds(table[CLOUD], table[X], table[Y], table[Z], table[RATE], seed)
    _folds(table[FOLD], table[X], table[Y], table[Z], seed)
    _greatest(table[MOST], table[L0], table[L1], table[L2], table[L3])
    out = np.empty(3, np.float32)
    for i in range(len(face)):
        m, footprint = owner[i], table[FOOT, i]
        x, y, z = table[X, i], table[Y, i], table[Z, i]
        crease = creases[m, 0]
        if photo_size[m, 0] > 0:
            _texel(out, x, y, photos, photo_start[m], photo_size[m, 0], photo_size[m, 1])
        else:
            mix = mix_of(patterns[m, 0], x, y, z, table[CLOUD, i], footprint)
            for n in range(3):
                first = palette[m, 0, 0, n]
                out[n] = first + mix * (palette[m, 0, 1, n] - first)
        # Outside of all layers by a pixel: surely not covered.
        if table[MOST, i] >= -footprint:
            for layer in range(1, 5):
                cover = crisp(table[L0 + layer - 1, i], footprint)
                if cover > _ZERO:
                    mix = _mix(patterns[m, layer], x, y, z, seed[i], footprint)
                    crease = crease + cover * (creases[m, layer] - crease)
                    for n in range(3):
                        first = palette[m, layer, 0, n]
                        paint = first + mix * (palette[m, layer, 1, n] - first)
                        out[n] = out[n] + cover * (paint - out[n])
        spare = spans[m, 2] * footprint
        if spans[m, 0] - spare <= y and y <= spans[m, 1] + spare:
            _featured(out, x, y, z, footprint, features, feature_start[m], feature_start[m + 1])
        for n in range(3):
            table[BLUE + n, i] = out[n]
        table[FOLD, i] = ONE + crease * (table[FOLD, i] - HALF)


@reproducible
def _clouds(out, x, y, z, rate, seed):
    for n in range(BLOCK):
        out[n] = value_noise(x[n] * rate[n], y[n] * rate[n], z[n] * rate[n], seed[n])


@reproducible
def _folds(out, x, y, z, seed):
    across, along = np.float32(11), np.float32(7)
    for n in range(BLOCK):
        out[n] = value_noise(
            x[n] * across, y[n] * along, z[n] * across, np.int32(seed[n] + np.int32(7))
        )


@reproducible
def _greatest(out, a, b, c, d):
    for n in range(BLOCK):
        out[n] = max(max(a[n], b[n]), max(c[n], d[n]))


@reproducible
def _mix(pattern, x, y, z, seed, footprint):
    noise = _ZERO
    if pattern[0] >= CLOUDS:
        f = pattern[1]
        noise = value_noise(x * f, y * f, z * f, seed)
    return mix_of(pattern, x, y, z, noise, footprint)


@reproducible
def _featured(out, x, y, z, footprint, features, start, stop):
    for k in range(start, stop):
        k = np.uintp(k)
        rx, ry, rz = features[k, 3], features[k, 4], features[k, 5]
        least = min(rx, ry, rz)
        # Too far in one direction already: nothing would be covered.
        if np.abs(y - features[k, 1]) * least > ry * (least + footprint):
            continue
        dx = (x - features[k, 0]) / rx
        dy = (y - features[k, 1]) / ry
        dz = (z - features[k, 2]) / rz
        reach = np.sqrt(dx * dx + dy * dy + dz * dz)
        cover = crisp((ONE - reach) * least, footprint)
        if cover > _ZERO:
            for n in range(3):
                out[n] = out[n] + cover * (features[k, 6 + n] - out[n])


@reproducible
def _texel(out, u, v, photos, start, rows, columns):
    """Bilinear, held at the borders."""
    u = min(max(u * np.float32(columns) - HALF, _ZERO), np.float32(columns - 1))
    v = min(max(v * np.float32(rows) - HALF, _ZERO), np.float32(rows - 1))
    i, j = np.int64(u), np.int64(v)
    s, t = u - np.float32(i), v - np.float32(j)
    i1, j1 = min(i + 1, np.int64(columns - 1)), min(j + 1, np.int64(rows - 1))
    byte = np.float32(1 / 255)
    for n in range(3):
        p = np.float32(photos[start + 3 * (j * columns + i) + n])
        q = np.float32(photos[start + 3 * (j * columns + i1) + n])
        above = p + s * (q - p)
        p = np.float32(photos[start + 3 * (j1 * columns + i) + n])
        q = np.float32(photos[start + 3 * (j1 * columns + i1) + n])
        below = p + s * (q - p)
        out[n] = (above + t * (below - above)) * byte
