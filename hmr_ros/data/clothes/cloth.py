"""From a cut or a sheet to a shell: where the cloth lies, and how it is painted."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.clothes.colours import cloth_colour
from hmr_ros.data.clothes.cutting import cut
from hmr_ros.data.clothes.figure import FOLDS, Figure, Zone
from hmr_ros.data.scenes.scene import Shell
from hmr_ros.data.surfaces import PLAIN, Surface, random_pattern

_LOOK = 0.12  # metres from a hem or collar beyond which nobody looks into a garment
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
        second = np.minimum(np.maximum(first * rng.uniform(0.4, 0.9), 0), 1)
    else:
        second = cloth_colour(rng)
    return np.array([first, second]), pattern, crease


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


def repainted(
    rng: np.random.Generator,
    shell: Shell,
    ground: tuple[np.ndarray, np.ndarray, float],
    layers: tuple[np.ndarray, ...] = (),
) -> Shell:
    """The same shape of another cloth; layers: the colours [3] of its layers."""
    old = shell.surface
    palette = np.empty((1 + len(layers), 2, 3))
    palette[0] = ground[0]
    for n, colour in enumerate(layers):
        palette[1 + n] = colour
    patterns = old.patterns.copy()
    patterns[0] = ground[1]
    # Written out: ``dataclasses.replace`` takes longer than all the rest.
    return Shell(
        anchor=shell.anchor,
        offset=shell.offset,
        bones=shell.bones,
        weights=shell.weights,
        faces=shell.faces,
        part=shell.part,
        surface=Surface(
            texture=old.texture,
            levels=old.levels,
            palette=np.minimum(np.maximum(palette, 0), 1)[..., ::-1].astype(np.float32, "C"),
            patterns=patterns,
            creases=old.creases,
            features=old.features,
            seed=int(rng.integers(1 << 30)),
        ),
        inner=shell.inner,
        name=shell.name,
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
    fine: bool = False,
    parted: np.ndarray | None = None,
    deep: np.ndarray | None = None,
) -> Shell:
    """A garment from the body's mesh.

    level: [N] > 0 where the garment is. ease: metres of air under the cloth everywhere.
    drape: share of the way to where cloth hangs straight. flare: metres beyond that, away from
    the axis. folds: metres of the deepest fold. Arrays are [N]. layers: see ``paint``, levels [N].
    apart: the left half stays left and the right half right (legs). fine, parted: see ``cut``.
    deep: [N] metres from where one can look in, or None for ``level``.
    """
    rows, place, faces = cut(zone, level, hidden, fine, parted)
    amounts = rng.normal(0, 1, FOLDS)
    amounts *= 0.5 / np.sqrt((amounts * amounts).sum())
    count = len(zone.ids)
    along = np.broadcast_to(np.asarray(ease, np.float64), count)
    depth = np.broadcast_to(np.asarray(folds, np.float64), count)
    sideways = zone.hang * drape + flare
    at = place.copy()
    _drape(
        at, rows, zone.outward, zone.fill, zone.away, zone.folds, amounts, along, depth, sideways,
        apart,
    )  # fmt: skip
    anchor = zone.ids[rows]
    inner = 0
    if sideways.max() > 0.008:  # it stands off the skin
        seen = (level if deep is None else deep)[rows[faces]].min(axis=1) < _LOOK
        faces = np.concatenate([faces[seen], faces[~seen]])
        inner = int(np.count_nonzero(seen))
    return Shell(
        anchor=anchor.astype(np.int32),
        offset=(at - figure.place[anchor]).astype(np.float32),
        bones=zone.bones[rows],
        weights=zone.weights[rows],
        faces=faces,
        part=zone.part[rows],
        surface=paint(rng, at, ground, tuple((lv[rows], colour) for lv, colour in layers)),
        inner=inner,
        name=name,
    )


@reproducible
def _drape(at, rows, outward, fill, away, folds, amounts, ease, depth, sideways, apart):
    """Move a cut piece from the skin to where its cloth lies, in place."""
    for n in range(len(rows)):
        v = rows[n]
        wave = 0.5
        for k in range(len(amounts)):
            wave += amounts[k] * folds[v, k]
        along = ease[v] + fill[v] + depth[v] * min(1.0, max(0.0, wave))
        x = at[n, 0]
        for d in range(3):
            at[n, d] += outward[v, d] * along + away[v, d] * sideways[v]
        if apart and x != 0:
            half = 1.0 if x > 0 else -1.0
            at[n, 0] = half * max(at[n, 0] * half, min(0.002, x * half))
