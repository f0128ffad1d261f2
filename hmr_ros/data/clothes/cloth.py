"""From a cut or a sheet to a shell: where the cloth lies, and how it is painted."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.colours import cloth_colour
from hmr_ros.data.clothes.cutting import cut
from hmr_ros.data.clothes.figure import FOLDS, Figure, Zone
from hmr_ros.data.scenes.scene import Shell
from hmr_ros.data.surfaces import PLAIN, Surface, random_pattern

PLAIN_ROW = np.array([PLAIN, 0, 0, 0], np.float32)


def cloth(
    rng: np.random.Generator,
    plain: float = 0.5,
    colour: np.ndarray | None = None,
    crease: float = 0.35,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Colours [2, 3] (red, green, blue), pattern row [4] and creases of a random cloth."""
    first = cloth_colour(rng) if colour is None else colour
    pattern = random_pattern(rng, plain)
    if pattern[0] == PLAIN:
        second = first
    elif rng.random() < 0.5:
        second = np.clip(first * rng.uniform(0.4, 0.9), 0, 1)
    else:
        second = cloth_colour(rng)
    return np.stack([first, second]), pattern, crease


def paint(
    rng: np.random.Generator,
    texture: np.ndarray,
    ground: tuple[np.ndarray, np.ndarray, float],
    layers: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
) -> Surface:
    """A mesh of one cloth with plain layers on it, each (levels [N], colour [3])."""
    colours, pattern, crease = ground
    palette = np.empty((1 + len(layers), 2, 3))
    palette[0] = colours
    for n, (_, colour) in enumerate(layers):
        palette[1 + n] = colour
    patterns = np.zeros((1 + len(layers), 4), np.float32)
    patterns[0] = pattern
    levels = np.empty((len(texture), len(layers)), np.float32)
    for n, (level, _) in enumerate(layers):
        levels[:, n] = level
    return Surface(
        texture=texture.astype(np.float32),
        levels=levels,
        palette=np.ascontiguousarray(palette[..., ::-1].clip(0, 1), np.float32),
        patterns=patterns,
        creases=np.full(1 + len(layers), crease, np.float32),
        features=np.zeros((0, 9), np.float32),
        seed=int(rng.integers(1 << 30)),
    )


def cut_shell(
    rng: np.random.Generator,
    figure: Figure,
    zone: Zone,
    level: np.ndarray,
    ground: tuple[np.ndarray, np.ndarray, float],
    name: str,
    ease: float | np.ndarray,
    drape: float | np.ndarray,
    flare: float | np.ndarray = 0.0,
    folds: float | np.ndarray = 0.0,
    hidden: np.ndarray | None = None,
    layers: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
    apart: bool = False,
) -> Shell:
    """A garment from the body's mesh.

    level: [N] > 0 where the garment is. ease: metres of air under the cloth everywhere.
    drape: share of the way to where cloth hangs straight. flare: metres beyond that, away from
    the axis. folds: metres of the deepest fold. Arrays are [N]. layers: see ``paint``, levels [N].
    apart: the left half stays left and the right half right (legs).
    """
    rows, place, faces = cut(zone, level, hidden)
    amounts = rng.normal(0, 1, FOLDS)
    waves = np.zeros(len(zone.ids))
    for k in range(FOLDS):
        waves += amounts[k] * zone.folds[:, k]
    waves = 0.5 + waves * (0.5 / np.sqrt((amounts * amounts).sum()))
    along = ease + zone.fill + folds * np.clip(waves, 0, 1)
    sideways = zone.hang * drape + flare
    at = place + (zone.outward * along[:, None] + zone.away * sideways[:, None])[rows]
    if apart:
        half = np.sign(place[:, 0])
        at[:, 0] = half * np.maximum(at[:, 0] * half, np.minimum(0.002, place[:, 0] * half))
    anchor = zone.ids[rows]
    loose = bool(np.max(sideways[rows]) > 0.008)
    return Shell(
        anchor=anchor.astype(np.int32),
        offset=(at - figure.place[anchor]).astype(np.float32),
        bones=zone.bones[rows],
        weights=zone.weights[rows],
        faces=faces,
        part=zone.part[rows],
        surface=paint(rng, at, ground, tuple((lv[rows], colour) for lv, colour in layers)),
        two_sided=loose,
        name=name,
    )
