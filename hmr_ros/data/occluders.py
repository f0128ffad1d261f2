"""Solid things that stand in front of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.surfaces import Surface, random_pattern
from hmr_ros.geometry.rotations import matrix_from_axis_angle


@dataclass(frozen=True, eq=False)
class Solid:
    """vertices [V, 3] metres in the camera's optical frame, faces [F, 3] outward, and paint."""

    vertices: np.ndarray
    faces: np.ndarray
    surface: Surface


def sample_solid(
    rng: np.random.Generator, at: np.ndarray, half_sizes: tuple[float, float] = (0.06, 0.3)
) -> Solid:
    """A box, ball or drum of random proportions, turned at random, around ``at`` [3]."""
    shape = (_box, _ball, _drum)[rng.integers(3)]
    vertices, faces = shape()
    texture = (vertices * rng.uniform(*half_sizes, 3)).astype(np.float32)
    turn = matrix_from_axis_angle(rng.normal(0, 1, 3))
    surface = Surface(
        texture=texture,
        levels=np.zeros((len(texture), 0), np.float32),
        palette=rng.random((1, 2, 3)).astype(np.float32),
        patterns=random_pattern(rng, plain=0.4)[None],
        creases=np.full(1, 0.1, np.float32),
        features=np.zeros((0, 9), np.float32),
        seed=int(rng.integers(1 << 30)),
    )
    return Solid((texture @ turn.T + at).astype(np.float32), faces, surface)


def _box() -> tuple[np.ndarray, np.ndarray]:
    """Six sides with corners of their own, so that edges are sharp."""
    corners, faces = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
            side = np.insert(square, axis, sign, axis=1)
            first = len(corners) * 4
            turn = sign * (-1 if axis == 1 else 1)
            quad = np.array([[0, 1, 2], [0, 2, 3]])
            faces.append(first + (quad if turn > 0 else quad[:, ::-1]))
            corners.append(side)
    return np.concatenate(corners).astype(np.float32), np.concatenate(faces).astype(np.int32)


def _ball() -> tuple[np.ndarray, np.ndarray]:
    polar = np.linspace(0, np.pi, 12)
    return _turned(np.sin(polar), np.cos(polar))


def _drum() -> tuple[np.ndarray, np.ndarray]:
    """A cylinder with lids; the rim is doubled so that its edge is sharp."""
    return _turned(np.array([0, 1, 1, 1, 1, 0.0]), np.array([1, 1, 1, -1, -1, -1.0]))


def _turned(radius: np.ndarray, height: np.ndarray, around: int = 24):
    """Surface of revolution about y from an outline that runs from the top to the bottom."""
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    x, z = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    y = np.broadcast_to(height[:, None], x.shape)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(len(radius) - 1), np.arange(around), indexing="ij")
    k = (j + 1) % around
    a, b, c, d = i * around + j, i * around + k, (i + 1) * around + k, (i + 1) * around + j
    faces = np.concatenate([np.stack([a, b, d], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    return vertices.astype(np.float32), faces.astype(np.int32)
