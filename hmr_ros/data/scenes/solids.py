"""Boxes, balls and drums of no special meaning that hang before people."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import BALL, BOX, DRUM
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface, random_pattern
from hmr_ros.geometry.rotations import matrix_from_axis_angle


def sample_solid(
    rng: np.random.Generator, at: np.ndarray, half_sizes: tuple[float, float] = (0.06, 0.3)
) -> Prop:
    """A solid of random proportions, turned at random, around the world's point ``at`` [3].

    half_sizes: metres, of each of its three axes.
    """
    unit, faces = (BOX, BALL, DRUM)[rng.integers(3)]
    texture = unit * rng.uniform(*half_sizes, 3)
    turn = matrix_from_axis_angle(rng.normal(0, 1, 3))
    surface = Surface(
        texture=texture.astype(np.float32),
        levels=np.zeros((len(texture), 0), np.float32),
        palette=rng.random((1, 2, 3)).astype(np.float32),
        patterns=random_pattern(rng, plain=0.4)[None],
        creases=np.full(1, 0.1, np.float32),
        features=np.zeros((0, 9), np.float32),
        seed=int(rng.integers(1 << 30)),
    )
    vertices = rounded(np.einsum("vj,ij->vi", texture, turn) + np.asarray(at, float))
    return Prop(vertices.astype(np.float32), faces, surface, Thing.SOLID)
