"""Bodies painted over an image, nearer ones in front of farther ones."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import compiled, reproducible
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import empty_buffers, rasterize, vertex_normals

# From behind the viewer's left shoulder, in the optical frame.
LIGHT = np.array([-0.35, -0.55, -0.76], np.float32)
AMBIENT = np.float32(0.35)


def paint_bodies(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    camera: Camera,
    colours: np.ndarray,
    opacity: np.ndarray,
) -> None:
    """Blend N shaded meshes into ``image`` [H, W, 3] uint8 in place.

    vertices: [N, V, 3] metres, optical frame. faces: [F, 3]. colours: [N, 3] in the image's
    channel order, 0..255. opacity: [N] in [0, 1]. Pixels outside the silhouettes are not touched.
    """
    depth, face_id = empty_buffers(camera)
    shades = np.empty((len(vertices), len(faces)), np.float32)
    for n, body in enumerate(vertices):
        rasterize(body, faces, camera, depth, face_id, offset=n * len(faces), cull=True)
        lit = np.clip(0.25 + 0.8 * (vertex_normals(body, faces) @ LIGHT), 0, 1)
        _shade(lit, faces, shades[n])
    _blend(
        image,
        face_id,
        shades.reshape(-1),
        len(faces),
        np.ascontiguousarray(colours, np.float32),
        np.ascontiguousarray(opacity, np.float32),
    )


def warm_up(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Compile what ``paint_bodies`` needs, for lenses that bend straight lines and for others."""
    picture, away = np.zeros((12, 16, 3), np.uint8), vertices + np.array([0, 0, 3], np.float32)
    for lens in ({}, {"distortion": (0.1, 0.0, 0.0, 0.0), "distortion_model": "plumb_bob"}):
        camera = Camera(16, 12, 16.0, 16.0, 8.0, 6.0, **lens)
        paint_bodies(picture, away, faces, camera, np.zeros((1, 3)), np.ones(1))


@reproducible
def _shade(lit, faces, shades):
    """Lit by the surface's normals; a face is small, so one value for each is smooth enough."""
    for f in range(len(faces)):
        mean = (lit[faces[f, 0]] + lit[faces[f, 1]] + lit[faces[f, 2]]) / np.float32(3)
        shades[f] = AMBIENT + (np.float32(1) - AMBIENT) * mean


@compiled
def _blend(image, face_id, shades, faces, colours, opacity):
    height, width = face_id.shape
    for y in range(height):
        for x in range(width):
            face = face_id[y, x]
            if face < 0:
                continue
            n = face // faces
            alpha = opacity[n]
            first, end = n * faces, (n + 1) * faces
            # A contour where the body ends or another begins keeps people apart.
            edge = (
                (x > 0 and not first <= face_id[y, x - 1] < end)
                or (x + 1 < width and not first <= face_id[y, x + 1] < end)
                or (y > 0 and not first <= face_id[y - 1, x] < end)
                or (y + 1 < height and not first <= face_id[y + 1, x] < end)
            )
            shade = shades[face]
            if edge:
                alpha = min(1.0, alpha + 0.25)
                shade *= 0.6
            for c in range(3):
                mixed = image[y, x, c] * (1 - alpha) + colours[n, c] * shade * alpha
                image[y, x, c] = np.uint8(min(255.0, max(0.0, mixed + 0.5)))
