"""Garments cut from the body's own mesh, with straight hems."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.clothes.figure import Zone


def cut(
    zone: Zone, level: np.ndarray, hidden: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The piece of a zone where ``level`` [N] (metres, linear enough between vertices) is > 0.

    hidden: [N] bool; faces with three such vertices are left out (under another garment).
    Returns rows [K] of the zone, their places [K, 3] and faces [M, 3]. Vertices outside of the
    border are drawn onto it along the mesh, so that a hem is as straight as its level.
    """
    if hidden is None:
        hidden = np.zeros(len(level), np.bool_)
    return _cut(zone.faces, np.ascontiguousarray(level, np.float64), hidden, zone.place)


@reproducible
def _cut(faces, level, hidden, place):
    count = len(level)
    used = np.zeros(count, np.bool_)
    keep = np.zeros(len(faces), np.bool_)
    moved = np.zeros((count, 3))
    hits = np.zeros(count)
    for f in range(len(faces)):
        inside, under = 0, 0
        for k in range(3):
            inside += level[faces[f, k]] > 0
            under += hidden[faces[f, k]]
        if inside == 0 or under == 3:
            continue
        keep[f] = True
        for k in range(3):
            a = faces[f, k]
            used[a] = True
            if level[a] > 0:
                continue
            for j in range(3):
                b = faces[f, j]
                if level[b] > 0:
                    share = level[a] / (level[a] - level[b])
                    for d in range(3):
                        moved[a, d] += place[a, d] + share * (place[b, d] - place[a, d])
                    hits[a] += 1
    number = np.full(count, -1, np.int32)
    rows = np.empty(used.sum(), np.int64)
    places = np.empty((len(rows), 3))
    n = 0
    for v in range(count):
        if used[v]:
            number[v] = n
            rows[n] = v
            for d in range(3):
                places[n, d] = moved[v, d] / hits[v] if hits[v] > 0 else place[v, d]
            n += 1
    pieces = np.empty((keep.sum(), 3), np.int32)
    m = 0
    for f in range(len(faces)):
        if keep[f]:
            for k in range(3):
                pieces[m, k] = number[faces[f, k]]
            m += 1
    return rows, places, pieces
