"""Rooms around a scene: floor, walls, ceiling, and what is on the walls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.data.scenes.backdrops import photo
from hmr_ros.data.scenes.floors import floor_material, graded
from hmr_ros.data.scenes.paint import MATERIALS, Material, painted, photographed
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import boxes, grid, yaw_matrix
from hmr_ros.data.scenes.things import Thing

_SKIN = 0.012  # metres by which frames, doors and skirting stand out of a wall


@dataclass(frozen=True, eq=False)
class Room:
    """A box with a yaw (radians): ``low`` and ``high`` [2] are x, z in its own frame, metres.

    height: of the ceiling. walls: which of the four stand, in the order -z, +x, +z, -x.
    """

    yaw: float
    low: np.ndarray
    high: np.ndarray
    height: float
    walls: tuple[bool, bool, bool, bool]

    def world(self, points: np.ndarray) -> np.ndarray:
        """[N, 3] from the room's frame."""
        turn = yaw_matrix(self.yaw)
        x, y, z = np.asarray(points, float).T
        return np.stack([turn[0, 0] * x + turn[0, 2] * z, y, turn[2, 0] * x + turn[2, 2] * z], 1)

    def wall(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Corner at the left end on the floor, direction along, inward normal, length; seen from
        within."""
        (x0, z0), (x1, z1) = self.low, self.high
        start = ((x0, z0), (x1, z0), (x1, z1), (x0, z1))[number]
        along = ((1, 0), (0, 1), (-1, 0), (0, -1))[number]
        inward = ((0, 1), (-1, 0), (0, -1), (1, 0))[number]
        length = (x1 - x0, z1 - z0, x1 - x0, z1 - z0)[number]
        return (
            np.array([start[0], 0.0, start[1]]),
            np.array([along[0], 0.0, along[1]], float),
            np.array([inward[0], 0.0, inward[1]], float),
            float(length),
        )


def sample_room(rng: np.random.Generator, points: np.ndarray) -> Room:
    """A room that holds the points [N, 3] of the world with some space around."""
    yaw = rng.normal(0, 0.12) + (rng.uniform(-0.8, 0.8) if rng.random() < 0.6 else 0.0)
    turn = yaw_matrix(yaw)
    x = turn[0, 0] * points[:, 0] + turn[2, 0] * points[:, 2]
    z = turn[0, 2] * points[:, 0] + turn[2, 2] * points[:, 2]
    spare = np.exp(rng.uniform(np.log(0.3), np.log(3.5), 4))
    low = np.array([x.min() - spare[0], z.min() - spare[1]])
    high = np.array([x.max() + spare[2], z.max() + max(spare[3], 0.6)])
    height = max(rng.uniform(2.3, 3.1) if rng.random() < 0.75 else rng.uniform(3.1, 5), 0.0)
    height = max(height, float(points[:, 1].max()) + 0.1)
    walls = tuple(bool(b) for b in rng.random(4) < [0.95, 0.85, 0.9, 0.85])
    return Room(float(yaw), low, high, height, walls)


def room_props(
    rng: np.random.Generator, room: Room, eye: np.ndarray, photos: tuple[Path, ...] = ()
) -> list[Prop]:
    """The room as things; its surfaces are divided finely near the camera at ``eye`` [3]."""
    turn = yaw_matrix(room.yaw)
    at = np.array([(turn[:, 0] * eye).sum(), (turn[:, 2] * eye).sum()])  # in the room's frame
    across = graded(room.low[0], room.high[0], at[0])
    along = graded(room.low[1], room.high[1], at[1])
    flat, faces = grid(across, along)
    seed = int(rng.integers(1 << 30))
    floor = np.stack([flat[:, 0], np.zeros(len(flat)), flat[:, 1]], 1)
    props = [_flat(room, floor, faces[:, ::-1], flat, [floor_material(rng)], seed)]
    if rng.random() < 0.6:
        ceiling = floor + [0.0, room.height, 0.0]
        props.append(_flat(room, ceiling, faces, flat, [MATERIALS["ceiling"](rng)], seed + 1))
    props += _walls(rng, room, at, seed)
    props += _fittings(rng, room, photos)
    return props


def _flat(room, vertices, faces, texture, materials: list[Material], seed: int, levels=None):
    material = np.zeros(len(vertices), int)
    surface = painted(np.pad(texture, ((0, 0), (0, 1))), material, materials, seed)
    if levels is not None:
        surface = type(surface)(**{**surface.__dict__, "levels": levels.astype(np.float32)})
    return Prop(
        room.world(vertices).astype(np.float32),
        np.ascontiguousarray(faces),
        surface,
        Thing.ROOM,
        casts=False,
    )


def _walls(rng: np.random.Generator, room: Room, eye: np.ndarray, seed: int) -> list[Prop]:
    """All walls as one thing, sometimes with another colour up to the hip."""
    vertices, faces, texture = [], [], []
    first = 0
    for number in range(4):
        if not room.walls[number]:
            continue
        start, along, _, length = room.wall(number)
        near = float(((eye - start[::2]) * along[::2]).sum())
        flat, quads = grid(
            graded(0.0, length, min(max(near, 0.0), length)),
            np.linspace(0, room.height, max(3, int(room.height / 0.5))),
        )
        vertices.append(start + flat[:, :1] * along + flat[:, 1:] * [0.0, 1.0, 0.0])
        faces.append(quads + first)
        texture.append(flat + [17.0 * number, 0.0])
        first += len(flat)
    if not vertices:
        return []
    texture = np.concatenate(texture)
    materials, levels = [MATERIALS["plaster"](rng)], None
    if rng.random() < 0.25:
        kind = ("plaster", "wood", "plaster", "cloth")[rng.integers(4)]
        materials.append(MATERIALS[kind](rng))
        levels = rng.uniform(0.8, 1.4) - texture[:, 1:]
    return [
        _flat(
            room,
            np.concatenate(vertices),
            np.concatenate(faces),
            texture,
            materials,
            seed + 2,
            levels,
        )
    ]


def _fittings(rng: np.random.Generator, room: Room, photos: tuple[Path, ...]) -> list[Prop]:
    """Skirting, doors, windows, pictures and a column: boxes that stand out of the walls."""
    parts, kinds, pictures = [], [], []
    skirting = rng.uniform(0.06, 0.14)
    for number in range(4):
        if not room.walls[number]:
            continue
        start, along, inward, length = room.wall(number)
        frame = (start.tolist(), along.tolist(), inward.tolist(), length)
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
    start, along, inward = (np.array(part) for part in frame[:3])
    left, right, low, high = inner
    flat, faces = grid(np.linspace(0, 1, 4), np.linspace(0, 1, 4))
    u, v = flat.T
    middle = start + 0.024 * inward
    vertices = middle + (left + (right - left) * u)[:, None] * along
    vertices[:, 1] = low + (high - low) * v
    uv = np.stack([u, 1 - v], 1)
    image = photo(photos[rng.integers(len(photos))])
    step = max(1, max(image.shape[:2]) // 160)
    surface = photographed(uv, np.ascontiguousarray(image[::step, ::step]))
    return Prop(room.world(vertices).astype(np.float32), faces, surface, Thing.ROOM, casts=False)
