"""Garments cut from the body's own mesh, with straight hems."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.clothes.figure import Zone


def cut(
    zone: Zone,
    level: np.ndarray,
    hidden: np.ndarray | None = None,
    fine: bool = False,
    parted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The piece of a zone where ``level`` [N] (metres, linear enough between vertices) is > 0.

    hidden: [N] bool; faces with three such vertices are left out (under another garment).
    fine: all faces of the body, not only those of cloth. parted: [N] bool, outside of the border
    between a left and a right part: such a vertex is there once for either side.
    Returns rows [K] of the zone, their places [K, 3] and faces [M, 3]. Vertices outside of the
    border are drawn onto it along the mesh, so that a hem is as straight as its level.
    """
    faces = zone.faces if fine else zone.cloth
    nowhere = np.zeros(len(level), np.bool_)
    return _cut(
        faces,
        np.ascontiguousarray(level, np.float64),
        nowhere if hidden is None else hidden,
        nowhere if parted is None else parted,
        zone.place,
    )


@reproducible
def _cut(faces, level, hidden, parted, place):
    count = len(level)
    # The second half is the right side's copies of parted vertices.
    used = np.zeros(2 * count, np.bool_)
    keep = np.zeros(len(faces), np.bool_)
    moved = np.zeros((2 * count, 3))
    hits = np.zeros(2 * count)
    for f in range(len(faces)):
        inside, under = 0, 0
        for k in range(3):
            inside += level[faces[f, k]] > 0
            under += hidden[faces[f, k]]
        if inside == 0 or under == 3:
            continue
        keep[f] = True
        right = _on_the_right(faces[f], place)
        for k in range(3):
            a = faces[f, k]
            copy = a + count if right and parted[a] else a
            used[copy] = True
            if level[a] > 0:
                continue
            for j in range(3):
                b = faces[f, j]
                if level[b] > 0:
                    share = level[a] / (level[a] - level[b])
                    for d in range(3):
                        moved[copy, d] += place[a, d] + share * (place[b, d] - place[a, d])
                    hits[copy] += 1
    number = np.full(2 * count, -1, np.int32)
    rows = np.empty(used.sum(), np.int64)
    places = np.empty((len(rows), 3))
    n = 0
    for copy in range(2 * count):
        if used[copy]:
            v = copy % count
            number[copy] = n
            rows[n] = v
            for d in range(3):
                places[n, d] = moved[copy, d] / hits[copy] if hits[copy] > 0 else place[v, d]
            n += 1
    pieces = np.empty((keep.sum(), 3), np.int32)
    m = 0
    for f in range(len(faces)):
        if keep[f]:
            right = _on_the_right(faces[f], place)
            for k in range(3):
                a = faces[f, k]
                pieces[m, k] = number[a + count if right and parted[a] else a]
            m += 1
    return rows, places, pieces


@reproducible
def _on_the_right(face, place):
    """Whether a face's middle is on the body's right side, which is -x."""
    return place[face[0], 0] + place[face[1], 0] + place[face[2], 0] < 0
