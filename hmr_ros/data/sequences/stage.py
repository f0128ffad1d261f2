"""Where a film is set: a room with furniture, or a floor before a photograph all around."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.data.scenes.backdrops import photo
from hmr_ros.data.scenes.furniture import BEFORE, sample_piece
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.paint import Material, painted, photographed
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.rooms import Room, room_props
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import grid
from hmr_ros.data.scenes.things import Thing

CELL = 0.5  # metres of a floor's or wall's squares
_AROUND = 48  # sides of the cylinder that carries a photograph


@dataclass(frozen=True, eq=False)
class Stage:
    """half: [2] metres from the middle (the world's origin) to the walls, in x and z. placed:
    furniture that stands in it. props: all that is drawn, furniture too."""

    half: np.ndarray
    placed: tuple[Placed, ...]
    props: tuple[Prop, ...]

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
    half = rng.uniform(3.2, 6.0, 2)
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
    walls = _panorama(rng, half, photos) if rng.random() < around else _room(rng, half, photos)
    return Stage(half, tuple(placed), tuple(walls) + tuple(p.prop(rng) for p in placed))


def _room(rng: np.random.Generator, half: np.ndarray, photos: tuple[Path, ...]) -> list[Prop]:
    """Floor and four walls, mostly with a ceiling, and what hangs on the walls."""
    room = Room(0.0, -half, half, float(rng.uniform(2.5, 3.6)), (True, True, True, True))
    return room_props(rng, room, np.zeros(3), photos)


def _panorama(rng: np.random.Generator, half: np.ndarray, photos: tuple[Path, ...]) -> list[Prop]:
    """A wide floor in the photograph's lower colours, and the photograph around it.

    Pictures are two and a half times as wide as high, about; four of them, each next to its
    mirror image, make a ring without seams.
    """
    image = photo(photos[rng.integers(len(photos))])
    radius = 1.6 * float(np.sqrt((half**2).sum())) + 4
    below = image[-max(1, len(image) // 6) :].reshape(-1, 3).mean(0) / 255
    shade = np.clip(np.stack([below, 0.85 * below]), 0.05, 0.95)
    floor = _sheet([-radius, 0, radius], [2 * radius, 0, 0], [0, 0, -2 * radius], 1.0)
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
        _flat(*floor, ground, int(rng.integers(1 << 30))),
        Prop(ring.astype(np.float32), faces, surface, Thing.ROOM, two_sided=True, casts=False),
    ]


def _sheet(corner, right, up, cell: float = CELL) -> tuple[np.ndarray, np.ndarray]:
    """A rectangle [V, 3] in squares; faces outward along right x up."""
    corner, right, up = (np.asarray(v, float) for v in (corner, right, up))
    counts = [max(1, int(np.ceil(np.sqrt((v**2).sum()) / cell))) for v in (right, up)]
    flat, faces = grid(np.linspace(0, 1, counts[0] + 1), np.linspace(0, 1, counts[1] + 1))
    return corner + flat[:, :1] * right + flat[:, 1:] * up, faces


def _flat(vertices: np.ndarray, faces: np.ndarray, material: Material, seed: int) -> Prop:
    surface = painted(vertices, np.zeros(len(vertices), int), [material], seed)
    return Prop(vertices.astype(np.float32), faces, surface, Thing.ROOM, casts=False)
