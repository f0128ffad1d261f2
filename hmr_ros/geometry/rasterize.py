"""Z-buffer rasteriser for triangle meshes in the camera's optical frame."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import compiled
from hmr_ros.geometry.camera import Camera

NEAR = 0.05  # metres; what is closer is cut away
EMPTY = -1  # face id of a pixel that shows nothing


def empty_buffers(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """``depth`` [H, W] float32 of inf and ``face_id`` [H, W] int32 of ``EMPTY``."""
    shape = (camera.height, camera.width)
    return np.full(shape, np.inf, np.float32), np.full(shape, EMPTY, np.int32)


def rasterize(
    vertices: np.ndarray,
    faces: np.ndarray,
    camera: Camera,
    depth: np.ndarray,
    face_id: np.ndarray,
    offset: int = 0,
    cull: bool = False,
) -> None:
    """Draw a mesh into buffers that may hold other meshes already; the nearer surface stays.

    vertices: [V, 3] metres in the optical frame. faces: [F, 3], counter-clockwise seen from
    outside. depth: [H, W] float32 metres along the optical axis; written. face_id: [H, W] int32;
    ``offset`` + row of the face; written. cull: leave out faces seen from behind.

    A pixel belongs to a face if its centre (integer coordinates) lies within. Faces are cut at
    ``NEAR``; with a distorted lens, whose image of a cut face is not a polygon, faces that reach
    it are left out and edges are straight between distorted vertices.

    Raises ValueError if the buffers do not have the camera's size and the types above.
    """
    shape = (camera.height, camera.width)
    for name, buffer, kind in (("depth", depth, np.float32), ("face_id", face_id, np.int32)):
        if buffer.shape != shape or buffer.dtype != kind:
            raise ValueError(
                f"{name} is {buffer.shape} {buffer.dtype}, "
                f"this camera needs {shape} {kind.__name__}"
            )
    vertices = np.ascontiguousarray(vertices, np.float32)
    faces = np.ascontiguousarray(faces, np.int32)
    if camera.distorted:
        pixels = camera.project(vertices)
        _draw_projected(vertices, pixels, faces, depth, face_id, offset, cull)
    else:
        intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
        _draw(vertices, faces, *intrinsics, depth, face_id, offset, cull)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [V, 3] float32, outward for counter-clockwise faces, weighted by face area."""
    return _normals(np.ascontiguousarray(vertices, np.float32), np.asarray(faces, np.int32))


@compiled
def _normals(vertices, faces):
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        wx, wy, wz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        x, y, z = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for k in range(3):
            v = faces[f, k]
            normals[v, 0] += x
            normals[v, 1] += y
            normals[v, 2] += z
    for v in range(len(normals)):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            normals[v, 0] = x / length
            normals[v, 1] = y / length
            normals[v, 2] = z / length
    return normals


@compiled
def _draw(vertices, faces, fx, fy, cx, cy, depth, face_id, offset, cull):
    count = len(vertices)
    us, vs = np.empty(count), np.empty(count)
    for i in range(count):
        z = max(vertices[i, 2], NEAR)
        us[i] = fx * vertices[i, 0] / z + cx
        vs[i] = fy * vertices[i, 1] / z + cy
    cut = np.empty((4, 3))
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        za, zb, zc = vertices[a, 2], vertices[b, 2], vertices[c, 2]
        if za >= NEAR and zb >= NEAR and zc >= NEAR:
            _triangle(
                us[a], vs[a], za, us[b], vs[b], zb, us[c], vs[c], zc, depth, face_id, f + offset,
                cull,
            )  # fmt: skip
            continue
        corners = _cut_at_near(vertices, a, b, c, cut)
        for i in range(corners):
            cut[i, 0] = fx * cut[i, 0] / cut[i, 2] + cx
            cut[i, 1] = fy * cut[i, 1] / cut[i, 2] + cy
        for i in range(1, corners - 1):
            _triangle(
                cut[0, 0], cut[0, 1], cut[0, 2], cut[i, 0], cut[i, 1], cut[i, 2],
                cut[i + 1, 0], cut[i + 1, 1], cut[i + 1, 2], depth, face_id, f + offset, cull,
            )  # fmt: skip


@compiled
def _draw_projected(vertices, pixels, faces, depth, face_id, offset, cull):
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        za, zb, zc = vertices[a, 2], vertices[b, 2], vertices[c, 2]
        if za >= NEAR and zb >= NEAR and zc >= NEAR:
            _triangle(
                pixels[a, 0], pixels[a, 1], za, pixels[b, 0], pixels[b, 1], zb,
                pixels[c, 0], pixels[c, 1], zc, depth, face_id, f + offset, cull,
            )  # fmt: skip


@compiled
def _cut_at_near(vertices, a, b, c, out):
    """Sutherland-Hodgman against z = NEAR: corners written to ``out``, their count returned."""
    count = 0
    for k in range(3):
        i, j = (a, b, c)[k], (b, c, a)[k]
        zi, zj = vertices[i, 2], vertices[j, 2]
        if zi >= NEAR:
            for d in range(3):
                out[count, d] = vertices[i, d]
            count += 1
        if (zi >= NEAR) != (zj >= NEAR):
            t = (NEAR - zi) / (zj - zi)
            for d in range(2):
                out[count, d] = vertices[i, d] + t * (vertices[j, d] - vertices[i, d])
            out[count, 2] = NEAR
            count += 1
    return count


@compiled
def _triangle(xa, ya, za, xb, yb, zb, xc, yc, zc, depth, face_id, number, cull):
    area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    if not (area < 0 or (area > 0 and not cull)):
        return  # y points down, so faces seen from outside have a negative area; NaN ends here too
    height, width = depth.shape
    # Clamped before the conversion to int: a face close by can reach far beyond any int.
    left = int(np.ceil(min(max(min(xa, xb, xc), 0.0), width + 0.0)))
    right = int(np.floor(max(min(max(xa, xb, xc), width - 1.0), -1.0)))
    top = int(np.ceil(min(max(min(ya, yb, yc), 0.0), height + 0.0)))
    bottom = int(np.floor(max(min(max(ya, yb, yc), height - 1.0), -1.0)))
    if left > right or top > bottom:
        return
    inverse = 1 / area
    step_a, step_b = (yb - yc) * inverse, (yc - ya) * inverse
    # 1/z is linear in the image.
    qa, qb, qc = 1 / za, 1 / zb, 1 / zc
    for y in range(top, bottom + 1):
        wa = ((xb - left) * (yc - y) - (xc - left) * (yb - y)) * inverse
        wb = ((xc - left) * (ya - y) - (xa - left) * (yc - y)) * inverse
        for x in range(left, right + 1):
            wc = 1 - wa - wb
            if wa >= -1e-9 and wb >= -1e-9 and wc >= -1e-9:
                z = np.float32(1 / (wa * qa + wb * qb + wc * qc))
                if z < depth[y, x]:
                    depth[y, x] = z
                    face_id[y, x] = number
            wa += step_a
            wb += step_b
