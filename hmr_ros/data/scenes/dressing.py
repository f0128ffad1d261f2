"""Outfits for figures: garments with a shape, or paint alone."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data import outfits
from hmr_ros.data.scenes.scene import Outfit


def painted_outfit(rng: np.random.Generator, body: BodyModel) -> Outfit:
    """Clothes, hair and face as paint of the bare body."""
    return Outfit(outfits.sample_outfit(rng, body), np.ones(len(body.faces), bool))


def sample_outfit(rng: np.random.Generator, body: BodyModel, clothes: bool) -> Outfit:
    """As people wear; ``clothes``: garments with a shape of their own."""
    return painted_outfit(rng, body)
