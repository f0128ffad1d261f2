"""Small rotations, compiled: numpy takes longer to look at one 3x3 matrix than to turn it."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible


@reproducible
def matrices(vectors: np.ndarray) -> np.ndarray:
    """Axis-angle [N, 3] to matrices [N, 3, 3] (Rodrigues), float64."""
    out = np.empty((vectors.shape[0], 3, 3))
    for n in range(vectors.shape[0]):
        x, y, z = vectors[n, 0], vectors[n, 1], vectors[n, 2]
        angle = np.sqrt(x * x + y * y + z * z)
        if angle < 1e-6:
            s, c = 1.0, 0.5
        else:
            s, c = np.sin(angle) / angle, (1 - np.cos(angle)) / (angle * angle)
        out[n, 0, 0], out[n, 0, 1], out[n, 0, 2] = (
            1 - c * (y * y + z * z),
            c * x * y - s * z,
            c * x * z + s * y,
        )
        out[n, 1, 0], out[n, 1, 1], out[n, 1, 2] = (
            c * x * y + s * z,
            1 - c * (x * x + z * z),
            c * y * z - s * x,
        )
        out[n, 2, 0], out[n, 2, 1], out[n, 2, 2] = (
            c * x * z - s * y,
            c * y * z + s * x,
            1 - c * (x * x + y * y),
        )
    return out


@reproducible
def vectors(turns: np.ndarray) -> np.ndarray:
    """Matrices [N, 3, 3] to axis-angle [N, 3], angle in [0, pi]; through the largest of the four
    possible quaternion pivots, so no division by a small number occurs."""
    out = np.empty((turns.shape[0], 3))
    for n in range(turns.shape[0]):
        m = turns[n]
        trace = m[0, 0] + m[1, 1] + m[2, 2]
        if trace > 0:
            w = 1 + trace
            x, y, z = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
        elif m[0, 0] >= m[1, 1] and m[0, 0] >= m[2, 2]:
            w, x = m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2]
            y, z = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
        elif m[1, 1] >= m[2, 2]:
            w, x = m[0, 2] - m[2, 0], m[0, 1] + m[1, 0]
            y, z = 1 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1]
        else:
            w, x = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0]
            y, z = m[1, 2] + m[2, 1], 1 - m[0, 0] - m[1, 1] + m[2, 2]
        if w < 0:
            w, x, y, z = -w, -x, -y, -z
        length = np.sqrt(x * x + y * y + z * z)
        grow = 2 / w if length < 1e-12 * w else 2 * np.arctan2(length, w) / length
        out[n, 0], out[n, 1], out[n, 2] = x * grow, y * grow, z * grow
    return out


@reproducible
def turned(x: float, y: float, z: float) -> np.ndarray:
    """[3, 3] of one rotation vector."""
    vector = np.empty((1, 3))
    vector[0] = x, y, z
    return matrices(vector)[0]


@reproducible
def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b of [3, 3] matrices, in a fixed order of summing."""
    out = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
    return out


@reproducible
def heading_removed(root: np.ndarray) -> np.ndarray:
    """[3, 3] without its turn about the vertical y (the twist of its swing and twist)."""
    yaw = np.arctan2(root[0, 2] - root[2, 0], root[0, 0] + root[2, 2])
    return product(turned(0.0, -yaw, 0.0), root)


@reproducible
def place(rotations: np.ndarray, rest: np.ndarray, chain: np.ndarray):
    """Where the last joint of ``chain`` (from the pelvis on) is in the world, the pelvis being at
    ``rest[0]``: position [3], and the orientation [3, 3] of the joint before the last."""
    turn, position = rotations[0].copy(), rest[0].copy()
    for n in range(1, len(chain)):
        j, p = chain[n], chain[n - 1]
        bone = rest[j] - rest[p]
        for a in range(3):
            position[a] += turn[a, 0] * bone[0] + turn[a, 1] * bone[1] + turn[a, 2] * bone[2]
        if n < len(chain) - 1:
            turn = product(turn, rotations[j])
    return position, turn
