"""Which hair, beard and hat a person has."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.figure import Figure
from hmr_ros.data.clothes.hair import beard, beard_level, cap, fall, hairline, tail
from hmr_ros.data.clothes.hats import KINDS, hat
from hmr_ros.data.clothes.skull import Skull, skull
from hmr_ros.data.scenes.scene import Shell

STYLES = ("bald", "buzz", "short", "long", "pony tail", "bun", "afro")
_STYLE_CHANCE = np.array([0.07, 0.09, 0.38, 0.24, 0.09, 0.07, 0.06])
_HAT_CHANCE = np.array([0.4, 0.2, 0.15, 0.25])
_UNDER_HAT = 0.009


def sample_head(
    rng: np.random.Generator, figure: Figure, colour: np.ndarray, over: float
) -> tuple[list[Shell], list[np.ndarray]]:
    """Shells on the head, and levels [V] of hair painted on the skin.

    colour: of the hair. over: metres that clothes stand off the shoulders.
    """
    head = skull(figure.body)
    shells: list[Shell] = []
    levels: list[np.ndarray] = []
    style = STYLES[rng.choice(len(STYLES), p=_STYLE_CHANCE)]
    hatted = rng.random() < 0.22
    line = hairline(rng, head)
    if style != "bald":
        levels.append(_scalp(figure, head, line))
    if style not in ("bald", "buzz"):
        volume = {
            "short": rng.uniform(0.008, 0.026),
            "long": rng.uniform(0.012, 0.024),
            "pony tail": rng.uniform(0.007, 0.012),
            "bun": rng.uniform(0.007, 0.012),
            "afro": rng.uniform(0.045, 0.085),
        }[style] * head.scale
        full = min(volume, _UNDER_HAT) if hatted else volume
        shells.append(cap(rng, figure, head, line, full, colour))
        if style == "long":
            length = rng.uniform(0.11, 0.36) * head.scale
            shells.append(fall(rng, figure, head, volume, length, over, colour))
        elif style == "pony tail":
            length = rng.uniform(0.14, 0.34) * head.scale
            shells.append(tail(rng, figure, head, length, over, colour))
        elif style == "bun":
            shells.append(tail(rng, figure, head, rng.uniform(0.055, 0.085), over, colour))
    if style not in ("long", "pony tail", "bun") and rng.random() < 0.28:
        level = beard_level(rng, figure)
        if level is not None:
            levels.append(level)
            if rng.random() < 0.6:
                shells.append(beard(rng, figure, level, rng.uniform(0.006, 0.024), colour))
    if hatted:
        shells += hat(rng, figure, head, KINDS[rng.choice(len(KINDS), p=_HAT_CHANCE)])
    return shells, levels


def _scalp(figure: Figure, head: Skull, line: np.ndarray) -> np.ndarray:
    """[V] about metres above the hairline ``line`` [C]."""
    level = np.full(len(figure.place), -1.0)
    columns = np.append(head.azimuth, 2 * np.pi)
    limit = np.interp(head.azimuths, columns, np.append(line, line[0]))
    level[head.ids] = 0.1 * (limit - head.polar)
    return level
