"""Fewer faces for cloth: vertices of a mesh given up where cloth would not show it.

Edges are contracted to one of their ends, cheapest first, by the squared distances to the planes
of all faces that were there (Garland and Heckbert 1997, "Surface simplification using quadric error
metrics"), looked at in several poses at once.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible

_ROUNDS = 40  # each gives up vertices that do not touch each other
_SHORT = 0.02  # metres of error that a metre of edge is worth, which keeps faces compact
_TURN = 0.3  # least cosine between a face's normals before and after


def coarser(
    places: np.ndarray, faces: np.ndarray, seam: np.ndarray, error: np.ndarray, longest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows [n] of the vertices that are kept, ascending, and faces [m, 3] int32 on those.

    places: [K, N, 3] metres, the same mesh in K poses. faces: [M, 3]. seam: [N] bool; of these a
    vertex is only given up for another one. Vertices at the mesh's border are all kept. error:
    [N] metres, root mean square, that a vertex may be off the planes of the faces around. longest:
    metres of an edge in the first pose.
    """
    places = np.ascontiguousarray(places, np.float64)
    faces = faces.astype(np.int32)
    quadric, area = _quadrics(places, faces)
    border = _border(faces, places.shape[1])
    count = places.shape[1]
    target, cost = np.full(count, -1, np.int64), np.full(count, np.inf)
    changed = np.ones(count, np.bool_)
    limits = (seam, border, np.asarray(error, np.float64), longest)
    for _ in range(_ROUNDS):
        start, around = _fans(faces, count)
        _aim(places, faces, start, around, quadric, area, *limits, changed, target, cost)
        order = np.argsort(cost, kind="stable")
        changed = _contract(faces, start, around, target, cost, order, quadric, area)
        if not changed.any():
            break
        a, b, c = faces.T
        faces = faces[(a != b) & (b != c) & (c != a)]
    rows, small = np.unique(faces, return_inverse=True)
    return rows.astype(np.int64), small.reshape(-1, 3).astype(np.int32)


@reproducible
def _quadrics(places, faces):
    """For each pose and vertex the quadric's ten numbers [K, N, 10] and the area [K, N] in it."""
    quadric = np.zeros((places.shape[0], places.shape[1], 10))
    area = np.zeros((places.shape[0], places.shape[1]))
    plane = np.empty(4)
    for k in range(len(places)):
        for f in range(len(faces)):
            a = faces[f, 0]
            x, y, z = _normal(places, k, a, faces[f, 1], faces[f, 2])
            length = np.sqrt(x * x + y * y + z * z)
            if length == 0:
                continue
            plane[0], plane[1], plane[2] = x / length, y / length, z / length
            plane[3] = 0.0
            for d in range(3):
                plane[3] -= plane[d] * places[k, a, d]
            for corner in range(3):
                v = faces[f, corner]
                area[k, v] += length
                n = 0
                for i in range(4):
                    for j in range(i, 4):
                        quadric[k, v, n] += length * plane[i] * plane[j]
                        n += 1
    return quadric, area


@reproducible
def _squared(q, k, v, places, w):
    """Weighted sum of squared distances of vertex ``w`` to the planes around vertex ``v``."""
    x, y, z = places[k, w, 0], places[k, w, 1], places[k, w, 2]
    return (
        q[k, v, 0] * x * x + q[k, v, 4] * y * y + q[k, v, 7] * z * z + q[k, v, 9]
        + 2 * (q[k, v, 1] * x * y + q[k, v, 2] * x * z + q[k, v, 5] * y * z)
        + 2 * (q[k, v, 3] * x + q[k, v, 6] * y + q[k, v, 8] * z)
    )  # fmt: skip


@reproducible
def _apart(places, a, b):
    """Squared distance in the first pose."""
    x, y = places[0, a, 0] - places[0, b, 0], places[0, a, 1] - places[0, b, 1]
    z = places[0, a, 2] - places[0, b, 2]
    return x * x + y * y + z * z


@reproducible
def _fans(faces, count):
    """The faces around each vertex: rows ``start[v]`` to ``start[v + 1]`` of ``around``."""
    start = np.zeros(count + 1, np.int64)
    for f in range(len(faces)):
        for c in range(3):
            start[faces[f, c] + 1] += 1
    for v in range(count):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    around = np.empty(3 * len(faces), np.int64)
    for f in range(len(faces)):
        for c in range(3):
            v = faces[f, c]
            around[fill[v]] = f
            fill[v] += 1
    return start, around


@reproducible
def _border(faces, count):
    """[N] whether a vertex has an edge with a face on one side only."""
    start, around = _fans(faces, count)
    out = np.zeros(count, np.bool_)
    for v in range(count):
        for i in range(start[v], start[v + 1]):
            for c in range(3):
                w = faces[around[i], c]
                shared = 0
                for j in range(start[v], start[v + 1]):
                    g = around[j]
                    shared += faces[g, 0] == w or faces[g, 1] == w or faces[g, 2] == w
                if w != v and shared == 1:
                    out[v] = True
    return out


@reproducible
def _aim(
    places, faces, start, around, quadric, area, seam, border, error, longest, changed,
    target, cost,
):  # fmt: skip
    """The cheapest neighbour to give a vertex up for in ``target`` [N], -1 for none, and its
    ``cost`` [N]; anew where a face around it or around a neighbour has ``changed``."""
    for v in range(len(target)):
        if border[v]:
            continue
        near = False
        for i in range(start[v], start[v + 1]):
            for c in range(3):
                near = near or changed[faces[around[i], c]]
        if not near:
            continue
        target[v], cost[v] = -1, np.inf
        for i in range(start[v], start[v + 1]):
            f = around[i]
            # Each neighbour comes once, as what follows in a face.
            for c in range(3):
                if faces[f, c] != v:
                    continue
                w = faces[f, (c + 1) % 3]
                if seam[v] and not seam[w]:
                    continue
                most = min(error[v] * error[v], cost[v])
                total = short = _SHORT**2 * _apart(places, v, w)
                for k in range(len(places)):
                    if total >= most:
                        break
                    square = _squared(quadric, k, v, places, w) + _squared(quadric, k, w, places, w)
                    total = max(total, short + square / (area[k, v] + area[k, w]))
                if total >= most:
                    continue
                if _allowed(places, faces, start, around, v, w, longest):
                    target[v], cost[v] = w, total


@reproducible
def _allowed(places, faces, start, around, v, w, longest):
    """Whether the mesh stays a surface, faces keep their side, and edges are short enough."""
    shared = 0
    for i in range(start[v], start[v + 1]):
        f = around[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a == w or b == w or c == w:
            continue
        for corner in range(3):
            o = faces[f, corner]
            if o != v and _apart(places, o, w) > longest * longest:
                return False
        for k in range(len(places)):
            x, y, z = _normal(places, k, a, b, c)
            to_a, to_b, to_c = w if a == v else a, w if b == v else b, w if c == v else c
            nx, ny, nz = _normal(places, k, to_a, to_b, to_c)
            dot = x * nx + y * ny + z * nz
            size = (x * x + y * y + z * z) * (nx * nx + ny * ny + nz * nz)
            if dot <= 0 or dot * dot < _TURN * _TURN * size:
                return False
    # Around an edge that may go, the two rings meet in exactly two vertices.
    for i in range(start[v], start[v + 1]):
        f = around[i]
        for corner in range(3):
            if faces[f, corner] == v:
                o = faces[f, (corner + 1) % 3]
                if o == w:
                    continue
                for j in range(start[w], start[w + 1]):
                    g = around[j]
                    if faces[g, 0] == o or faces[g, 1] == o or faces[g, 2] == o:
                        shared += 1
                        break
    return shared == 2


@reproducible
def _normal(places, k, a, b, c):
    """Normal of the face on vertices a, b and c in pose ``k``, as long as twice its area."""
    ux, uy, uz = (
        places[k, b, 0] - places[k, a, 0],
        places[k, b, 1] - places[k, a, 1],
        places[k, b, 2] - places[k, a, 2],
    )
    vx, vy, vz = (
        places[k, c, 0] - places[k, a, 0],
        places[k, c, 1] - places[k, a, 1],
        places[k, c, 2] - places[k, a, 2],
    )
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@reproducible
def _contract(faces, start, around, target, cost, order, quadric, area):
    """Give up vertices in this order, as long as nothing around them has changed; in place.

    Returns [N] whether a face around a vertex has changed.
    """
    touched = np.zeros(len(target), np.bool_)
    for v in order:
        w = target[v]
        if w < 0:
            break
        free = not touched[v]
        for i in range(start[v], start[v + 1]):
            for c in range(3):
                free = free and not touched[faces[around[i], c]]
        if not free:
            continue
        # The rings of both are what their checks have looked at.
        for end in (v, w):
            for i in range(start[end], start[end + 1]):
                for c in range(3):
                    touched[faces[around[i], c]] = True
        for i in range(start[v], start[v + 1]):
            for c in range(3):
                if faces[around[i], c] == v:
                    faces[around[i], c] = w
        for k in range(len(area)):
            area[k, w] += area[k, v]
            for n in range(10):
                quadric[k, w, n] += quadric[k, v, n]
        target[v], cost[v] = -1, np.inf
    return touched
