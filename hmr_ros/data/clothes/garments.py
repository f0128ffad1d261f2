"""Trousers, shorts, shirts, jackets: garments cut from the body's mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.clothes.cloth import cloth, cut_shell
from hmr_ros.data.clothes.colours import trouser_colour
from hmr_ros.data.clothes.figure import Figure
from hmr_ros.data.scenes.scene import Shell

MARGIN = 0.03  # metres from a hem from which on nothing underneath is drawn


@dataclass(frozen=True, eq=False)
class Worn:
    """A garment and the vertices [K] of the body that are well under it."""

    shells: tuple[Shell, ...]
    covered: np.ndarray


def trousers(
    rng: np.random.Generator,
    figure: Figure,
    waist: float,
    hem: float,
    ease: float,
    drape: float,
    flare: float,
    cover: np.ndarray,
) -> Worn:
    """waist, hem: heights, metres in the template's frame. flare: metres at the ankles.

    cover: [V] bool, vertices of the body that other garments hide.
    """
    zone, size = figure.legs, figure.size
    y = zone.place[:, 1]
    level = np.minimum(waist - y, y - hem)
    low = np.clip((figure.crotch - y) / (figure.crotch - figure.joint["left_ankle"][1]), 0, 1)
    short = hem > figure.joint["left_knee"][1] - 0.12 * size
    shell = cut_shell(
        rng,
        figure,
        zone,
        level,
        cloth(rng, 0.85, trouser_colour(rng)),
        "shorts" if short else "trousers",
        ease=ease + 0.004 * low,
        drape=drape,
        flare=flare * low,
        folds=0.003 + 0.25 * drape * 0.04 * low,
        hidden=cover[zone.ids],
        apart=True,
        # A lifted leg shows the inside of shorts, and of trousers up to the knee; none the waist.
        deep=0 * y if short else 0.3 * (y - hem),
    )
    margin = MARGIN + flare + 0.02 * drape
    # The seat moves most under the cloth: no skin there, even in short shorts.
    seat = (y > figure.crotch - 0.03 * size) & (y > hem + MARGIN)
    return Worn((shell,), zone.ids[(waist - y > 0.02) & (seat | (y - hem > margin))])


def top(
    rng: np.random.Generator,
    figure: Figure,
    hem: float,
    reach: float,
    collar: float,
    ease: float,
    drape: float,
    cover: np.ndarray,
    name: str,
    folds: float = 0.006,
    opening: float | None = None,
    sleeve_drape: float = 0.5,
    ground: tuple | None = None,
    layers: tuple = (),
    banded: bool = False,
) -> Worn:
    """A shirt or jacket. hem, collar: heights. reach: half the span of the sleeves.

    opening: half the width of the gap in front, or None for a closed garment.
    banded: there are narrow bands among its layers.
    """
    zone, size = figure.upper, figure.size
    y, z, x = zone.place[:, 1], zone.place[:, 2], zone.x
    neck = collar + 3.5 * np.maximum(x - 0.065 * size, 0) - y
    level = np.minimum(np.minimum(y - hem, reach - x), neck)
    level = np.where((zone.part == 15) | (x > 0.2 * size) & (neck < 0), -1.0, level)
    shoulder = figure.joint["left_shoulder"][0]
    sleeve = x > shoulder + 0.03 * size
    full, parted = level, None
    if opening is not None:
        front = z > figure.joint["spine3"][2]
        level = np.where(front, np.minimum(level, x - opening), level)
        parted = front & (x < opening)
    shell = cut_shell(
        rng,
        figure,
        zone,
        level,
        cloth(rng) if ground is None else ground,
        name,
        ease=ease,
        drape=np.where(sleeve, sleeve_drape, drape),
        folds=folds,
        hidden=cover[zone.ids],
        layers=layers,
        fine=banded,
        deep=np.where(x > shoulder - 0.06 * size, 0.0, level),  # an arm may point at the camera
        parted=parted,
    )
    inner = level if opening is None else np.where(full > 0.05, level - 0.03, level)
    return Worn((shell,), zone.ids[inner > MARGIN + 0.03 * drape])
