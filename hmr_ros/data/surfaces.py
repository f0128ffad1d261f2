"""How a mesh is painted: layers with crisp borders, patterns and small features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PLAIN, STRIPES, CHECKS, CLOUDS, BLOBS = range(5)


@dataclass(frozen=True, eq=False)
class Surface:
    """Paint of one mesh of V vertices. Texture space is the mesh before posing, metres.

    texture:  [V, 3] float32, place of each vertex in texture space.
    levels:   [V, L] float32, metres inside (> 0) or outside the border of each layer. Levels are
              interpolated, so a border runs straight through faces. Later layers cover earlier.
    palette:  [L + 1, 2, 3] float32, two colours (BGR, 0..1) of the ground and of each layer.
    patterns: [L + 1, 4] float32: one of ``PLAIN`` .. ``BLOBS`` and three frequencies (1/m).
    creases:  [L + 1] float32, depth of the light and dark folds of the cloth.
    features: [K, 9] float32, ellipsoids in texture space painted over all layers:
              centre, radii, colour (eyes, brows, mouth).
    seed:     of the noise in patterns and folds.
    photo:    [h, w, 3] uint8 BGR or None; with it the ground is this picture, and the first two
              texture coordinates run from 0 (left, top) to 1 (right, bottom) across it.
    """

    texture: np.ndarray
    levels: np.ndarray
    palette: np.ndarray
    patterns: np.ndarray
    creases: np.ndarray
    features: np.ndarray
    seed: int
    photo: np.ndarray | None = None


def random_pattern(rng: np.random.Generator, plain: float = 0.5) -> np.ndarray:
    """[4] float32 pattern row; ``plain`` is the chance of none."""
    if rng.random() < plain:
        return np.zeros(4, np.float32)
    kind = rng.integers(STRIPES, BLOBS + 1)
    if kind == STRIPES:
        axis = np.eye(3)[rng.choice(3, p=[0.3, 0.6, 0.1])]
        return np.array([kind, *(rng.uniform(40, 250) * axis)], np.float32)
    return np.array([kind, rng.uniform(10, 60), 0, 0], np.float32)
