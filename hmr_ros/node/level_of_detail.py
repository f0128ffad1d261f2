"""Fewer triangles and fewer points for the same body."""

from __future__ import annotations

import numpy as np


def coarse_faces(vertices: np.ndarray, faces: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` triangles [F', 3] over a part of the given vertices.

    vertices: [V, 3] of the rest pose, in which no two limbs touch. faces: [F, 3].

    Vertices of one cell of a grid are merged into the one nearest to their mean, and triangles
    that collapse are left out. The size of the cells is found by bisection.
    """
    if len(faces) <= most:
        return faces
    low, high = 1e-3, float(np.ptp(vertices, axis=0).max())
    for _ in range(24):
        cell = 0.5 * (low + high)
        if len(_merged(vertices, faces, cell)) > most:
            low = cell
        else:
            high = cell
    return _merged(vertices, faces, high)


def _merged(vertices: np.ndarray, faces: np.ndarray, cell: float) -> np.ndarray:
    grid = np.floor((vertices - vertices.min(0)) / cell).astype(np.int64)
    _, group = np.unique(grid, axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, vertices[:, k]) / count for k in range(3)], -1)
    distance = np.linalg.norm(vertices - mean[group], axis=-1)
    order = np.lexsort((distance, group))
    first = np.searchsorted(group[order], np.arange(len(count)))
    kept = order[first][group][faces]
    a, b, c = kept.T
    kept = kept[(a != b) & (b != c) & (c != a)]
    # The same triangle may arise several times; its two orientations are two sides of a sheet.
    turn = np.argmin(kept, axis=1)[:, None]
    kept = np.take_along_axis(kept, (turn + np.arange(3)) % 3, axis=1)
    return np.unique(kept, axis=0)


def spread_vertices(vertices: np.ndarray, count: int) -> np.ndarray:
    """Ids [count] of vertices spread evenly over the surface: each is the one farthest from those
    before, so that the first k are an even choice for any k."""
    chosen = np.zeros(min(count, len(vertices)), np.int64)
    distance = np.full(len(vertices), np.inf)
    for k in range(1, len(chosen)):
        step = np.square(vertices - vertices[chosen[k - 1]]).sum(-1)
        np.minimum(distance, step, out=distance)
        chosen[k] = np.argmax(distance)
    return chosen
