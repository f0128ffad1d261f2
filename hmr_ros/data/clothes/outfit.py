"""A random person's looks, from skin to coat."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.clothes.closet import sample_clothes
from hmr_ros.data.clothes.colours import face_features, hair_colour, skin_colour
from hmr_ros.data.clothes.extras import gloves
from hmr_ros.data.clothes.figure import Figure, figure
from hmr_ros.data.clothes.haircuts import sample_head
from hmr_ros.data.clothes.painted import painted_surface
from hmr_ros.data.clothes.shoes import shoes
from hmr_ros.data.scenes.scene import Outfit
from hmr_ros.data.surfaces import CLOUDS, Surface


def sample_outfit(rng: np.random.Generator, body: BodyModel, clothes: bool = True) -> Outfit:
    """How a random person looks.

    clothes: garments and hair with a shape of their own; else paint on the body. The first call
    with a body model takes a second longer than the others; shapes are cut when first worn.
    """
    if not clothes:
        return Outfit(skin=painted_surface(rng, body), bare=np.ones(len(body.faces), bool))
    tailor = figure(body)
    skin, hair = skin_colour(rng), hair_colour(rng)
    shells, cover, lift = sample_clothes(rng, tailor)
    if rng.random() < 0.94:
        shells += shoes(rng, tailor, cover)
    if rng.random() < 0.07:
        shells.append(gloves(rng, tailor, cover))
    if any(shell.name == "hood" for shell in shells):
        lift += 0.05
    on_head, levels = sample_head(rng, tailor, hair, lift)
    shells += on_head
    return Outfit(
        skin=_skin(rng, tailor, skin, hair, levels),
        bare=_bare(body.faces, cover),
        shells=tuple(shells),
    )


def sole_thickness(outfit: Outfit) -> float:
    """Metres that shoes reach below the feet at rest: a standing body is that much higher."""
    thickest = 0.0
    for shell in outfit.shells:
        if shell.name == "shoe":
            thickest = max(thickest, float(-shell.offset[:, 1].min()))
    return thickest


@reproducible
def _bare(faces, cover):
    out = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        out[f] = not (cover[a] & cover[b] & cover[c])
    return out


def _skin(
    rng: np.random.Generator,
    tailor: Figure,
    skin: np.ndarray,
    hair: np.ndarray,
    levels: list[np.ndarray],
) -> Surface:
    """levels: [V] each, where hair is painted on the skin."""
    body, count = tailor.body, len(levels)
    palette = np.empty((1 + count, 2, 3))
    palette[0] = skin
    palette[1:, 0], palette[1:, 1] = hair, hair * 0.6
    patterns = np.zeros((1 + count, 4), np.float32)
    patterns[1:] = [CLOUDS, 90, 0, 0]
    if count == 1:
        stacked = levels[0].astype(np.float32, copy=False)[:, None]
    else:
        stacked = np.empty((len(body.v_template), count), np.float32)
        for n, level in enumerate(levels):
            stacked[:, n] = level
    return Surface(
        texture=body.v_template,
        levels=stacked,
        palette=np.minimum(np.maximum(palette, 0), 1)[..., ::-1].astype(np.float32, "C"),
        patterns=patterns,
        creases=np.array([0.03] + [0.2] * count, np.float32),
        features=face_features(rng, body, skin, hair),
        seed=int(rng.integers(1 << 30)),
    )
