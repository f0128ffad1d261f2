"""Sets of clothes cut once and dyed anew for everybody who wears them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.cloth import cloth, repainted
from hmr_ros.data.clothes.colours import SIGNAL, trouser_colour
from hmr_ros.data.clothes.extras import backpack
from hmr_ros.data.clothes.figure import Figure, figure
from hmr_ros.data.clothes.wardrobe import LOWER, LOWER_CHANCE, OVER, OVER_CHANCE, dress_body
from hmr_ros.data.scenes.scene import Shell

# Different sets, made when first worn and kept (some 50 MB in all). A set depends on its number
# alone, so what somebody wears does not depend on who was dressed before.
SETS = 160
PACKED = 8  # one in so many has a backpack
# How often the cloth of a garment has no pattern.
_PLAIN = {
    "shirt": 0.5, "hoodie": 0.85, "trousers": 0.85, "shorts": 0.85, "skirt": 0.6, "dress": 0.4,
    "jacket": 0.8, "coat": 0.8, "vest": 1.0, "backpack": 0.8,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Clothes:
    """shells: in the colours of the first fitting. cover: [V] bool, where they hide the body.
    lift: metres that they stand off the back."""

    shells: tuple[Shell, ...]
    cover: np.ndarray
    lift: float


def sample_clothes(
    rng: np.random.Generator, tailor: Figure
) -> tuple[list[Shell], np.ndarray, float]:
    """Garments of a random set in random colours: shells, cover [V] bool (a copy) and lift."""
    made = clothes(tailor.body, int(rng.integers(SETS)))
    shells: list[Shell] = []
    name, ground = "", None
    for shell in made.shells:
        # A hood and the lower half of a dress or coat are of the cloth of what comes before them.
        if shell.name not in (name, "hood"):
            name = shell.name
            ground = cloth(rng, _PLAIN[name], _dye(rng, name))
        layers = shell.surface.palette[1:, 0, ::-1]
        if name == "backpack":
            layers = 0.7 * ground[0][:1]
        shells.append(repainted(rng, shell, ground, tuple(layers)))
    return shells, made.cover.copy(), made.lift


@lru_cache(maxsize=4 * SETS)
def clothes(body: BodyModel, number: int) -> Clothes:
    """Set ``number`` of a body model; the same on every machine."""
    rng = np.random.default_rng([302, number])
    tailor = figure(body)
    cover = np.zeros(len(body.v_template), bool)
    packed = number % PACKED == 0
    # All over the sets as often as in single draws, and in every combination.
    lower = LOWER[int(np.searchsorted(np.cumsum(LOWER_CHANCE), (number + 0.5) / SETS))]
    over = OVER[int(np.searchsorted(np.cumsum(OVER_CHANCE), 0.6180339887 * number % 1))]
    shells, lift = dress_body(rng, tailor, cover, packed, lower, over)
    if packed:
        shells.append(backpack(rng, tailor, lift))
    cover.setflags(write=False)
    return Clothes(tuple(shells), cover, lift)


def _dye(rng: np.random.Generator, name: str) -> np.ndarray | None:
    """[3], or None for any colour."""
    if name in ("trousers", "shorts"):
        return trouser_colour(rng)
    return SIGNAL[rng.integers(3)] if name == "vest" else None
