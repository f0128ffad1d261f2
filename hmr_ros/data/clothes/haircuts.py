"""Which hair, beard and hat a person has."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.cloth import cloth, repainted
from hmr_ros.data.clothes.colours import SIGNAL, cloth_colour
from hmr_ros.data.clothes.figure import Figure, figure
from hmr_ros.data.clothes.hair import beard, beard_level, cap, fall, hairline, strands, tail
from hmr_ros.data.clothes.hats import KINDS, hat
from hmr_ros.data.clothes.skull import Skull, skull
from hmr_ros.data.scenes.scene import Shell

STYLES = ("bald", "buzz", "short", "long", "pony tail", "bun", "afro")
# Different shapes of each, made when first worn and kept; their colours are always new.
SHAPES = 40
_STYLE_CHANCE = np.cumsum([0.07, 0.09, 0.38, 0.24, 0.09, 0.07, 0.06])
_HAT_CHANCE = np.cumsum([0.4, 0.2, 0.15, 0.25])
_UNDER_HAT = 0.009
_OVER = (0.02, 0.032, 0.042)  # metres of clothes on the shoulders that long hair is made for

_HOOD = 0.06  # what stands off further leaves no room for hair on the back


def sample_head(
    rng: np.random.Generator, figure: Figure, colour: np.ndarray, over: float
) -> tuple[list[Shell], list[np.ndarray]]:
    """Shells on the head, and levels [V] of hair painted on the skin.

    colour: of the hair. over: metres that clothes stand off the shoulders.
    """
    body = figure.body
    style = STYLES[_drawn(rng, _STYLE_CHANCE)]
    if style == "long" and over > _HOOD:
        style = "short"
    hatted = rng.random() < 0.22
    thick = int(np.searchsorted(_OVER, over)) if style in ("long", "pony tail") else 0
    shells: list[Shell] = []
    levels: list[np.ndarray] = []
    if style != "bald":
        made, scalp = _haircut(body, style, hatted, min(thick, 2), int(rng.integers(SHAPES)))
        shells += [repainted(rng, shell, strands(colour)) for shell in made]
        levels.append(scalp)
    if style in ("bald", "buzz", "short", "afro") and rng.random() < 0.28:
        made, level = _beard(body, int(rng.integers(SHAPES)))
        if level is not None:
            levels.append(level)
            if rng.random() < 0.6:
                shells += [repainted(rng, shell, strands(colour)) for shell in made]
    if hatted:
        kind = KINDS[_drawn(rng, _HAT_CHANCE)]
        signal = SIGNAL[rng.integers(3)] if kind == "helmet" and rng.random() < 0.5 else None
        ground = cloth(rng, 0.75, signal)
        band = cloth_colour(rng)
        for shell in _hat(body, kind, int(rng.integers(SHAPES))):
            count = shell.surface.levels.shape[1]
            shells.append(repainted(rng, shell, ground, (band,) * count))
    return shells, levels


def _drawn(rng: np.random.Generator, chances: np.ndarray) -> int:
    """A number by cumulated chances; quicker than ``rng.choice``."""
    return min(int(np.searchsorted(chances, rng.random(), side="right")), len(chances) - 1)


@lru_cache(maxsize=2048)
def _haircut(
    body: BodyModel, style: str, hatted: bool, thick: int, shape: int
) -> tuple[tuple[Shell, ...], np.ndarray]:
    """Shells of one haircut in no colour, and the level of the painted scalp below."""
    rng = np.random.default_rng([STYLES.index(style), shape])
    tailor, head = figure(body), skull(body)
    colour, over = np.zeros(3), _OVER[thick]
    line = hairline(rng, head)
    scalp = _scalp(tailor, head, line)
    if style == "buzz":
        return (), scalp
    volume = {
        "short": rng.uniform(0.008, 0.026),
        "long": rng.uniform(0.012, 0.024),
        "pony tail": rng.uniform(0.007, 0.012),
        "bun": rng.uniform(0.007, 0.012),
        "afro": rng.uniform(0.045, 0.085),
    }[style] * head.scale
    full = min(volume, _UNDER_HAT) if hatted else volume
    shells = [cap(rng, tailor, head, line, full, colour)]
    if style == "long":
        length = rng.uniform(0.11, 0.36) * head.scale
        shells.append(fall(rng, tailor, head, volume, length, over, colour))
    elif style == "pony tail":
        length = rng.uniform(0.14, 0.34) * head.scale
        shells.append(tail(rng, tailor, head, length, over, colour))
    elif style == "bun":
        shells.append(tail(rng, tailor, head, rng.uniform(0.055, 0.085), over, colour))
    return tuple(shells), scalp


@lru_cache(maxsize=4 * SHAPES)
def _beard(body: BodyModel, shape: int) -> tuple[tuple[Shell, ...], np.ndarray | None]:
    rng = np.random.default_rng([100, shape])
    tailor = figure(body)
    level = beard_level(rng, tailor)
    if level is None:
        return (), None
    return (beard(rng, tailor, level, rng.uniform(0.006, 0.024), np.zeros(3)),), level


@lru_cache(maxsize=16 * SHAPES)
def _hat(body: BodyModel, kind: str, shape: int) -> tuple[Shell, ...]:
    rng = np.random.default_rng([200, KINDS.index(kind), shape])
    return hat(rng, figure(body), skull(body), kind)


def _scalp(figure: Figure, head: Skull, line: np.ndarray) -> np.ndarray:
    """[V] about metres above the hairline ``line`` [C]."""
    level = np.full(len(figure.place), -1.0, np.float32)
    columns = np.append(head.azimuth, 2 * np.pi)
    limit = np.interp(head.azimuths, columns, np.append(line, line[0]))
    level[head.ids] = 0.1 * (limit - head.polar)
    return level
