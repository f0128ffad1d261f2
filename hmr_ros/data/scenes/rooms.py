"""Rooms around a scene: floor, walls, ceiling, and what is on the walls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.data.scenes.backdrops import thumbnail
from hmr_ros.data.scenes.floors import floor_material, graded
from hmr_ros.data.scenes.paint import MATERIALS, Material, coated, painted, photographed
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import boxes, grid, grid_faces, spread
from hmr_ros.data.scenes.things import Thing

_Place = tuple[float, float, float]
# Of each wall, leftwards to rightwards; the inward normal is that of the next wall.
_ALONG: tuple[_Place, ...] = (
    (1.0, 0.0, 0.0),
    (0.0, 0.0, 1.0),
    (-1.0, 0.0, 0.0),
    (0.0, 0.0, -1.0),
)
_UP = (0.0, 1.0, 0.0)
_THIRDS = np.linspace(0, 1, 4)
_PICTURE = grid(_THIRDS, _THIRDS)[0] * [1, -1] + [0, 1]
_SKIN = 0.012  # metres by which frames, doors and skirting stand out of a wall


@dataclass(frozen=True, eq=False)
class Room:
    """A box with a yaw (radians): ``low`` and ``high`` are x, z in its own frame, metres.

    height: of the ceiling. walls: which of the four stand, in the order -z, +x, +z, -x.
    """

    yaw: float
    low: tuple[float, float]
    high: tuple[float, float]
    height: float
    walls: tuple[bool, bool, bool, bool]

    def world(self, points: np.ndarray) -> np.ndarray:
        """[N, 3] from the room's frame."""
        c, s = float(np.cos(self.yaw)), float(np.sin(self.yaw))
        out = np.array(points, float)
        out[:, 0] = c * points[:, 0] + s * points[:, 2]
        out[:, 2] = c * points[:, 2] - s * points[:, 0]
        return out

    def wall(self, number: int) -> tuple[_Place, _Place, _Place, float]:
        """Corner at the left end on the floor, direction along, inward normal, length; seen from
        within."""
        (x0, z0), (x1, z1) = self.low, self.high
        start = ((x0, 0.0, z0), (x1, 0.0, z0), (x1, 0.0, z1), (x0, 0.0, z1))[number]
        return start, _ALONG[number], _ALONG[number - 3], (x1 - x0, z1 - z0)[number % 2]


_LEAST, _GREATEST = np.log(0.3), np.log(3.5)  # metres, of the space around


def sample_room(rng: np.random.Generator, points: np.ndarray) -> Room:
    """A room that holds the points [N, 3] of the world with some space around."""
    yaw = rng.normal(0, 0.12) + (rng.uniform(-0.8, 0.8) if rng.random() < 0.6 else 0.0)
    c, s = np.cos(yaw), np.sin(yaw)
    x, z = c * points[:, 0] - s * points[:, 2], s * points[:, 0] + c * points[:, 2]
    spare = np.exp(rng.uniform(_LEAST, _GREATEST, 4))
    low = float(x.min() - spare[0]), float(z.min() - spare[1])
    high = float(x.max() + spare[2]), float(z.max() + max(spare[3], 0.6))
    height = max(rng.uniform(2.3, 3.1) if rng.random() < 0.75 else rng.uniform(3.1, 5), 0.0)
    height = max(height, float(points[:, 1].max()) + 0.1)
    walls = tuple(bool(b) for b in rng.random(4) < [0.95, 0.85, 0.9, 0.85])
    return Room(float(yaw), low, high, height, walls)


def room_props(
    rng: np.random.Generator, room: Room, eye: np.ndarray, photos: tuple[Path, ...] = ()
) -> list[Prop]:
    """The room as things; its surfaces are divided finely near the camera at ``eye`` [3]."""
    c, s = np.cos(room.yaw), np.sin(room.yaw)
    at = float(c * eye[0] - s * eye[2]), float(s * eye[0] + c * eye[2])  # in the room's frame
    across = graded(room.low[0], room.high[0], at[0])
    along = graded(room.low[1], room.high[1], at[1])
    size = len(across), len(along)
    seed = int(rng.integers(1 << 30))
    floor, texture = spread(across, along, (0.0, 0.0, 0.0), _ALONG[0], _ALONG[1], room.yaw)
    plain = np.zeros((len(texture), 0), np.float32)
    surface = coated(texture, plain, [floor_material(rng)], seed)
    props = [Prop(floor, grid_faces(*size, False), surface, Thing.ROOM, casts=False)]
    if rng.random() < 0.6:
        ceiling = floor + np.array([0.0, room.height, 0.0], np.float32)
        surface = coated(texture, plain, [MATERIALS["ceiling"](rng)], seed + 1)
        props.append(Prop(ceiling, grid_faces(*size), surface, Thing.ROOM, casts=False))
    props += _walls(rng, room, at, seed)
    props += _fittings(rng, room, photos)
    return props


def _walls(rng: np.random.Generator, room: Room, eye: tuple[float, float], seed: int) -> list[Prop]:
    """All walls as one thing, sometimes with another colour up to the hip."""
    vertices, faces, texture = [], [], []
    first = 0
    steps = max(3, int(room.height / 0.5))
    rise = np.arange(steps) * (room.height / (steps - 1))
    for number in range(4):
        if not room.walls[number]:
            continue
        start, along, _, length = room.wall(number)
        near = (eye[0] - start[0]) * along[0] + (eye[1] - start[2]) * along[2]
        across = graded(0.0, length, min(max(near, 0.0), length))
        corners, paint = spread(across, rise, start, along, _UP, room.yaw)
        paint[:, 0] += 17.0 * number
        vertices.append(corners)
        texture.append(paint)
        faces.append(grid_faces(len(across), steps) + np.int32(first))
        first += len(corners)
    if not vertices:
        return []
    texture = np.concatenate(texture)
    materials, levels = [MATERIALS["plaster"](rng)], np.zeros((first, 0), np.float32)
    if rng.random() < 0.25:
        kind = ("plaster", "wood", "plaster", "cloth")[rng.integers(4)]
        materials.append(MATERIALS[kind](rng))
        levels = np.float32(rng.uniform(0.8, 1.4)) - texture[:, 1:2]
    surface = coated(texture, levels, materials, seed + 2)
    return [Prop(np.concatenate(vertices), np.concatenate(faces), surface, Thing.ROOM, casts=False)]


def _fittings(rng: np.random.Generator, room: Room, photos: tuple[Path, ...]) -> list[Prop]:
    """Skirting, doors, windows, pictures and a column: boxes that stand out of the walls."""
    parts, kinds, pictures = [], [], []
    skirting = rng.uniform(0.06, 0.14)
    for number in range(4):
        if not room.walls[number]:
            continue
        frame = room.wall(number)
        length = frame[3]
        _panel(parts, kinds, frame, 0, length, 0, skirting, _SKIN, 0)
        at = rng.uniform(0.2, 1.2)
        while at < length - 1.2 and len(parts) < 40:
            roll = rng.random()
            if roll < 0.3:
                wide, high = rng.uniform(0.8, 1.0), rng.uniform(2.0, 2.1)
                _panel(parts, kinds, frame, at, at + wide, 0, high, 0.03, 0)
                _panel(parts, kinds, frame, at + 0.07, at + wide - 0.07, 0, high - 0.07, 0.04, 1)
                _panel(parts, kinds, frame, at + 0.12, at + 0.22, 1.0, 1.04, 0.09, 2)
            elif roll < 0.6:
                wide, low = rng.uniform(0.8, 1.8), rng.uniform(0.75, 1.0)
                wide, high = min(wide, length - at - 0.1), low + rng.uniform(0.9, 1.3)
                _panel(parts, kinds, frame, at, at + wide, low, high, 0.03, 0)
                for pane in range(2):
                    a = at + 0.06 + pane * (wide - 0.06) / 2
                    b = at + (pane + 1) * (wide - 0.06) / 2
                    _panel(parts, kinds, frame, a, b, low + 0.06, high - 0.06, 0.034, 3)
            elif roll < 0.85:
                wide, low = rng.uniform(0.35, 1.0), rng.uniform(1.1, 1.5)
                high = min(low + rng.uniform(0.4, 0.8), room.height - 0.1)
                _panel(parts, kinds, frame, at, at + wide, low, high, 0.02, 2)
                if photos and len(pictures) < 2:
                    inner = (at + 0.03, at + wide - 0.03, low + 0.03, high - 0.03)
                    pictures.append(_picture(rng, room, frame, inner, photos))
                else:
                    _panel(
                        parts, kinds, frame, at + 0.03, at + wide - 0.03, low + 0.03, high - 0.03,
                        0.024, 4,
                    )  # fmt: skip
            else:
                wide = 0.0
            at += wide + rng.uniform(0.3, 2.0)
    if not parts:
        return []
    limits = np.array(parts)
    vertices, faces = boxes(limits)
    material = np.repeat(kinds, 24)
    pane = Material(np.stack([rng.uniform([0.75, 0.7, 0.6], 0.97)] * 2), crease=0.15)
    materials = [MATERIALS["plaster"](rng), MATERIALS["wood"](rng), MATERIALS["metal"](rng)]
    materials += [pane, MATERIALS["cloth"](rng)]
    surface = painted(vertices, material, materials, int(rng.integers(1 << 30)))
    world = room.world(vertices).astype(np.float32)
    return [Prop(world, faces, surface, Thing.ROOM, casts=False), *pictures]


def _panel(parts, kinds, frame, left, right, low, high, thick, kind) -> None:
    (x, _, z), (ax, _, az), (nx, _, nz), _ = frame
    x0, x1 = x + left * ax, x + right * ax + thick * nx
    z0, z1 = z + left * az, z + right * az + thick * nz
    parts.append(((min(x0, x1), low, min(z0, z1)), (max(x0, x1), high, max(z0, z1))))
    kinds.append(kind)


def _picture(rng, room: Room, frame, inner, photos) -> Prop:
    start, along, inward, _ = frame
    left, right, low, high = inner
    corner = [start[d] + left * along[d] + 0.024 * inward[d] for d in range(3)]
    across = tuple((right - left) * a for a in along)
    place = corner[0], low, corner[2]
    vertices, _ = spread(_THIRDS, _THIRDS, place, across, (0.0, high - low, 0.0), room.yaw)
    surface = photographed(_PICTURE, thumbnail(photos[rng.integers(len(photos))]))
    return Prop(vertices, grid_faces(4, 4), surface, Thing.ROOM, casts=False)
