"""Value noise and patterns in texture space: the formulas of ``noise``, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr_ros.data.render.noise import FACTORS, STEP, STEPS, TINY, TURN
from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, STRIPES

_TURN, _TINY, _STEP = float(TURN), float(TINY), float(STEP)
_WORD = 0xFFFFFFFF


def scrambled(n: Tensor) -> Tensor:
    """Whole numbers of 32 bits, int64, to ones of 24 as float32."""
    n = n ^ (n >> 15)
    n = (n * FACTORS[0]) & _WORD
    n = n ^ (n >> 13)
    n = (n * FACTORS[1]) & _WORD
    return (n >> 8).to(torch.float32)


def value_noise(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    """[n] float32 noise in [0, 1) at places [n] float32 with one cell a unit; seed [n] int64."""
    floors = [torch.floor(v) for v in (x, y, z)]
    u, v, w = (p - f for p, f in zip((x, y, z), floors, strict=True))
    u, v, w = (t * t * (3.0 - 2.0 * t) for t in (u, v, w))
    i, j, k = (f.to(torch.int64) * step for f, step in zip(floors, STEPS, strict=True))
    i = i + seed
    i1, j1, k1 = i + STEPS[0], j + STEPS[1], k + STEPS[2]

    def line(j: Tensor, k: Tensor) -> Tensor:
        row = j ^ k
        p, q = scrambled((i ^ row) & _WORD), scrambled((i1 ^ row) & _WORD)
        return p + u * (q - p)

    def slab(k: Tensor) -> Tensor:
        left = line(j, k)
        return left + v * (line(j1, k) - left)

    near, far = slab(k), slab(k1)
    return (near + w * (far - near)) * _STEP


def wave(phase: Tensor) -> Tensor:
    """A triangle wave like the sine of ``phase`` radians."""
    turn = phase * _TURN - 0.25
    turn = turn - torch.floor(turn)
    return 4.0 * torch.abs(turn - 0.5) - 1.0


def crisp(distance: Tensor, width: Tensor) -> Tensor:
    """Share of a pixel of ``width`` inside a border ``distance`` away (> 0: inside)."""
    return (distance / (width + _TINY) + 0.5).clamp(0.0, 1.0)


def mixed(pattern: Tensor, x: Tensor, y: Tensor, z: Tensor, seed: Tensor, pixel: Tensor) -> Tensor:
    """[n] share of the second colour at places x, y, z [n] of patterns [n, 4]; pixel: footprint."""
    kind, f, g, h = pattern.unbind(1)
    kind = kind.to(torch.int64)
    out = torch.zeros_like(x)
    for kinds, value in (((STRIPES, CHECKS), _striped), ((CLOUDS, BLOBS), _clouded)):
        some = ((kind == kinds[0]) | (kind == kinds[1])).nonzero()[:, 0]
        out[some] = value(*(v[some] for v in (kind, f, g, h, x, y, z, seed, pixel)))
    return out


def _striped(kind, f, g, h, x, y, z, _, pixel) -> Tensor:
    stripes = wave(x * f + y * g + z * h)
    checks = wave(x * f) * wave(y * f) * wave(z * f + 1.0)
    is_stripes = kind == STRIPES
    frequency = torch.where(is_stripes, f.abs() + g.abs() + h.abs(), f)
    value = torch.where(is_stripes, stripes, checks)
    return crisp(value, frequency * pixel * _TURN * 4.0)


def _clouded(kind, f, g, h, x, y, z, seed, pixel) -> Tensor:
    value = value_noise(x * f, y * f, z * f, seed)
    return torch.where(kind == CLOUDS, value, crisp(value - 0.55, f * pixel))
