"""A random person's looks, from skin to coat."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.painted import painted_surface
from hmr_ros.data.scenes.scene import Outfit


def sample_outfit(rng: np.random.Generator, body: BodyModel, clothes: bool = True) -> Outfit:
    """How a random person looks.

    clothes: garments and hair with a shape of their own; else paint on the body.
    """
    skin = painted_surface(rng, body)
    return Outfit(skin=skin, bare=np.ones(len(body.faces), bool))
