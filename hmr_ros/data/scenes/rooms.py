"""Rooms and open ground around the people of a scene."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.paint import painted, plaster, wood
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import grid
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.viewpoints import Viewpoint


def sample_room(
    rng: np.random.Generator, view: Viewpoint, figures: list[Figure], placed: list[Placed]
) -> list[Prop]:
    """A floor and a wall behind everybody."""
    back = min(float(f.skin[:, 2].min()) for f in figures) - rng.uniform(0.3, 2.0)
    u = np.arange(-6, 6.01, 0.5)
    flat, faces = grid(u, np.arange(0, -back + 0.5, 0.5))
    floor = np.stack([flat[:, 0], 0 * flat[:, 0], -flat[:, 1]], 1)
    high, more = grid(u, np.linspace(0, 2.6, 6))
    wall = np.stack([high[:, 0], high[:, 1], np.full(len(high), back)], 1)
    seed = int(rng.integers(1 << 30))
    one = painted(np.pad(flat, ((0, 0), (0, 1))), np.zeros(len(flat), int), [wood(rng)], seed)
    two = painted(np.pad(high, ((0, 0), (0, 1))), np.zeros(len(high), int), [plaster(rng)], seed)
    return [
        Prop(floor.astype(np.float32), faces, one, Thing.ROOM, casts=False),
        Prop(wall.astype(np.float32), more, two, Thing.ROOM, casts=False),
    ]
