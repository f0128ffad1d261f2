"""Paint of things: a colour and a pattern for each material."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from hmr_ros.data.surfaces import BLOBS, CHECKS, CLOUDS, PLAIN, STRIPES, Surface

# Red, green, blue.
WOOD = np.array(
    [[0.76, 0.60, 0.42], [0.55, 0.36, 0.22], [0.36, 0.23, 0.15], [0.85, 0.74, 0.58]]
    + [[0.62, 0.46, 0.30]]
)
_NO_FEATURES = np.zeros((0, 9), np.float32)


@dataclass(frozen=True, eq=False)
class Material:
    """colours: [2, 3] BGR, 0..1. pattern: [4], see ``Surface``. crease: depth of its unevenness."""

    colours: np.ndarray
    pattern: tuple[float, float, float, float] = (PLAIN, 0, 0, 0)
    crease: float = 0.05


def wood(rng: np.random.Generator) -> Material:
    tone = WOOD[rng.integers(len(WOOD))] * rng.uniform(0.7, 1.15)
    pair = np.array([tone, tone * rng.uniform(0.75, 0.95)])
    return Material(_bgr(pair), (CLOUDS, rng.uniform(12, 40), 0, 0), 0.12)


def metal(rng: np.random.Generator) -> Material:
    tone = np.full(3, rng.uniform(0.08, 0.75)) * (1 + rng.normal(0, 0.02, 3))
    return Material(_bgr(np.array([tone, tone])), crease=0.03)


def plastic(rng: np.random.Generator) -> Material:
    tone = colour(rng)
    return Material(_bgr(np.array([tone, tone])), crease=0.03)


def cloth(rng: np.random.Generator) -> Material:
    first, second = colour(rng), colour(rng)
    roll = rng.random()
    if roll < 0.5:
        pattern, second = (CLOUDS, rng.uniform(60, 140), 0, 0), 0.85 * first
    elif roll < 0.7:
        axis = np.eye(3)[rng.integers(3)] * rng.uniform(30, 150)
        pattern = (STRIPES, *axis)
    elif roll < 0.85:
        pattern = (CHECKS, rng.uniform(20, 80), 0, 0)
    else:
        pattern = (BLOBS, rng.uniform(10, 50), 0, 0)
    return Material(_bgr(np.array([first, second])), pattern, 0.2)


def cardboard(rng: np.random.Generator) -> Material:
    tone = np.array([0.72, 0.55, 0.38]) * rng.uniform(0.75, 1.15)
    return Material(_bgr(np.array([tone, 0.93 * tone])), (CLOUDS, rng.uniform(5, 20), 0, 0), 0.08)


def leaf(rng: np.random.Generator) -> Material:
    tone = np.array([rng.uniform(0.08, 0.3), rng.uniform(0.3, 0.55), rng.uniform(0.08, 0.22)])
    return Material(_bgr(np.array([tone, 0.7 * tone])), (CLOUDS, rng.uniform(15, 60), 0, 0), 0.2)


def plaster(rng: np.random.Generator) -> Material:
    if rng.random() < 0.7:
        tone = np.full(3, rng.uniform(0.55, 0.95)) * (1 + rng.normal(0, 0.03, 3))
    else:
        tone = np.array(
            colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.4, 0.9))
        )
    pair = np.array([tone, tone * rng.uniform(0.88, 0.98)])
    return Material(_bgr(pair), (CLOUDS, rng.uniform(1, 12), 0, 0), 0.05)


def ceiling(rng: np.random.Generator) -> Material:
    tone = np.full(3, rng.uniform(0.72, 0.97)) * (1 + rng.normal(0, 0.015, 3))
    return Material(_bgr(np.array([tone, 0.97 * tone])), (CLOUDS, rng.uniform(0.5, 3), 0, 0), 0.04)


def colour(rng: np.random.Generator) -> np.ndarray:
    """Red, green, blue; greys as often as colours."""
    if rng.random() < 0.45:
        return rng.uniform(0.05, 0.95) * (1 + rng.normal(0, 0.03, 3))
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9)))


def hard(rng: np.random.Generator) -> Material:
    return (wood, wood, metal, plastic)[rng.integers(4)](rng)


MATERIALS = {
    f.__name__: f for f in (wood, metal, plastic, cloth, cardboard, leaf, plaster, ceiling, hard)
}


def painted(
    texture: np.ndarray, material: np.ndarray, materials: list[Material], seed: int
) -> Surface:
    """Paint of a mesh: vertex v at ``texture`` [V, 3] is of ``materials[material[v]]``.

    Vertices of a face must be of one material, or the border runs through the face.
    """
    if len(materials) == 1:
        levels = np.zeros((len(texture), 0), np.float32)
    else:
        rows = np.arange(1, len(materials))
        levels = np.where(np.asarray(material)[:, None] == rows, np.float32(1), np.float32(-1))
    return coated(np.ascontiguousarray(texture, np.float32), levels, materials, seed)


def coated(
    texture: np.ndarray, levels: np.ndarray, materials: list[Material], seed: int
) -> Surface:
    """As ``painted``, for float32 ``texture`` [V, 3] and ``levels`` [V, L] of a ``Surface``."""
    return Surface(
        texture=texture,
        levels=levels,
        palette=np.array([m.colours for m in materials], np.float32),
        patterns=np.array([m.pattern for m in materials], np.float32),
        creases=np.array([m.crease for m in materials], np.float32),
        features=_NO_FEATURES,
        seed=seed,
    )


def photographed(uv: np.ndarray, photo: np.ndarray) -> Surface:
    """A picture [h, w, 3] uint8 BGR across a mesh; ``uv`` [V, 2] from 0 to 1, v downwards."""
    texture = np.zeros((len(uv), 3), np.float32)
    texture[:, :2] = uv
    return Surface(
        texture=texture,
        levels=np.zeros((len(uv), 0), np.float32),
        palette=np.full((1, 2, 3), 0.5, np.float32),
        patterns=np.zeros((1, 4), np.float32),
        creases=np.zeros(1, np.float32),
        features=_NO_FEATURES,
        seed=0,
        photo=photo,
    )


def _bgr(rgb: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(rgb, 0.02), 0.97)[..., ::-1]
