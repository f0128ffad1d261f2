"""Where a film is set: a room with furniture, or a floor before a photograph all around."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.data.scenes.backdrops import photo
from hmr_ros.data.scenes.floors import floor_material
from hmr_ros.data.scenes.furniture import BEFORE, sample_piece
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.paint import Material, painted, photographed
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.rooms import Room, room_props
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import grid
from hmr_ros.data.scenes.things import Thing

CELL = 0.25  # metres of the floor's squares: a distorted lens bends nothing within one
_AROUND = 48  # sides of the cylinder that carries a photograph


@dataclass(frozen=True, eq=False)
class Stage:
    """half: [2] metres from the middle (the world's origin) to the walls, in x and z. placed:
    furniture that stands in it. props: all that is drawn, furniture too. beyond: [3] uint8 BGR,
    what is seen where nothing is."""

    half: np.ndarray
    placed: tuple[Placed, ...]
    props: tuple[Prop, ...]
    beyond: np.ndarray

    def holds(self, points: np.ndarray, margin: float) -> bool:
        """Whether all of [..., 2] (x, z) are so far from the walls, or farther."""
        return bool((np.abs(points) <= self.half - margin).all())

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """[N] metres from points [N, 3] to the nearest furniture; inf without any."""
        if not self.placed:
            return np.full(len(points), np.inf)
        return np.min([p.distance(points) for p in self.placed], axis=0)


def sample_stage(rng: np.random.Generator, mix: Mix, photos: tuple[Path, ...] = ()) -> Stage:
    """A closed room, or, where there are photographs, a floor with one of them around it."""
    half = rng.uniform(*mix.ground, 2)
    placed: list[Placed] = []
    chance = mix.occluders.get(Thing.FURNITURE, 0.0)
    for _ in range(6):
        if rng.random() < min(0.9, 1.6 * chance):
            piece = sample_piece(rng, BEFORE)
            reach = float(np.abs(piece.size[:, ::2]).max())
            # Mostly along the walls, with the back to them.
            side = int(rng.integers(4))
            out = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]], float)[side]
            along = np.array([out[1], out[0]]) * rng.uniform(-0.8, 0.8)
            deep = 1 - rng.uniform(0, 0.6) * (rng.random() < 0.3)
            at = (along + out) * (half - reach - 0.05) * np.where(out != 0, deep, 1)
            yaw = np.arctan2(-out[0], -out[1])
            new = Placed(piece, np.array([at[0], 0, at[1]]), yaw)
            if not any(new.overlaps(p) for p in placed):
                placed.append(new)
    around = mix.photos / max(mix.rooms + mix.photos, 1e-9) if photos else 0.0
    beyond = np.full(3, rng.uniform(120, 240)).astype(np.uint8)
    if rng.random() < around:
        image = photo(photos[rng.integers(len(photos))])
        walls = _panorama(rng, half, image)
        beyond = image[: max(1, len(image) // 10)].reshape(-1, 3).mean(0).astype(np.uint8)
    else:
        walls = _room(rng, half, photos)
    props = tuple(walls) + tuple(p.prop(rng) for p in placed)
    return Stage(half, tuple(placed), props, beyond)


def _room(rng: np.random.Generator, half: np.ndarray, photos: tuple[Path, ...]) -> list[Prop]:
    """Floor and four walls, mostly with a ceiling, and what hangs on the walls."""
    room = Room(0.0, -half, half, float(rng.uniform(2.5, 3.6)), (True, True, True, True))
    # Its floor is finest under one camera; this one comes near every part of it.
    others = room_props(rng, room, np.zeros(3), photos)[1:]
    ground = _floor(half, half, floor_material(rng), int(rng.integers(1 << 30)))
    return [ground, *others]


def _panorama(rng: np.random.Generator, half: np.ndarray, image: np.ndarray) -> list[Prop]:
    """A wide floor in the photograph's lower colours, and the photograph around it.

    Four of them, each next to its mirror image, make a ring without seams.
    """
    radius = 1.6 * float(np.sqrt((half**2).sum())) + 4
    below = image[-max(1, len(image) // 6) :].reshape(-1, 3).mean(0) / 255
    shade = np.clip(np.stack([below, 0.85 * below]), 0.05, 0.95)
    ground = Material(shade, (3, rng.uniform(1, 6), 0, 0), 0.1)
    pictures = 4
    width = 2 * np.pi * radius / pictures
    high = width * image.shape[0] / image.shape[1]
    flat, faces = grid(np.linspace(0, pictures, _AROUND + 1), np.linspace(0, 1, 7))
    angle = 2 * np.pi * flat[:, 0] / pictures
    rise = -0.35 * high + high * flat[:, 1]  # the horizon of a photograph is about in its middle
    ring = np.stack([radius * np.sin(angle), rise, -radius * np.cos(angle)], 1)
    across = np.abs((flat[:, 0] + 1) % 2 - 1)
    surface = photographed(np.stack([across, 1 - flat[:, 1]], 1), image)
    return [
        _floor(half, np.full(2, radius), ground, int(rng.integers(1 << 30))),
        Prop(ring.astype(np.float32), faces, surface, Thing.ROOM, two_sided=True, casts=False),
    ]


def _floor(half: np.ndarray, reach: np.ndarray, material: Material, seed: int) -> Prop:
    """In squares of ``CELL`` on the stage, in wider ones beyond it up to ``reach`` [2]."""
    lines = []
    for inner, outer in zip(half, reach, strict=True):
        fine = np.linspace(-inner, inner, int(np.ceil(2 * inner / CELL)) + 1)
        wide = np.geomspace(inner, outer, 8)[1:] if outer > inner else np.zeros(0)
        lines.append(np.concatenate([-wide[::-1], fine, wide]))
    flat, faces = grid(*lines)
    vertices = np.stack([flat[:, 0], np.zeros(len(flat)), flat[:, 1]], 1)
    texture = np.pad(flat, ((0, 0), (0, 1)))
    surface = painted(texture, np.zeros(len(flat), int), [material], seed)
    down = np.ascontiguousarray(faces[:, ::-1])
    return Prop(vertices.astype(np.float32), down, surface, Thing.ROOM, casts=False)
