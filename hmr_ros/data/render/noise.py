"""Value noise and patterns in texture space: whole numbers and single steps, no libraries.

All in float32. A lattice point (i, j, k) has the value scrambled((i P + seed) ^ j Q ^ k R) / 2^24
in whole numbers of 32 bits, P, Q and R being ``STEPS``. That takes no table, so that several points
are worked out at once.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import inlined, reproducible
from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, STRIPES

STEPS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
FACTORS = (0x2C1B3C6D, 0x297A2D39)
_P, _Q, _R = (np.uint32(v) for v in STEPS)
_FIRST, _SECOND = (np.uint32(v) for v in FACTORS)
TURN = np.float32(1 / (2 * np.pi))
ONE, HALF, TWO, THREE, FOUR = (np.float32(v) for v in (1, 0.5, 2, 3, 4))
TINY = np.float32(1e-9)
BYTE = np.float32(1 / 255)
STEP = np.float32(1 / (1 << 24))


@inlined
def scrambled(n):
    """A whole number of 32 bits to one of 24, as float32."""
    n = np.uint32(n ^ (n >> np.uint32(15)))
    n = np.uint32(n * _FIRST)
    n = np.uint32(n ^ (n >> np.uint32(13)))
    n = np.uint32(n * _SECOND)
    return np.float32(np.int32(n >> np.uint32(8)))


@inlined
def value_noise(x, y, z, seed):
    """Noise in [0, 1) with one cell a unit; trilinear with smoothstep, x first, then y, then z."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (THREE - TWO * u), v * v * (THREE - TWO * v), w * w * (THREE - TWO * w)
    i = np.uint32(np.uint32(np.int32(fx)) * _P + np.uint32(seed))
    j = np.uint32(np.uint32(np.int32(fy)) * _Q)
    k = np.uint32(np.uint32(np.int32(fz)) * _R)
    i1, j1, k1 = np.uint32(i + _P), np.uint32(j + _Q), np.uint32(k + _R)
    row = np.uint32(j ^ k)
    p = scrambled(np.uint32(i ^ row))
    near = p + u * (scrambled(np.uint32(i1 ^ row)) - p)
    row = np.uint32(j1 ^ k)
    p = scrambled(np.uint32(i ^ row))
    near = near + v * ((p + u * (scrambled(np.uint32(i1 ^ row)) - p)) - near)
    row = np.uint32(j ^ k1)
    p = scrambled(np.uint32(i ^ row))
    far = p + u * (scrambled(np.uint32(i1 ^ row)) - p)
    row = np.uint32(j1 ^ k1)
    p = scrambled(np.uint32(i ^ row))
    far = far + v * ((p + u * (scrambled(np.uint32(i1 ^ row)) - p)) - far)
    return (near + w * (far - near)) * STEP


@inlined
def wave(phase):
    """A triangle wave like the sine of ``phase`` radians, zero where the sine is, in [-1, 1]."""
    turn = phase * TURN - np.float32(0.25)
    turn = turn - np.floor(turn)
    return FOUR * np.abs(turn - HALF) - ONE


@inlined
def crisp(distance, width):
    """Share of a pixel of ``width`` inside a border ``distance`` away (> 0: inside)."""
    return min(ONE, max(np.float32(0), HALF + distance / (width + TINY)))


@reproducible
def mix_of(pattern, x, y, z, noise, footprint):
    """Share of the second colour at a place in texture space; borders blur over the footprint.

    noise: ``value_noise`` there times the pattern's frequency, which some kinds need.
    """
    kind, f = np.int32(pattern[0]), pattern[1]
    if kind == STRIPES:
        g, h = pattern[2], pattern[3]
        frequency = np.abs(f) + np.abs(g) + np.abs(h)
        return crisp(wave(x * f + y * g + z * h), frequency * footprint * TURN * FOUR)
    if kind == CHECKS:
        value = wave(x * f) * wave(y * f) * wave(z * f + ONE)
        return crisp(value, f * footprint * TURN * FOUR)
    if kind == CLOUDS:
        return noise
    if kind == BLOBS:
        return crisp(noise - np.float32(0.55), f * footprint)
    return np.float32(0)
