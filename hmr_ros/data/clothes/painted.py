"""People whose clothes are only paint on the body."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.colours import (
    cloth_colour,
    face_features,
    hair_colour,
    skin_colour,
    trouser_colour,
)
from hmr_ros.data.surfaces import CLOUDS, Surface, random_pattern

# Layers, in the order in which they cover each other.
TROUSERS, SHIRT, SHOES, HAIRDO = range(4)


def painted_surface(rng: np.random.Generator, body: BodyModel) -> Surface:
    """A body painted with trousers or shorts, a shirt, mostly shoes and hair, and a face."""
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

    skin = skin_colour(rng)
    colours = np.empty((5, 2, 3))
    colours[0] = skin
    colours[1 + TROUSERS] = [trouser_colour(rng), cloth_colour(rng)]
    colours[1 + SHIRT] = [cloth_colour(rng), cloth_colour(rng)]
    colours[1 + SHOES] = cloth_colour(rng) * 0.6
    tone = hair_colour(rng)
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
        features=face_features(rng, body, skin, tone),
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
