"""Boxes, drums and rods that carried things are put together from."""

from __future__ import annotations

import math

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.paint import painted
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import DRUM
from hmr_ros.data.scenes.things import Thing

# A part is vertices [N, 3] in the world, its texture [N, 3], faces and a material.
Part = tuple[np.ndarray, np.ndarray, np.ndarray, object]


def assembled(rng: np.random.Generator, parts: list[Part], two_sided: bool) -> Prop:
    """One thing of all parts; two_sided: it holds a sheet."""
    first, vertices, texture, faces, material, materials = 0, [], [], [], [], []
    for place, paint, own, of in parts:
        if of not in materials:
            materials.append(of)
        vertices.append(place)
        texture.append(paint)
        faces.append(own + first)
        material.append(np.full(len(place), materials.index(of)))
        first += len(place)
    surface = painted(
        np.concatenate(texture), np.concatenate(material), materials, int(rng.integers(1 << 30))
    )
    return Prop(
        vertices=np.concatenate(vertices).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        surface=surface,
        kind=Thing.CARRIED,
        two_sided=two_sided,
    )


@reproducible
def frame_of(up, ahead):
    """[3, 3], rows right, up and ahead: orthonormal, with exactly this unit ``up`` [3]."""
    out = np.empty((3, 3))
    for _ in range(2):
        along = dot(up, ahead)
        aside = ahead - along * up
        length = np.sqrt(dot(aside, aside))
        if length >= 1e-6:
            break
        ahead = np.array([0.6, 0.0, 0.8]) if abs(up[1]) > 0.9 else np.array([0.0, 1.0, 0.0])
    aside = aside / length
    out[0, 0] = up[1] * aside[2] - up[2] * aside[1]
    out[0, 1] = up[2] * aside[0] - up[0] * aside[2]
    out[0, 2] = up[0] * aside[1] - up[1] * aside[0]
    out[1], out[2] = up, aside
    return out


def solid(shape, frame, middle, half, material) -> Part:
    """A box or drum of half sizes along the rows of ``frame`` around ``middle``."""
    unit, faces = shape
    local = unit * np.asarray(half, float)
    return from_frame(local, frame, middle), local, faces, material


@reproducible
def from_frame(local, frame, middle):
    """Points [N, 3] in a frame around ``middle`` [3] to the world."""
    out = np.empty_like(local)
    for n in range(len(local)):
        x, y, z = local[n, 0], local[n, 1], local[n, 2]
        for a in range(3):
            out[n, a] = middle[a] + x * frame[0, a] + y * frame[1, a] + z * frame[2, a]
    return out


@reproducible
def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@reproducible
def in_frame(frame, point):
    """[3] along the rows of ``frame``."""
    return np.array([dot(frame[0], point), dot(frame[1], point), dot(frame[2], point)])


def rod(start: np.ndarray, end: np.ndarray, radius: float, material) -> Part:
    along = end - start
    length = math.sqrt(dot(along, along))
    frame = frame_of(along / length, np.array([0.3, 0.2, 0.9]))
    return solid(DRUM, frame, 0.5 * (start + end), (radius, 0.5 * length, radius), material)
