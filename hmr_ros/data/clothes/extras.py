"""What is worn over clothes: hoods, backpacks, gloves."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.cloth import cloth, cut_shell
from hmr_ros.data.clothes.figure import Figure
from hmr_ros.data.clothes.sheets import sheet_shell
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.scene import Shell

FRONT, BACK = 0.5 * np.pi, 1.5 * np.pi


def hood(
    rng: np.random.Generator,
    figure: Figure,
    ease: float,
    ground: tuple[np.ndarray, np.ndarray, float],
) -> Shell:
    """A hood that hangs down: a roll around the nape that thins out towards the chest."""
    size, neck = figure.size, figure.joint["neck"]
    turn = np.linspace(-0.86, 0.86, 19) * np.pi
    around = BACK - turn  # rightwards, seen from behind
    back = 0.5 + 0.5 * np.cos(turn)
    thick = (0.016 + rng.uniform(0.018, 0.034) * back) * size
    radius = (0.075 + 0.012 * np.cos(2 * turn)) * size + ease
    height = neck[1] + (0.0 + 0.0 * back - 0.075 * (1 - back) ** 2) * size - 0.025 * size
    path = np.stack(
        [
            neck[0] + radius * np.cos(around),
            height,
            neck[2] - 0.008 * size + radius * 1.0 * np.sin(around),
        ],
        1,
    )
    ring = np.linspace(0, 2 * np.pi, 9)
    out = np.stack([np.cos(around), 0 * around, np.sin(around)], 1)
    # From above outward and down: rows run down on the outside.
    place = (
        path
        + thick[:, None] * np.sin(ring)[:, None, None] * out
        + thick[:, None] * np.cos(ring)[:, None, None] * np.array([0, 1.0, 0])
    )
    sag = rng.uniform(0.02, 0.05) * size * back
    place[3:6, :, 1] -= sag * np.array([0.6, 1.0, 0.6])[:, None]
    ids = figure.upper.ids[np.isin(figure.upper.part, (9, 12, 13, 14))]
    distance = ((path[:, None] - figure.place[ids]) ** 2).sum(-1)
    anchor = np.broadcast_to(ids[rounded(distance).argmin(1)], (9, len(turn)))
    return sheet_shell(
        rng, figure, place, anchor, figure.bones[anchor], figure.weights[anchor], ground, "hood",
        closed=False, two_sided=True,
    )  # fmt: skip


def backpack(rng: np.random.Generator, figure: Figure, lift: float) -> Shell:
    """A rounded box on the back, ``lift`` metres over the skin."""
    size, joint = figure.size, figure.joint
    top = joint["left_shoulder"][1] + rng.uniform(-0.04, 0.04) * size
    tall = rng.uniform(0.28, 0.5) * size
    half = rng.uniform(0.12, 0.17) * size
    deep = rng.uniform(0.09, 0.2) * size
    rows, columns = 11, 20
    share = np.linspace(0, np.pi, rows)
    around = -np.arange(columns) * (2 * np.pi / columns)
    swell = _signed(np.sin(share), 0.35)[:, None]
    x = half * swell * _signed(np.cos(around), 0.45)
    z = 0.5 * deep * swell * _signed(np.sin(around), 0.45)
    y = top - 0.5 * tall + 0.5 * tall * _signed(np.cos(share), 0.5)[:, None] + 0 * x
    heights = np.linspace(top - 0.7 * tall, top - 0.2 * tall, 5)
    back = figure.trunk.at(heights, np.full(5, BACK)).max()
    middle = figure.trunk.centres[0, 1] - back - lift - 0.5 * deep
    place = np.stack([x, y, middle + z], -1)
    anchor = figure.behind(np.array(BACK), np.array(top - 0.35 * tall))
    bones = np.array([9, 6, 3, 0], np.int32)
    weights = np.array([0.6, 0.3, 0.1, 0], np.float32)
    pocket = np.minimum(top - 0.55 * tall - y, -z - 0.2 * deep) + 0 * x
    ground = cloth(rng, 0.8)
    return sheet_shell(
        rng, figure, place, np.broadcast_to(anchor, (rows, columns)), bones, weights, ground,
        "backpack", two_sided=False, layers=((pocket, ground[0][0] * 0.7),),
    )  # fmt: skip


def straps(figure: Figure) -> np.ndarray:
    """[N] of the upper zone: metres inside of a backpack's straps, over the shoulders."""
    zone, size = figure.upper, figure.size
    low = figure.armpit - 0.06 * size
    band = 0.02 * size - np.abs(zone.x - 0.085 * size)
    return np.where(zone.place[:, 1] > low, band, -1.0)


def gloves(rng: np.random.Generator, figure: Figure, cover: np.ndarray) -> Shell:
    """A pair, marked in ``cover`` [V] bool."""
    zone = figure.hands
    level = zone.x - (figure.joint["left_wrist"][0] + rng.uniform(-0.05, 0.0))
    cover[zone.ids[level > 0.02]] = True
    return cut_shell(
        rng, figure, zone, level, cloth(rng, 0.9), "gloves", ease=rng.uniform(0.003, 0.006),
        drape=0.0, folds=0.001,
    )  # fmt: skip


def _signed(values: np.ndarray, power: float) -> np.ndarray:
    return np.sign(values) * np.abs(values) ** power
