"""Which garments a person wears on the body, layered so that outer ones lie over inner ones."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.cloth import cloth
from hmr_ros.data.clothes.colours import SIGNAL, cloth_colour
from hmr_ros.data.clothes.extras import hood, straps
from hmr_ros.data.clothes.figure import Figure
from hmr_ros.data.clothes.garments import Worn, top, trousers
from hmr_ros.data.clothes.skirts import skirt
from hmr_ros.data.scenes.scene import Shell

OVER = ("none", "jacket", "coat", "vest")
LOWER = ("trousers", "shorts", "skirt", "dress")
OVER_CHANCE = np.array([0.6, 0.2, 0.11, 0.09])
LOWER_CHANCE = np.array([0.62, 0.14, 0.11, 0.13])
# Share of the way to straight hanging cloth, and metres of flare at the ankles.
CUTS = {"tight": (0.05, 0.0), "straight": (0.4, 0.004), "loose": (0.8, 0.012), "wide": (1.0, 0.045)}


def dress_body(
    rng: np.random.Generator,
    figure: Figure,
    cover: np.ndarray,
    packed: bool,
    lower: str | None = None,
    over: str | None = None,
) -> tuple[list[Shell], float]:
    """Garments from the neck to the ankles.

    cover: [V] bool; marked where garments hide the body. packed: straps of a backpack.
    lower, over: one of ``LOWER`` and ``OVER``, or None for a random one.
    Returns the shells and how far, in metres, they stand off the back.
    """
    lower = lower or LOWER[rng.choice(4, p=LOWER_CHANCE)]
    over = over or OVER[rng.choice(4, p=OVER_CHANCE)]
    joint, size = figure.joint, figure.size
    waist = joint["pelvis"][1] + rng.uniform(0.03, 0.1) * size
    ease, drape = rng.uniform(0.012, 0.017), rng.uniform(0.15, 0.95)
    shells: list[Shell] = []
    lift = ease
    strap = ((straps(figure), np.full(3, rng.uniform(0.03, 0.3))),) if packed else ()
    if over != "none":
        lift = ease + rng.uniform(0.012, 0.022)
        drape = min(drape, 0.75)
        bell = lower in ("skirt", "dress")
        worn = _overwear(rng, figure, over, lift, 1.0 if bell else drape + 0.2, cover, strap)
        shells += worn.shells
        cover[worn.covered] = True
        strap = ()
    if lower == "dress":
        shells += _dress(rng, figure, waist, ease, drape, cover, strap)
        return shells, lift
    tucked = lower == "skirt" or (over == "none" and rng.random() < 0.3)
    if tucked:
        shells += _lower(rng, figure, lower, waist, 0.019, cover)
        shells += _shirt(rng, figure, waist - 0.05 * size, 0.009, 0.1, cover, strap)
    else:
        hem = rng.uniform(figure.crotch + 0.015 * size, waist - 0.03 * size)
        shells += _shirt(rng, figure, hem, ease, drape, cover, strap)
        shells += _lower(rng, figure, lower, waist, 0.005, cover)
    return shells, lift


def _sleeves(rng: np.random.Generator, figure: Figure, long: float) -> float:
    """Half of the span from hem to hem; long: chance of long sleeves."""
    joint = figure.joint
    wrist, shoulder = joint["left_wrist"][0], joint["left_shoulder"][0]
    if rng.random() < long:
        return wrist + rng.uniform(-0.06, 0.02) * figure.size
    return shoulder + rng.uniform(0.06, 0.24) * figure.size


def _shirt(rng, figure: Figure, hem, ease, drape, cover, layers) -> tuple[Shell, ...]:
    hooded = rng.random() < 0.15
    ground = cloth(rng, 0.85 if hooded else 0.5)
    shirt = top(
        rng,
        figure,
        hem=hem,
        reach=_sleeves(rng, figure, 1.0 if hooded else 0.45),
        collar=figure.joint["neck"][1] + rng.uniform(-0.035, 0.035) * figure.size,
        ease=ease + 0.004 * hooded,
        drape=drape,
        cover=cover,
        name="hoodie" if hooded else "shirt",
        sleeve_drape=rng.uniform(0.1, 1.0),
        ground=ground,
        layers=layers,
        banded=bool(layers),
    )
    cover[shirt.covered] = True
    return (*shirt.shells, hood(rng, figure, ease, ground)) if hooded else shirt.shells


def _lower(rng, figure: Figure, kind, waist, ease, cover) -> tuple[Shell, ...]:
    joint, size = figure.joint, figure.size
    if kind == "skirt":
        return _skirt(rng, figure, waist, ease, cover, cloth(rng, 0.6), "skirt")
    ankle, knee = joint["left_ankle"][1], joint["left_knee"][1]
    if kind == "shorts":
        hem = knee + rng.uniform(-0.03, 0.22) * size
        drape, flare = rng.uniform(0.2, 1.0), rng.uniform(0.0, 0.04)
    else:
        hem = ankle + rng.uniform(-0.035, 0.04) * size
        drape, flare = CUTS[("tight", "straight", "loose", "wide")[rng.choice(4, p=_CUT_CHANCE)]]
    legs = trousers(rng, figure, waist, hem, ease, drape, flare, cover)
    cover[legs.covered] = True
    return legs.shells


_CUT_CHANCE = np.array([0.22, 0.36, 0.28, 0.14])


def _skirt(rng, figure: Figure, waist, ease, cover, ground, name) -> tuple[Shell, ...]:
    """A skirt; a very long one in one case of four."""
    joint, size = figure.joint, figure.size
    knee, ankle = joint["left_knee"][1], joint["left_ankle"][1]
    long = rng.random() < 0.25
    hem = rng.uniform(ankle + 0.05, knee - 0.15) if long else knee + rng.uniform(-0.1, 0.18) * size
    straight = rng.random() < 0.35
    # Cloth is heavy: long skirts do not stand out at the same slope as short ones.
    flare = rng.uniform(0.0, 0.02) if straight else rng.uniform(0.03, 0.1)
    shell = skirt(
        rng,
        figure,
        waist,
        hem,
        ground,
        name,
        ease=ease + 0.004,
        flare=flare / (waist - hem),
        folds=0.004 if straight else rng.uniform(0.008, 0.03),
    )
    y = figure.legs.place[:, 1]
    cover[figure.legs.ids[(y < waist - 0.02) & (y > hem + 0.09)]] = True
    return (shell,)


def _dress(rng, figure: Figure, waist, ease, drape, cover, layers) -> tuple[Shell, ...]:
    ground = cloth(rng, 0.4)
    bodice = top(
        rng,
        figure,
        hem=waist - 0.012 * figure.size,
        reach=_sleeves(rng, figure, 0.3),
        collar=figure.joint["neck"][1] + rng.uniform(-0.07, 0.01) * figure.size,
        ease=0.8 * ease,
        drape=0.35 * drape,
        cover=cover,
        name="dress",
        folds=0.003,
        ground=ground,
        layers=layers,
        banded=bool(layers),
    )
    cover[bodice.covered] = True
    cover[figure.upper.ids[np.abs(figure.upper.place[:, 1] - waist) < 0.05]] = True
    return (*bodice.shells, *_skirt(rng, figure, waist, 0.8 * ease, cover, ground, "dress"))


def _overwear(rng, figure: Figure, kind, ease, drape, cover, layers) -> Worn:
    joint, size = figure.joint, figure.size
    collar = joint["neck"][1] + rng.uniform(-0.03, 0.03) * size
    if kind == "vest":
        y = figure.upper.place[:, 1]
        chest = 0.5 * (figure.armpit + joint["spine2"][1])
        bands = np.maximum(
            0.022 * size - np.abs(y - chest), 0.022 * size - np.abs(y - joint["spine1"][1])
        )
        over = 0.018 * size - np.abs(figure.upper.x - 0.1 * size)
        over = np.where(y > chest, over, -1.0)
        signal = SIGNAL[rng.integers(3)]
        return top(
            rng,
            figure,
            hem=rng.uniform(figure.crotch + 0.03 * size, joint["pelvis"][1] + 0.05 * size),
            reach=joint["left_shoulder"][0] + rng.uniform(-0.03, 0.01) * size,
            collar=collar - 0.02 * size,
            ease=ease,
            drape=drape,
            cover=cover,
            name="vest",
            opening=rng.uniform(0.0, 0.05) * size if rng.random() < 0.5 else None,
            ground=cloth(rng, 1.0, signal),
            layers=((bands, np.full(3, 0.85)), (over, np.full(3, 0.85)), *layers),
            banded=True,
        )
    opened = rng.random() < 0.5
    gap = rng.uniform(0.015, 0.09) * size if opened else None
    ground = cloth(rng, 0.8)
    coat = kind == "coat"
    low = figure.crotch + 0.02 * size
    hem = low if coat else rng.uniform(low, joint["pelvis"][1] + 0.06 * size)
    if coat:
        drape = 1.0
    zip_line = () if opened else ((0.006 - figure.upper.x, cloth_colour(rng) * 0.5),)
    zip_line = tuple(
        (np.where(figure.upper.place[:, 2] > joint["spine3"][2], lv, -1.0), c) for lv, c in zip_line
    )
    worn = top(
        rng,
        figure,
        hem=hem,
        reach=joint["left_wrist"][0] + rng.uniform(-0.02, 0.03) * size,
        collar=collar,
        ease=ease,
        drape=drape,
        cover=cover,
        name=kind,
        folds=0.008,
        opening=gap,
        sleeve_drape=rng.uniform(0.5, 1.0),
        ground=ground,
        layers=(*zip_line, *layers),
        banded=bool(layers),
    )
    shells = list(worn.shells)
    if coat:
        end = joint["left_knee"][1] + rng.uniform(-0.15, 0.25) * size
        shells.append(
            skirt(
                rng,
                figure,
                low + 0.01,
                end,
                ground,
                "coat",
                ease=ease + 0.006,
                flare=rng.uniform(0.02, 0.15),
                folds=0.008,
                gap=gap,
                from_above=True,
            )
        )
    if rng.random() < 0.3:
        shells.append(hood(rng, figure, ease, ground))
    return Worn(tuple(shells), worn.covered)
