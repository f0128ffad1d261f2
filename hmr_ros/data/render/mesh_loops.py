"""The loops of ``meshes``: which corners are used, lengths, places in a camera's frame, normals."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible


@reproducible
def compact(faces, bare, count):
    """Vertices that the faces marked in ``bare`` use, and those faces on them."""
    new = np.full(count, -1, np.int32)
    kept = 0
    for f in range(len(faces)):
        if bare[f]:
            kept += 1
            for k in range(3):
                new[faces[f, k]] = 0
    ids = np.empty(count, np.int32)
    used = 0
    for v in range(count):
        if new[v] == 0:
            new[v] = used
            ids[used] = v
            used += 1
    out = np.empty((kept, 3), np.int32)
    kept = 0
    for f in range(len(faces)):
        if bare[f]:
            for k in range(3):
                out[kept, k] = new[faces[f, k]]
            kept += 1
    return ids[:used].copy(), out


@reproducible
def lengths(vectors):
    out = np.empty(len(vectors), np.float32)
    for n in range(len(vectors)):
        x, y = np.float64(vectors[n, 0]), np.float64(vectors[n, 1])
        z = np.float64(vectors[n, 2])
        out[n] = np.sqrt(x * x + y * y + z * z)
    return out


@reproducible
def seen_from(points, rotation, position):
    """World [N, 3] to the optical frame, [N, 3] float32."""
    out = np.empty((len(points), 3), np.float32)
    for n in range(len(points)):
        x = points[n, 0] - position[0]
        y = points[n, 1] - position[1]
        z = points[n, 2] - position[2]
        for a in range(3):
            out[n, a] = rotation[a, 0] * x + rotation[a, 1] * y + rotation[a, 2] * z
    return out


@reproducible
def normals(vertices, faces):
    """Unit normals weighted by face area; zero where faces shrink to nothing."""
    normals = np.zeros((len(vertices), 3), np.float64)
    for f in range(len(faces)):
        # Unsigned, so that no index is looked at for being negative.
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        ux = np.float64(vertices[b, 0]) - vertices[a, 0]
        uy = np.float64(vertices[b, 1]) - vertices[a, 1]
        uz = np.float64(vertices[b, 2]) - vertices[a, 2]
        wx = np.float64(vertices[c, 0]) - vertices[a, 0]
        wy = np.float64(vertices[c, 1]) - vertices[a, 1]
        wz = np.float64(vertices[c, 2]) - vertices[a, 2]
        x, y, z = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for v in (a, b, c):
            normals[v, 0] += x
            normals[v, 1] += y
            normals[v, 2] += z
    out = np.zeros((len(vertices), 3), np.float32)
    for v in range(len(out)):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            out[v, 0] = x / length
            out[v, 1] = y / length
            out[v, 2] = z / length
    return out
