"""Painted clothes, skin, hair and faces for the bodies of rendered people."""

from __future__ import annotations

import colorsys

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.surfaces import CLOUDS, Surface, random_pattern

# Red, green, blue of skin and of hair, from light to dark.
SKIN = np.array(
    [[0.95, 0.80, 0.71], [0.89, 0.69, 0.56], [0.78, 0.56, 0.42], [0.58, 0.39, 0.28]]
    + [[0.40, 0.26, 0.18], [0.28, 0.18, 0.13]]
)
HAIR = np.array([[0.06, 0.05, 0.05], [0.20, 0.12, 0.07], [0.42, 0.28, 0.16], [0.70, 0.56, 0.35]])
GREY = np.array([0.55, 0.54, 0.53])

# Layers, in the order in which they cover each other.
TROUSERS, SHIRT, SHOES, HAIRDO = range(4)


def sample_outfit(rng: np.random.Generator, body: BodyModel) -> Surface:
    """A random dressed person: trousers or shorts, shirt, mostly shoes and hair, and a face."""
    template, joints = body.v_template, body.joint_template
    joint = {name: joints[i] for i, name in enumerate(body.joint_names)}
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    waist = joint["pelvis"][1] + rng.uniform(0.0, 0.1)
    ankle, knee = joint["left_ankle"][1], joint["left_knee"][1]
    hem = (
        rng.uniform(ankle - 0.02, ankle + 0.06)
        if rng.random() < 0.75
        else knee + rng.uniform(-0.05, 0.15)
    )
    trousers = np.minimum(waist - y, y - hem)
    shoulder, wrist = joint["left_shoulder"][0], joint["left_wrist"][0]
    long_sleeves = rng.random() < 0.5
    reach = rng.uniform(-0.06, 0.01) + wrist if long_sleeves else shoulder + rng.uniform(0.0, 0.2)
    collar = joint["neck"][1] + rng.uniform(-0.03, 0.04)
    neck = collar + 4 * np.maximum(x - 0.07, 0) - y
    shirt = np.minimum.reduce([y - (waist - rng.uniform(0.0, 0.2)), reach - x, neck])
    shoes = ankle + rng.uniform(-0.02, 0.06) - y if rng.random() < 0.9 else np.full_like(y, -1)
    hair = _hair(rng, joint["head"], x, y, z) if rng.random() < 0.92 else np.full_like(y, -1)
    hair = np.where(np.isin(body.part_id, [12, 15]), hair, -1)

    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.92, 1.06)
    colours = np.empty((5, 2, 3))
    colours[0] = skin
    colours[1 + TROUSERS] = [_trouser_colour(rng), _cloth_colour(rng)]
    colours[1 + SHIRT] = [_cloth_colour(rng), _cloth_colour(rng)]
    colours[1 + SHOES] = _cloth_colour(rng) * 0.6
    tone = GREY if rng.random() < 0.12 else HAIR[rng.integers(len(HAIR))]
    colours[1 + HAIRDO] = [tone, tone * 0.7]
    patterns = np.zeros((5, 4), np.float32)
    patterns[1 + TROUSERS] = random_pattern(rng, plain=0.85)
    patterns[1 + SHIRT] = random_pattern(rng, plain=0.5)
    patterns[1 + HAIRDO] = [CLOUDS, 90, 0, 0]
    return Surface(
        texture=template,
        levels=np.stack([trousers, shirt, shoes, hair], 1).astype(np.float32),
        palette=np.ascontiguousarray(colours[..., ::-1].clip(0, 1), np.float32),
        patterns=patterns,
        creases=np.array([0.03, 0.3, 0.35, 0.1, 0.2], np.float32),
        features=_face(rng, body, skin, tone),
        seed=int(rng.integers(1 << 30)),
    )


def _hair(rng: np.random.Generator, head: np.ndarray, x, y, z) -> np.ndarray:
    """Behind and above a plane from the hairline down to the nape; long hair reaches lower."""
    slope = rng.uniform(0.8, 1.3)
    short = (y - head[1]) - rng.uniform(0.05, 0.08) - slope * (z - head[2] - 0.01)
    if rng.random() < 0.35:
        length = rng.uniform(0.0, 0.1)
        behind = np.minimum(head[2] + 0.02 - z, y - (head[1] - length))
        return np.maximum(short, behind)
    return np.minimum(short, y - (head[1] - 0.02))


def _face(
    rng: np.random.Generator, body: BodyModel, skin: np.ndarray, hair: np.ndarray
) -> np.ndarray:
    """Eyes, brows and mouth as ellipsoids on the landmarks of the head; none if unknown."""
    places = body.extra_vertices
    if not {"nose", "leye", "reye"} <= set(places):
        return np.zeros((0, 9), np.float32)
    nose, left, right = (body.v_template[places[n]] for n in ("nose", "leye", "reye"))
    rows = []
    lips = skin * [0.85, 0.6, 0.6]
    between = np.linalg.norm(left - right)
    mouth = nose + [0, -0.55 * between, -0.012]
    rows.append([*mouth, 0.36 * between, 0.009, 0.03, *lips[::-1]])
    for eye in (left, right):
        outward = np.sign(eye[0])
        brow = eye + [outward * 0.004, 0.02, 0.004]
        rows.append([*eye, 0.016, 0.008, 0.025, 0.88, 0.9, 0.92])
        rows.append([*eye, 0.007, 0.0075, 0.025, *(rng.uniform(0.02, 0.2) * np.ones(3))])
        rows.append([*brow, 0.02, 0.0045, 0.03, *(0.8 * hair[::-1])])
    return np.array(rows, np.float32)


def _cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """Red, green, blue; greys, blacks and whites as often as colours."""
    if rng.random() < 0.45:
        return rng.uniform(0.04, 0.95) * (1 + rng.normal(0, 0.03, 3))
    return np.array(
        colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.25, 0.9), rng.uniform(0.2, 0.9))
    )


def _trouser_colour(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        denim = np.array([0.20, 0.28, 0.42])
        return denim * rng.uniform(0.4, 1.5)
    return _cloth_colour(rng) * rng.uniform(0.3, 1.0)
