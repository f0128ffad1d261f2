"""A random person's looks, from skin to coat."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.colours import face_features, hair_colour, skin_colour
from hmr_ros.data.clothes.figure import Figure, figure
from hmr_ros.data.clothes.garments import top, trousers
from hmr_ros.data.clothes.painted import painted_surface
from hmr_ros.data.scenes.scene import Outfit
from hmr_ros.data.surfaces import Surface


def sample_outfit(rng: np.random.Generator, body: BodyModel, clothes: bool = True) -> Outfit:
    """How a random person looks.

    clothes: garments and hair with a shape of their own; else paint on the body.
    """
    if not clothes:
        return Outfit(skin=painted_surface(rng, body), bare=np.ones(len(body.faces), bool))
    tailor = figure(body)
    skin, hair = skin_colour(rng), hair_colour(rng)
    cover = np.zeros(len(body.v_template), bool)
    shells = []
    joint, size = tailor.joint, tailor.size
    waist = joint["pelvis"][1] + rng.uniform(0.02, 0.1) * size
    long_sleeves = rng.random() < 0.5
    reach = (
        joint["left_wrist"][0] - rng.uniform(0, 0.05)
        if long_sleeves
        else joint["left_shoulder"][0] + rng.uniform(0.08, 0.24) * size
    )
    shirt = top(
        rng,
        tailor,
        hem=rng.uniform(tailor.crotch + 0.02 * size, waist - 0.03),
        reach=reach,
        collar=joint["neck"][1] + rng.uniform(-0.03, 0.04) * size,
        ease=rng.uniform(0.01, 0.016),
        drape=rng.uniform(0.1, 0.9),
        cover=cover,
        name="shirt",
        sleeve_drape=rng.uniform(0.2, 0.9),
    )
    cover[shirt.covered] = True
    shells += shirt.shells
    ankle, knee = joint["left_ankle"][1], joint["left_knee"][1]
    hem = (
        ankle + rng.uniform(-0.02, 0.05) if rng.random() < 0.75 else knee + rng.uniform(-0.05, 0.15)
    )
    legs = trousers(
        rng,
        tailor,
        waist,
        hem,
        ease=rng.uniform(0.004, 0.008),
        drape=rng.choice([0.1, 0.45, 0.75, 1.0]) + rng.uniform(-0.1, 0.1),
        flare=rng.choice([0.0, 0.01, 0.03]),
        cover=cover,
    )
    cover[legs.covered] = True
    shells += legs.shells
    return Outfit(
        skin=_skin(rng, tailor, skin, hair),
        bare=~cover[body.faces].all(1),
        shells=tuple(shells),
    )


def _skin(rng: np.random.Generator, tailor: Figure, skin: np.ndarray, hair: np.ndarray) -> Surface:
    body = tailor.body
    return Surface(
        texture=body.v_template,
        levels=np.zeros((len(body.v_template), 0), np.float32),
        palette=np.tile(skin[::-1], (1, 2, 1)).clip(0, 1).astype(np.float32),
        patterns=np.zeros((1, 4), np.float32),
        creases=np.array([0.03], np.float32),
        features=face_features(rng, body, skin, hair),
        seed=int(rng.integers(1 << 30)),
    )
