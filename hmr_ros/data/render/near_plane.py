"""Faces that reach through the near plane, cut there."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.projection import NEAR


def cut_at_near(
    per_vertex: dict[str, np.ndarray], faces: np.ndarray, mesh: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Append what is left before ``NEAR`` of faces that cross it; the whole faces stay as well.

    per_vertex: arrays of V rows, among them ``vertices``. Floats are interpolated along the cut
    edge, the rest is that of its first corner. Returns the three, longer.
    """
    z = per_vertex["vertices"][:, 2]
    if z.size == 0 or z.min() >= NEAR:
        return per_vertex, faces, mesh
    crossing = _crossing(z, faces)
    if len(crossing) == 0:
        return per_vertex, faces, mesh
    ends, share, pieces, owner = _cut(z, faces, crossing)
    longer = {}
    for name, array in per_vertex.items():
        start = array[ends[:, 0]]
        if array.dtype.kind == "f":
            t = share.reshape(-1, *[1] * (array.ndim - 1))
            start = (start + t * (array[ends[:, 1]] - start.astype(np.float64))).astype(array.dtype)
        longer[name] = np.concatenate([array, start])
    longer["vertices"][len(z) :, 2] = NEAR
    return longer, np.concatenate([faces, pieces]), np.concatenate([mesh, mesh[owner]])


@reproducible
def _crossing(z, faces):
    """Rows of the faces with corners on both sides."""
    rows = np.empty(len(faces), np.int64)
    count = 0
    for f in range(len(faces)):
        a, b, c = z[faces[f, 0]] >= NEAR, z[faces[f, 1]] >= NEAR, z[faces[f, 2]] >= NEAR
        if a != b or b != c:
            rows[count] = f
            count += 1
    return rows[:count].copy()


@reproducible
def _cut(z, faces, crossing):
    """Sutherland-Hodgman: new vertices as (ends [N, 2], share [N]), pieces and their faces."""
    ends = np.empty((2 * len(crossing), 2), np.int32)
    share = np.empty(2 * len(crossing))
    pieces = np.empty((2 * len(crossing), 3), np.int32)
    owner = np.empty(2 * len(crossing), np.int32)
    added = cuts = 0
    corner = np.empty(4, np.int32)
    for f in crossing:
        count = 0
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            if z[i] >= NEAR:
                corner[count] = i
                count += 1
            if (z[i] >= NEAR) != (z[j] >= NEAR):
                ends[cuts, 0], ends[cuts, 1] = i, j
                share[cuts] = (NEAR - z[i]) / (np.float64(z[j]) - z[i])
                corner[count] = len(z) + cuts
                count += 1
                cuts += 1
        for k in range(1, count - 1):
            pieces[added, 0], pieces[added, 1], pieces[added, 2] = (
                corner[0],
                corner[k],
                corner[k + 1],
            )
            owner[added] = f
            added += 1
    return ends[:cuts], share[:cuts], pieces[:added], owner[:added]
