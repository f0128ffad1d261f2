"""Open ground under a sky, with blocks of buildings and hedges far off."""

from __future__ import annotations

from functools import cache

import numpy as np

from hmr_ros.data.scenes.floors import graded
from hmr_ros.data.scenes.paint import MATERIALS, Material, coated, painted
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import boxes, grid_faces, spread
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import CHECKS, CLOUDS

_FAR = 45.0  # metres to the end of the ground


def ground_props(rng: np.random.Generator, behind: float) -> list[Prop]:
    """Grass, sand, asphalt or paving, and what stands farther off than ``behind`` metres (along
    the world's -Z) from the world's origin."""
    vertices, texture, faces = _sheet()
    material, seed = _ground(rng), int(rng.integers(1 << 30))
    surface = coated(texture, np.zeros((len(texture), 0), np.float32), [material], seed)
    props = [Prop(vertices, faces, surface, Thing.ROOM, casts=False)]
    count = int(rng.integers(0, 7))
    if count:
        props.append(_blocks(rng, count, behind))
    return props


@cache
def _sheet() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, texture and faces of the ground, always the same."""
    across, along = graded(-_FAR, _FAR, 0.0), graded(-_FAR, 3.0, 0.0)
    vertices, texture = spread(
        across, along, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.0
    )
    for array in (vertices, texture):
        array.setflags(write=False)
    return vertices, texture, grid_faces(len(across), len(along), False)


def _ground(rng: np.random.Generator) -> Material:
    roll = rng.random()
    if roll < 0.3:  # grass
        tone = np.array([rng.uniform(0.1, 0.25), rng.uniform(0.3, 0.5), rng.uniform(0.15, 0.4)])
        return Material(np.array([tone, 0.75 * tone]), (CLOUDS, rng.uniform(3, 25), 0, 0), 0.3)
    if roll < 0.6:  # asphalt, concrete
        tone = np.full(3, rng.uniform(0.2, 0.6)) * (1 + rng.normal(0, 0.02, 3))
        return Material(np.array([tone, 0.9 * tone]), (CLOUDS, rng.uniform(0.5, 15), 0, 0), 0.1)
    if roll < 0.8:  # paving
        tone = rng.uniform(0.35, 0.75) * np.array([0.92, 0.97, 1.0])
        other = tone * rng.uniform(0.85, 0.97)
        return Material(np.array([tone, other]), (CHECKS, np.pi / rng.uniform(0.3, 0.8), 0, 0), 0.1)
    tone = np.array([0.5, 0.65, 0.78]) * rng.uniform(0.7, 1.1)  # sand
    return Material(np.array([tone, 0.9 * tone]), (CLOUDS, rng.uniform(1, 8), 0, 0), 0.15)


def _blocks(rng: np.random.Generator, count: int, behind: float) -> Prop:
    limits, kinds = [], []
    for _ in range(count):
        ahead = rng.uniform(behind + 3, 40) if behind < 30 else behind + 5
        aside = rng.uniform(-1.0, 1.0) * ahead
        tree = rng.random() < 0.5
        wide, deep = (rng.uniform(0.5, 4), 1.0) if tree else (rng.uniform(3, 9), 4.0)
        high = rng.uniform(0.6, 2.2) if tree else rng.uniform(2.5, 12)
        limits.append(((aside - wide, 0, -ahead - 2 * deep), (aside + wide, high, -ahead)))
        kinds.append(0 if tree else int(rng.integers(1, 3)))
    vertices, faces = boxes(np.array(limits))
    materials = [MATERIALS["leaf"](rng), MATERIALS["plaster"](rng), MATERIALS["plaster"](rng)]
    material = np.repeat(kinds, 24)
    surface = painted(vertices, material, materials, int(rng.integers(1 << 30)))
    return Prop(vertices.astype(np.float32), faces, surface, Thing.ROOM, casts=False)
