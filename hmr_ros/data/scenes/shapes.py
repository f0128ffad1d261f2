"""Plain bodies and sheets that furniture, rooms and solids are put together from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.compiled import reproducible


def _unit_box() -> tuple[np.ndarray, np.ndarray]:
    """Six sides with corners of their own, so that edges are sharp."""
    corners, faces = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
            turn = sign * (-1 if axis == 1 else 1)
            quad = np.array([[0, 1, 2], [0, 2, 3]])
            faces.append(4 * len(corners) + (quad if turn > 0 else quad[:, ::-1]))
            corners.append(np.insert(square, axis, sign, axis=1))
    return np.concatenate(corners), np.concatenate(faces).astype(np.int32)


def turned(
    radius: np.ndarray, height: np.ndarray, around: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    """Surface of revolution about y from an outline [N] that runs from the top to the bottom.

    Returns vertices [N * around, 3] float64 and faces [M, 3] int32, outward.
    """
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    radius, height = np.asarray(radius, float), np.asarray(height, float)
    x, z = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    y = np.broadcast_to(height[:, None], x.shape)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(len(radius) - 1), np.arange(around), indexing="ij")
    k = (j + 1) % around
    a, b, c, d = i * around + j, i * around + k, (i + 1) * around + k, (i + 1) * around + j
    faces = np.concatenate([np.stack([a, b, d], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    return vertices, faces.astype(np.int32)


BOX = _unit_box()  # from -1 to 1 in each direction
# A cylinder with lids; the rims are doubled so that their edges are sharp.
DRUM = turned(np.array([0, 1, 1, 1, 1, 0.0]), np.array([1, 1, 1, -1, -1, -1.0]))
BALL = turned(np.sin(np.linspace(0, np.pi, 10)), np.cos(np.linspace(0, np.pi, 10)), 20)


def boxes(limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B boxes [B, 2, 3] (lowest and highest corner) as one mesh: [24 B, 3] and [12 B, 3]."""
    limits = np.asarray(limits, float)
    return _copies(*BOX, limits)


def drums(limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``boxes``, upright drums that fill the boxes."""
    return _copies(*DRUM, np.asarray(limits, float))


def _copies(unit, faces, limits):
    middle, half = limits.mean(1), (limits[:, 1] - limits[:, 0]) / 2
    vertices = middle[:, None] + half[:, None] * unit
    first = len(unit) * np.arange(len(limits), dtype=np.int32)
    return vertices.reshape(-1, 3), (faces[None] + first[:, None, None]).reshape(-1, 3)


def grid(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A flat sheet [U * V, 2] over all pairs of the rising ``u`` [U] and ``v`` [V].

    Faces [M, 3] are counter-clockwise where u points right and v up.
    """
    flat = np.empty((len(v), len(u), 2))
    flat[..., 0], flat[..., 1] = u, np.asarray(v)[:, None]
    return flat.reshape(-1, 2), grid_faces(len(u), len(v))


@reproducible
def spread(u, v, start, along, up, yaw):
    """A ``grid`` in space: vertices [U * V, 3] float32 at ``start + u * along + v * up``, all of
    them turned by ``yaw`` about Y after; and texture [U * V, 3] float32, (u, v, 0)."""
    c, s = np.cos(yaw), np.sin(yaw)
    vertices = np.empty((len(u) * len(v), 3), np.float32)
    texture = np.zeros((len(u) * len(v), 3), np.float32)
    for j in range(len(v)):
        for i in range(len(u)):
            n = j * len(u) + i
            x = start[0] + u[i] * along[0] + v[j] * up[0]
            z = start[2] + u[i] * along[2] + v[j] * up[2]
            vertices[n, 0] = c * x + s * z
            vertices[n, 1] = start[1] + u[i] * along[1] + v[j] * up[1]
            vertices[n, 2] = c * z - s * x
            texture[n, 0], texture[n, 1] = u[i], v[j]
    return vertices, texture


@lru_cache(maxsize=512)
def grid_faces(across: int, along: int, outward: bool = True) -> np.ndarray:
    """[M, 3] int32, read only, of a ``grid`` of ``across`` columns and ``along`` rows; not
    outward: seen from behind."""
    row, column = np.meshgrid(np.arange(along - 1), np.arange(across - 1), indexing="ij")
    a = row * across + column
    b, c, d = a + 1, a + across + 1, a + across
    corners = [[a, b, c], [a, c, d]] if outward else [[c, b, a], [d, c, a]]
    faces = np.stack([np.stack(triangle, -1) for triangle in corners], -2)
    faces = faces.reshape(-1, 3).astype(np.int32)
    faces.setflags(write=False)
    return faces


def yaw_matrix(angle: float) -> np.ndarray:
    """[3, 3] rotation about the world's Y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
