"""Colours of skin, hair and cloth, and faces; red, green, blue from 0 to 1."""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel

# From light to dark.
SKIN = np.array(
    [[0.95, 0.80, 0.71], [0.89, 0.69, 0.56], [0.78, 0.56, 0.42], [0.58, 0.39, 0.28]]
    + [[0.40, 0.26, 0.18], [0.28, 0.18, 0.13]]
)
HAIR = np.array([[0.06, 0.05, 0.05], [0.20, 0.12, 0.07], [0.42, 0.28, 0.16], [0.70, 0.56, 0.35]])
GREY = np.array([0.55, 0.54, 0.53])
SIGNAL = np.array([[0.95, 0.42, 0.08], [0.86, 0.93, 0.12], [0.93, 0.20, 0.16]])  # safety wear


def skin_colour(rng: np.random.Generator) -> np.ndarray:
    """[3]"""
    return SKIN[rng.integers(len(SKIN))] * rng.uniform(0.92, 1.06)


def hair_colour(rng: np.random.Generator) -> np.ndarray:
    """[3]; one in eight is grey or white."""
    if rng.random() < 0.12:
        return GREY * rng.uniform(0.8, 1.5)
    return HAIR[rng.integers(len(HAIR))] * rng.uniform(0.8, 1.2)


def cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """[3]; greys, blacks and whites as often as colours."""
    if rng.random() < 0.45:
        return rng.uniform(0.04, 0.95) * (1 + rng.normal(0, 0.03, 3))
    hue, saturation, value = rng.random(), rng.uniform(0.25, 0.9), rng.uniform(0.2, 0.9)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def trouser_colour(rng: np.random.Generator) -> np.ndarray:
    """[3]; every other one is denim."""
    if rng.random() < 0.5:
        return np.array([0.20, 0.28, 0.42]) * rng.uniform(0.4, 1.5)
    return cloth_colour(rng) * rng.uniform(0.3, 1.0)


def face_features(
    rng: np.random.Generator, body: BodyModel, skin: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """[K, 9] float32 eyes, brows and mouth on the landmarks of the head, as ``Surface.features``;
    none if the body has no landmarks."""
    places = _face(body)
    if places is None:
        return np.zeros((0, 9), np.float32)
    rows = places.copy()
    rows[0, 6:] = skin[::-1] * [0.6, 0.6, 0.85]  # lips
    for side in (1, 4):
        rows[side + 1, 6:] = rng.uniform(0.02, 0.2)
        rows[side + 2, 6:] = 0.8 * hair[::-1]
    return rows


@lru_cache(maxsize=4)
def _face(body: BodyModel) -> np.ndarray | None:
    """The features of ``face_features``, with the colours that all people share."""
    places = body.extra_vertices
    if not {"nose", "leye", "reye"} <= set(places):
        return None
    nose, left, right = (body.v_template[places[n]] for n in ("nose", "leye", "reye"))
    between = np.linalg.norm(left - right)
    rows = [[*(nose + [0, -0.55 * between, -0.012]), 0.36 * between, 0.009, 0.03, 0, 0, 0]]
    for eye in (left, right):
        brow = eye + [np.sign(eye[0]) * 0.004, 0.02, 0.004]
        rows.append([*eye, 0.016, 0.008, 0.025, 0.88, 0.9, 0.92])
        rows.append([*eye, 0.007, 0.0075, 0.025, 0, 0, 0])
        rows.append([*brow, 0.02, 0.0045, 0.03, 0, 0, 0])
    return np.array(rows, np.float32)
