"""Shoes and boots: outlines of the foot, stacked on a sole."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.cloth import PLAIN_ROW, repainted
from hmr_ros.data.clothes.colours import cloth_colour
from hmr_ros.data.clothes.figure import Figure, edges_of, nearest_vertices, ramp
from hmr_ros.data.clothes.figure import figure as figure_of
from hmr_ros.data.clothes.sections import Outlines, outlines
from hmr_ros.data.clothes.sheets import sheet_shell
from hmr_ros.data.scenes.scene import Shell

_COLUMNS = 18
_OUTLINE = np.arange(0.01, 0.05, 0.01)  # heights over the floor that a sole's outline goes round


@lru_cache(maxsize=4)
def lasts(body: BodyModel) -> tuple[tuple[Outlines, np.ndarray], ...]:
    """For the left and the right foot: outlines around the ankle, and nearest vertices; kept."""
    tailor = figure_of(body)
    edges = edges_of(body.faces)
    both = []
    for side, parts in (("left", (4, 7, 10)), ("right", (5, 8, 11))):
        ankle = tailor.joint[f"{side}_ankle"]
        foot = np.isin(body.part_id, parts) & (tailor.place[:, 1] < ankle[1] + 0.26)
        rows = np.arange(tailor.floor + 0.006, ankle[1] + 0.24, 0.01)
        centres = np.tile(ankle[[0, 2]], (len(rows), 1))
        table = outlines(tailor.place[:, [1, 0, 2]], edges[foot[edges].all(1)], rows, centres, 64)
        both.append((table, nearest_vertices(table, tailor.place, np.flatnonzero(foot), (1, 0, 2))))
    return tuple(both)


SHAPES = 48  # different pairs, made when first worn and kept; their colours are always new


def shoes(rng: np.random.Generator, figure: Figure, cover: np.ndarray) -> list[Shell]:
    """A pair of shoes or boots. cover: [V] bool, marked where a shoe hides the body."""
    pair, hidden = _pair(figure.body, int(rng.integers(SHAPES)))
    cover[hidden] = True
    colour = cloth_colour(rng) * rng.uniform(0.4, 1.0)
    under = np.full(3, (0.08, 0.2, 0.9)[rng.integers(3)]) * rng.uniform(0.8, 1.05)
    ground = (np.stack([colour, colour]), PLAIN_ROW, 0.1)
    return [repainted(rng, shoe, ground, (under,)) for shoe in pair]


@lru_cache(maxsize=4 * SHAPES)
def _pair(body: BodyModel, shape: int) -> tuple[tuple[Shell, ...], np.ndarray]:
    """Both shoes and the vertices of the body that they hide."""
    rng = np.random.default_rng(shape)
    figure = figure_of(body)
    floor = figure.floor
    shaft = rng.uniform(0.12, 0.24) if rng.random() < 0.2 else rng.uniform(0.07, 0.1)
    shaft, sole = shaft * figure.size, rng.uniform(0.012, 0.03)
    ease = rng.uniform(0.006, 0.01)
    black = np.zeros(3)
    ground = (np.zeros((2, 3)), PLAIN_ROW, 0.1)
    # Denser in front, where the toes are far from the ankle.
    step = np.arange(_COLUMNS) * (2 * np.pi / _COLUMNS)
    angle = 0.5 * np.pi - (step - 0.55 * np.sin(step))
    steps = np.array([0.012, 0.03, 0.05, 0.075, 0.11, 0.17])
    heights = np.append(steps[steps < shaft - 0.008], shaft)
    pair = []
    for side, (table, nearest) in zip(("left", "right"), lasts(body), strict=True):
        ring = table.at(floor + _OUTLINE[:, None], angle).max(0) + ease
        # Leather is stiff: no narrower than a little higher up.
        up = floor + heights[:, None]
        upper = np.maximum(table.at(up, angle), table.at(up + 0.01, angle)) + ease
        upper = np.where(heights[:, None] < 0.045, np.minimum(upper, ring), upper)
        under_foot = np.stack([ring + 0.002, ring + 0.002, ring - 0.004, 0 * ring])
        # From the shaft's edge down to the middle of the sole.
        radius = np.concatenate([upper[::-1], under_foot])
        y = np.concatenate([heights[::-1], [0, -0.6 * sole, -sole, -sole]]) + floor
        y = np.broadcast_to(y[:, None], radius.shape)
        centre = table.centres[0]
        place = np.stack(
            [centre[0] + radius * np.cos(angle), y, centre[1] + radius * np.sin(angle)], -1
        )
        row = np.interp(y, table.along, np.arange(len(nearest))).round().astype(np.int64)
        column = np.round(angle * (64 / (2 * np.pi))).astype(np.int64) % 64
        anchor = nearest[row, column]
        bones, weights = _skinning(figure, place, side)
        pair.append(
            sheet_shell(
                rng,
                figure,
                place,
                anchor,
                bones,
                weights,
                ground,
                "shoe",
                layers=((floor - y + 0.004, black),),
                two_sided=shaft > 0.1,
            )  # fmt: skip
        )
    foot = np.isin(body.part_id, (4, 5, 7, 8, 10, 11))
    return tuple(pair), np.flatnonzero(foot & (figure.place[:, 1] < floor + shaft - 0.02))


def _skinning(figure: Figure, place: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Toes bend with the foot joint, the shaft goes over to the shin. Both [R, C, 4]."""
    names = figure.body.joint_names
    ankle, ball = figure.joint[f"{side}_ankle"], figure.joint[f"{side}_foot"]
    shin = ramp(ankle[1] - 0.03, ankle[1] + 0.09, place[..., 1])
    toes = (1 - shin) * ramp(ball[2] - 0.05, ball[2] + 0.02, place[..., 2])
    weights = np.stack([1 - shin - toes, toes, shin, 0 * shin], -1)
    bones = [names.index(f"{side}_{name}") for name in ("ankle", "foot", "knee")]
    return np.array([*bones, 0], np.int32), weights
