"""Value noise and patterns in texture space: tables and single steps, no library functions.

All in float32. ``TABLE`` is a fixed shuffle of 0..255, twice, as in Perlin's noise (Perlin 2002):
a cell (i, j, k) with a seed has the value T[T[T[i + s & 255] + (j + (s >> 8) & 255)] + (k +
(s >> 16) & 255)] / 255, where every index is taken modulo 256.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, STRIPES


def _shuffled() -> np.ndarray:
    """Fisher and Yates with a linear congruential generator, so that nothing can change it."""
    table, state = list(range(256)), 12345
    for n in range(255, 0, -1):
        state = (1103515245 * state + 12345) % (1 << 31)
        k = (state >> 8) % (n + 1)
        table[n], table[k] = table[k], table[n]
    return np.array(table * 2, np.int32)


TABLE = _shuffled()
TURN = np.float32(1 / (2 * np.pi))
ONE, HALF, TWO, THREE, FOUR = (np.float32(v) for v in (1, 0.5, 2, 3, 4))
TINY = np.float32(1e-9)
BYTE = np.float32(1 / 255)
_NEXT, _LAST = np.uintp(1), np.uintp(255)


@reproducible
def value_noise(x, y, z, seed):
    """Noise in [0, 1] with one cell a unit; trilinear with smoothstep, x first, then y, then z."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (THREE - TWO * u), v * v * (THREE - TWO * v), w * w * (THREE - TWO * w)
    # Unsigned, so that no index is looked at for being negative.
    i = np.uintp((np.int32(fx) + seed) & 255)
    j = np.uintp((np.int32(fy) + (seed >> 8)) & 255)
    k = np.uintp((np.int32(fz) + (seed >> 16)) & 255)
    j1, k1 = (j + _NEXT) & _LAST, (k + _NEXT) & _LAST
    a, b = np.uintp(TABLE[i]), np.uintp(TABLE[i + _NEXT])
    aa, ab = np.uintp(TABLE[a + j]), np.uintp(TABLE[a + j1])
    ba, bb = np.uintp(TABLE[b + j]), np.uintp(TABLE[b + j1])
    p = np.float32(TABLE[aa + k])
    q = np.float32(TABLE[ab + k])
    near = p + u * (np.float32(TABLE[ba + k]) - p)
    near = near + v * ((q + u * (np.float32(TABLE[bb + k]) - q)) - near)
    p = np.float32(TABLE[aa + k1])
    q = np.float32(TABLE[ab + k1])
    far = p + u * (np.float32(TABLE[ba + k1]) - p)
    far = far + v * ((q + u * (np.float32(TABLE[bb + k1]) - q)) - far)
    return (near + w * (far - near)) * BYTE


@reproducible
def wave(phase):
    """A triangle wave like the sine of ``phase`` radians, zero where the sine is, in [-1, 1]."""
    turn = phase * TURN - np.float32(0.25)
    turn = turn - np.floor(turn)
    return FOUR * np.abs(turn - HALF) - ONE


@reproducible
def crisp(distance, width):
    """Share of a pixel of ``width`` inside a border ``distance`` away (> 0: inside)."""
    return min(ONE, max(np.float32(0), HALF + distance / (width + TINY)))


@reproducible
def mix_of(patterns, m, layer, x, y, z, seed, footprint):
    """Share of the second colour at a place in texture space; borders blur over the footprint."""
    kind, f = np.int32(patterns[m, layer, 0]), patterns[m, layer, 1]
    if kind == STRIPES:
        g, h = patterns[m, layer, 2], patterns[m, layer, 3]
        frequency = np.abs(f) + np.abs(g) + np.abs(h)
        return crisp(wave(x * f + y * g + z * h), frequency * footprint * TURN * FOUR)
    if kind == CHECKS:
        value = wave(x * f) * wave(y * f) * wave(z * f + ONE)
        return crisp(value, f * footprint * TURN * FOUR)
    if kind == CLOUDS:
        return value_noise(x * f, y * f, z * f, seed)
    if kind == BLOBS:
        value = value_noise(x * f, y * f, z * f, seed) - np.float32(0.55)
        return crisp(value, f * footprint)
    return np.float32(0)
