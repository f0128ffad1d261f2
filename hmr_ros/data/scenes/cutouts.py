"""Pieces of photographs with irregular outlines that hang before people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.backdrops import photo
from hmr_ros.data.scenes.paint import MATERIALS, painted, photographed
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.things import Thing

_RINGS = np.array([0.4, 0.75, 1.0])


def outline(rng: np.random.Generator) -> np.ndarray:
    """[N, 2] corners in order around the origin, which sees all of them; about 1 in radius."""
    count = int(rng.integers(14, 40))
    angle = 2 * np.pi * (np.arange(count) + rng.uniform(-0.35, 0.35, count)) / count
    radius = np.full(count, 1.0)
    for wave in range(1, 6):
        radius += rng.normal(0, 0.22 / wave**0.7) * np.sin(wave * angle + rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.4:
        radius *= rng.uniform(0.7, 1.2, count)  # ragged
    radius = np.maximum(radius, 0.25)
    shape = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return shape * [np.exp(rng.normal(0, 0.35)), 1.0]


def sample_cutout(
    rng: np.random.Generator,
    at: np.ndarray,
    eye: np.ndarray,
    radius: float,
    photos: tuple[Path, ...] = (),
) -> Prop:
    """A sheet around ``at`` [3] that roughly faces ``eye`` [3]; ``radius`` in metres.

    It is a part of one of the photos; without photos, of a pattern.
    """
    flat = radius * outline(rng)
    turn = rng.uniform(-np.pi, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    flat = rounded(np.stack([c * flat[:, 0] - s * flat[:, 1], s * flat[:, 0] + c * flat[:, 1]], 1))
    count = len(flat)
    flat = np.concatenate([np.zeros((1, 2)), (_RINGS[:, None, None] * flat).reshape(-1, 2)])
    normal = np.asarray(eye, float) - at + rng.normal(0, 0.25, 3) * np.linalg.norm(eye - at)
    normal /= np.linalg.norm(normal)
    right = np.cross([0.0, 1.0, 0.0], normal)
    right /= np.linalg.norm(right)
    up = np.cross(normal, right)
    vertices = rounded(at + flat[:, :1] * right + flat[:, 1:] * up)
    faces = _fan(count, len(_RINGS))
    if not photos:
        names = ("cloth", "plaster", "leaf", "wood", "cardboard")
        material = MATERIALS[names[rng.integers(len(names))]](rng)
        surface = painted(
            np.pad(flat, ((0, 0), (0, 1))),
            np.zeros(len(flat), int),
            [material],
            int(rng.integers(1 << 30)),
        )
    else:
        image = photo(photos[rng.integers(len(photos))])
        part = rng.uniform(0.25, 0.8)
        h, w = (max(16, int(part * n)) for n in image.shape[:2])
        y, x = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
        low, high = flat.min(0), flat.max(0)
        uv = (flat - low) / (high - low)
        uv[:, 1] = 1 - uv[:, 1]
        surface = photographed(uv, np.ascontiguousarray(image[y : y + h, x : x + w]))
    return Prop(
        vertices.astype(np.float32), faces, surface, Thing.CUTOUT, two_sided=True, casts=False
    )


def _fan(count: int, rings: int) -> np.ndarray:
    """Faces of a disc: its middle is vertex 0, then ``rings`` circles of ``count``."""
    i = np.arange(count)
    j = (i + 1) % count
    faces = [np.stack([0 * i, 1 + i, 1 + j], 1)]
    for ring in range(rings - 1):
        a, b = 1 + ring * count + i, 1 + ring * count + j
        faces += [np.stack([a, a + count, b + count], 1), np.stack([a, b + count, b], 1)]
    return np.concatenate(faces).astype(np.int32)
