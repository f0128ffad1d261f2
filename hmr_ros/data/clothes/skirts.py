"""Skirts, and the lower parts of dresses and coats: bells of their own around both legs."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.figure import Figure, ramp, strongest
from hmr_ros.data.clothes.sheets import sheet_shell
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.scene import Shell

COLUMNS = 44
FRONT = 0.5 * np.pi


def skirt(
    rng: np.random.Generator,
    figure: Figure,
    waist: float,
    hem: float,
    ground: tuple[np.ndarray, np.ndarray, float],
    name: str,
    ease: float,
    flare: float,
    folds: float,
    gap: float | None = None,
    from_above: bool = False,
    layers: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
) -> Shell:
    """A bell from ``waist`` to ``hem`` (heights, metres in the template's frame).

    flare: metres that the hem stands out more, for each metre of length. folds: metres, deepest at
    the hem. gap: half the opening in front in metres (a coat), or None. from_above: it goes on
    from cloth that hangs from the chest. layers: (levels as a function of height [R], colour).
    """
    rows = int(np.clip(np.ceil((waist - hem) / 0.055), 6, 14)) + 1
    y = np.linspace(waist, hem, rows)
    if gap is None:
        angle = FRONT + np.pi - np.arange(COLUMNS) * (2 * np.pi / COLUMNS)
    else:
        half = np.arctan2(gap, 0.14)
        angle = FRONT - half - np.linspace(0, 2 * np.pi - 2 * half, COLUMNS)
    table = figure.trunk.hanging() if from_above else figure.trunk
    heights, angles = np.broadcast_arrays(y[:, None], angle[None])
    radius = np.maximum.accumulate(table.at(heights, angles), axis=0)
    depth = (waist - y)[:, None]
    waves = int(rng.integers(5, 12))
    ripple = np.sin(waves * angle + rng.uniform(0, 7)) + 0.6 * np.sin(
        (waves + int(rng.integers(2, 5))) * angle + rng.uniform(0, 7)
    )
    radius = radius + ease + flare * depth
    radius = radius + folds * (0.6 + 0.4 * ripple)[None] * ramp(0, 0.35, depth)
    centre = figure.trunk.centres[0]
    place = np.stack(
        [centre[0] + radius * np.cos(angles), heights, centre[1] + radius * np.sin(angles)], -1
    )
    anchor = figure.behind(angles, heights)
    bones, weights = _hung(figure, place, anchor)
    return sheet_shell(
        rng,
        figure,
        place,
        anchor,
        bones,
        weights,
        ground,
        name,
        closed=gap is None,
        layers=tuple((level(y)[:, None], colour) for level, colour in layers),
    )


def _hung(figure: Figure, place: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skinning: as the body at the waist, then with both thighs by side, then partly the shins.

    A stride moves the left side with the left leg and the middle with half of each, which opens
    the bell. bones, weights: [R, C, 4].
    """
    joint, size = figure.joint, figure.size
    x, y = place[..., 0], place[..., 1]
    hip, knee = joint["left_hip"], joint["left_knee"]
    left = ramp(-0.75 * abs(hip[0]), 0.75 * abs(hip[0]), x)
    thighs = 0.9 * ramp(hip[1] + 0.06 * size, figure.crotch - 0.16 * size, y)
    shins = 0.6 * ramp(knee[1] + 0.08 * size, knee[1] - 0.22 * size, y)
    body = np.zeros((*y.shape, 24))
    np.put_along_axis(body, figure.bones[anchor], figure.weights[anchor], axis=2)
    # What the body's own skin knows only counts at the waist; the fork of the legs is the skirt's.
    waist = body * (1 - thighs)[..., None]
    legs = waist[..., 1] + waist[..., 2]
    waist[..., 1], waist[..., 2] = legs * left, legs * (1 - left)
    waist[..., 1] += thighs * left
    waist[..., 2] += thighs * (1 - left)
    for thigh, shin in ((1, 4), (2, 5)):
        own = waist[..., thigh] + waist[..., shin]
        waist[..., thigh], waist[..., shin] = own * (1 - shins), own * shins
    bones, weights = strongest(rounded(waist.reshape(-1, 24)))
    return bones.reshape(*y.shape, 4), weights.reshape(*y.shape, 4)
