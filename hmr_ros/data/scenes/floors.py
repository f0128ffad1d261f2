"""Ground to stand on: how it is divided and what it is made of."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.paint import MATERIALS, Material
from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, STRIPES

PATCH = 0.5  # metres at most within 2.5 m of the camera, so that a distorted lens bends it well


def graded(low: float, high: float, middle: float) -> np.ndarray:
    """Rising positions from ``low`` to ``high`` in steps that grow with the distance from
    ``middle``: from 0.12 m to ``PATCH``, and a fifth of the distance beyond 2.5 m.

    Small at first, since what reaches behind the camera is not drawn at all by some lenses.
    """
    return _graded(low, high, middle)


@reproducible
def _graded(low, high, middle):
    reach = max(high - middle, middle - low)
    steps = [0.0]
    while steps[-1] < reach:
        last = steps[-1]
        steps.append(last + max(0.12, min(0.35 * last, PATCH), 0.2 * last))
    out = [low]
    for n in range(len(steps) - 1, 0, -1):
        if low + 0.05 < middle - steps[n] < high - 0.05:
            out.append(middle - steps[n])
    for step in steps:
        if low + 0.05 < middle + step < high - 0.05:
            out.append(middle + step)
    out.append(high)
    return np.array(out)


def floor_material(rng: np.random.Generator) -> Material:
    """Tiles, planks, carpet or a poured floor, for a sheet with metres as texture."""
    roll = rng.random()
    if roll < 0.3:  # tiles
        tone = rng.uniform(0.25, 0.9) * (1 + rng.normal(0, 0.05, 3))
        other = tone * (rng.uniform(0.8, 0.97) if rng.random() < 0.7 else rng.uniform(0.2, 0.6))
        pattern = (CHECKS, np.pi / rng.uniform(0.2, 0.6), 0, 0)
        return Material(np.clip(np.array([tone, other]), 0.03, 0.97), pattern, 0.05)
    if roll < 0.55:  # planks
        made = MATERIALS["wood"](rng)
        colours = made.colours * np.array([[1.0], [rng.uniform(0.9, 1.08)]])
        axis = (np.pi / rng.uniform(0.08, 0.2), 0.0)
        axis = axis if rng.random() < 0.5 else axis[::-1]
        return Material(np.clip(colours, 0.03, 0.97), (STRIPES, *axis, 0), 0.15)
    if roll < 0.8:  # carpet
        made = MATERIALS["cloth"](rng)
        tone = made.colours[0] * 0.5 + 0.15
        kind = (CLOUDS, BLOBS)[rng.integers(2)]
        other = tone * (rng.uniform(0.8, 0.95) if kind == CLOUDS else rng.uniform(0.6, 0.95))
        return Material(np.array([tone, other]), (kind, rng.uniform(8, 60), 0, 0), 0.15)
    tone = rng.uniform(0.25, 0.75) * (1 + rng.normal(0, 0.03, 3))
    return Material(
        np.array([tone, 0.85 * tone]).clip(0, 0.97), (CLOUDS, rng.uniform(0.8, 6), 0, 0), 0.1
    )
