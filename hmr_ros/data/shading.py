"""Colours for the pixels that a rasterised mesh covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import compiled
from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, STRIPES, Surface
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import vertex_normals


@dataclass(frozen=True, eq=False)
class Light:
    """towards: [3] unit vector to the lamp, optical frame. ambient, colour: [3] BGR strengths."""

    towards: np.ndarray
    ambient: np.ndarray
    colour: np.ndarray


def sample_light(rng: np.random.Generator) -> Light:
    """One lamp, mostly from above and from the camera's side, and light from everywhere."""
    towards = rng.normal(0, 1, 3) + [0, -0.9, -1.1]
    strength = rng.uniform(0.35, 0.8)
    return Light(
        towards=(towards / np.linalg.norm(towards)).astype(np.float32),
        ambient=(rng.uniform(0.3, 0.6) * (1 + rng.normal(0, 0.06, 3))).astype(np.float32),
        colour=(strength * (1 + rng.normal(0, 0.07, 3))).astype(np.float32),
    )


def shade(
    image: np.ndarray,
    face_id: np.ndarray,
    offset: int,
    vertices: np.ndarray,
    faces: np.ndarray,
    surface: Surface,
    camera: Camera,
    light: Light,
) -> None:
    """Write the colours of one mesh into ``image`` [H, W, 3] float32 BGR, 0..1, in place.

    face_id: [H, W] as ``rasterize`` wrote it with this ``offset``. vertices: [V, 3] in the optical
    frame of ``camera``, which must be without distortion. Pixels of other meshes stay.
    """
    if camera.distorted:
        raise ValueError("scenes are shaded through a camera without distortion")
    vertices = np.ascontiguousarray(vertices, np.float32)
    _shade(
        image,
        face_id,
        offset,
        vertices,
        vertex_normals(vertices, faces),
        faces,
        surface.texture,
        surface.levels,
        surface.palette,
        surface.patterns,
        surface.creases,
        surface.features,
        surface.seed,
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        light.towards,
        light.ambient,
        light.colour,
    )


@compiled
def _hash(x, y, z, seed):
    n = (x * 374761393 + y * 668265263 + z * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@compiled
def _noise(x, y, z, seed):
    """Value noise in [0, 1] with one cell a unit."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
                total += weight * _hash(i + a, j + b, k + c, seed)
    return total


@compiled
def _mix(pattern, x, y, z, seed):
    """Share of the second colour at a place in texture space."""
    kind, f = int(pattern[0]), pattern[1]
    if kind == STRIPES:
        return 1.0 if np.sin(x * f + y * pattern[2] + z * pattern[3]) > 0 else 0.0
    if kind == CHECKS:
        return 1.0 if np.sin(x * f) * np.sin(y * f) * np.sin(z * f + 1) > 0 else 0.0
    if kind == CLOUDS:
        return _noise(x * f, y * f, z * f, seed)
    if kind == BLOBS:
        return 1.0 if _noise(x * f, y * f, z * f, seed) > 0.55 else 0.0
    return 0.0


@compiled
def _shade(
    image,
    face_id,
    offset,
    vertices,
    normals,
    faces,
    texture,
    levels,
    palette,
    patterns,
    creases,
    features,
    seed,
    fx,
    fy,
    cx,
    cy,
    towards,
    ambient,
    colour,
):
    height, width = face_id.shape
    weight = np.empty(3)
    place, normal = np.empty(3), np.empty(3)
    for y in range(height):
        for x in range(width):
            face = face_id[y, x] - offset
            if face < 0 or face >= len(faces):
                continue
            _barycentric(weight, vertices, faces[face], (x - cx) / fx, (y - cy) / fy)
            for d in range(3):
                place[d] = normal[d] = 0.0
                for k in range(3):
                    v = faces[face, k]
                    place[d] += weight[k] * texture[v, d]
                    normal[d] += weight[k] * normals[v, d]
            length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-9
            layer = 0
            for n in range(levels.shape[1]):
                level = 0.0
                for k in range(3):
                    level += weight[k] * levels[faces[face, k], n]
                if level > 0:
                    layer = n + 1
            mix = _mix(patterns[layer], place[0], place[1], place[2], seed)
            fold = _noise(place[0] * 11, place[1] * 7, place[2] * 11, seed + 7)
            fold = 1 + creases[layer] * (fold - 0.5)
            feature = -1
            for n in range(len(features)):
                reach = 0.0
                for d in range(3):
                    reach += ((place[d] - features[n, d]) / features[n, 3 + d]) ** 2
                if reach < 1:
                    feature = n
            lit = 0.0
            for d in range(3):
                lit += normal[d] / length * towards[d]
            lit = max(0.0, lit)
            sky = 0.85 - 0.25 * normal[1] / length
            for c in range(3):
                if feature >= 0:
                    paint = features[feature, 6 + c]
                else:
                    paint = palette[layer, 0, c] * (1 - mix) + palette[layer, 1, c] * mix
                image[y, x, c] = paint * fold * (ambient[c] * sky + colour[c] * lit)


@compiled
def _barycentric(weight, vertices, face, u, v):
    """Where the ray (u, v, 1) meets the face's plane; weights of its corners, sum 1."""
    total = 0.0
    for k in range(3):
        p, q = vertices[face[(k + 1) % 3]], vertices[face[(k + 2) % 3]]
        weight[k] = (
            u * (p[1] * q[2] - p[2] * q[1])
            + v * (p[2] * q[0] - p[0] * q[2])
            + (p[0] * q[1] - p[1] * q[0])
        )
        total += weight[k]
    for k in range(3):
        # Edge-on faces make the quotient wild; any point of so thin a face will do.
        weight[k] = min(1.0, max(0.0, weight[k] / total)) if abs(total) > 1e-12 else 1.0 / 3
