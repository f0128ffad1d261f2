"""Pieces of furniture with the sizes that they have in homes, shops and workshops."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from hmr_ros.data.scenes.pieces import Assembly, Piece
from hmr_ros.data.scenes.shapes import grid


def table(rng: np.random.Generator) -> Piece:
    """Four legs, or one in the middle under a round top."""
    top, thick = rng.uniform(0.68, 0.78), rng.uniform(0.02, 0.05)
    if rng.random() < 0.15:
        top = rng.uniform(0.38, 0.5)  # before a sofa
    made = Assembly(("wood", "hard"))
    if rng.random() < 0.35:
        radius = rng.uniform(0.35, 0.65)
        made.drum(0, 0, radius, top - thick, top).drum(0, 0, 0.05, 0.03, top - thick, 1)
        return made.drum(0, 0, 0.55 * radius, 0, 0.03, 1).done("table")
    width, depth = rng.uniform(0.8, 2.0), rng.uniform(0.6, 0.95)
    made.box(-width / 2, width / 2, top - thick, top, -depth / 2, depth / 2)
    return made.legs(width, depth, top - thick, rng.uniform(0.04, 0.08), 1, 0.02).done("table")


def desk(rng: np.random.Generator) -> Piece:
    """A top, drawers on one side, a board behind the knees, sometimes a screen on it."""
    width, depth, top = rng.uniform(1.1, 1.8), rng.uniform(0.6, 0.8), rng.uniform(0.7, 0.76)
    x, z = width / 2, depth / 2
    made = Assembly(("wood", "hard", "plastic"))
    made.box(-x, x, top - 0.03, top, -z, z)
    made.box(-x, -x + 0.4, 0.03, top - 0.03, -z + 0.02, z - 0.04, 1)
    made.box(x - 0.04, x, 0, top - 0.03, -z, z, 1)
    made.box(-x, x, 0.25, top - 0.03, -z, -z + 0.02, 1)
    if rng.random() < 0.6:
        at, wide = rng.uniform(-0.3, 0.3), rng.uniform(0.25, 0.32)
        made.box(at - wide, at + wide, top + 0.1, top + 0.45, -0.12, -0.09, 2)
        made.box(at - 0.04, at + 0.04, top, top + 0.12, -0.16, -0.12, 2)
    return made.done("desk")


def chair(rng: np.random.Generator) -> Piece:
    seat = rng.uniform(0.42, 0.48)
    width, depth, back = rng.uniform(0.4, 0.5), rng.uniform(0.4, 0.46), rng.uniform(0.35, 0.55)
    x, z = width / 2, depth / 2
    made = Assembly(("hard", str(rng.choice(["cloth", "wood"]))))
    made.box(-x, x, seat - 0.045, seat, -z, z, 1)
    made.legs(width, depth, seat - 0.045, rng.uniform(0.025, 0.045))
    if rng.random() < 0.5:
        made.box(-x, x, seat + 0.08, seat + back, -z - 0.03, -z, 1)
        made.box(-x, -x + 0.03, seat - 0.045, seat + 0.08, -z - 0.03, -z)
        made.box(x - 0.03, x, seat - 0.045, seat + 0.08, -z - 0.03, -z)
    else:
        made.box(-x, x, seat + back - 0.1, seat + back, -z - 0.025, -z, 1)
        for at in np.linspace(-x, x - 0.03, int(rng.integers(2, 6))):
            made.box(at, at + 0.03, seat - 0.045, seat + back - 0.1, -z - 0.025, -z)
    return made.done("chair", seat)


def office_chair(rng: np.random.Generator) -> Piece:
    seat = rng.uniform(0.42, 0.55)
    made = Assembly(("cloth", "metal"))
    made.drum(0, 0, 0.25, seat - 0.07, seat).drum(0, 0, 0.03, 0.08, seat - 0.07, 1)
    made.box(-0.3, 0.3, 0.04, 0.08, -0.025, 0.025, 1).box(-0.025, 0.025, 0.04, 0.08, -0.3, 0.3, 1)
    for x, z in ((-0.28, 0), (0.28, 0), (0, -0.28), (0, 0.28)):
        made.drum(x, z, 0.025, 0, 0.04, 1)
    made.box(-0.22, 0.22, seat + 0.1, seat + 0.6, -0.29, -0.24)
    made.box(-0.03, 0.03, seat - 0.06, seat + 0.2, -0.31, -0.29, 1)
    return made.done("office chair", seat)


def sofa(rng: np.random.Generator) -> Piece:
    """An armchair to a sofa for three."""
    seat = rng.uniform(0.38, 0.46)
    width = rng.choice([0.62, 1.2, 1.75]) + rng.uniform(0, 0.15)
    depth, back, arm = rng.uniform(0.5, 0.62), rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.18)
    x, z, foot = width / 2, depth / 2, rng.uniform(0.02, 0.1)
    made = Assembly(("cloth", "wood"))
    made.box(-x, x, foot, seat, -z, z)
    made.box(-x - arm, x + arm, foot, seat + back, -z - 0.2, -z)
    high = seat + rng.uniform(0.1, 0.22)
    made.box(-x - arm, -x, foot, high, -z, z).box(x, x + arm, foot, high, -z, z)
    return made.legs(width, depth, foot, 0.05, 1).done("sofa", seat)


def stool(rng: np.random.Generator) -> Piece:
    seat = rng.uniform(0.4, 0.5)
    made = Assembly(("hard", "hard"))
    if rng.random() < 0.5:
        made.drum(0, 0, rng.uniform(0.16, 0.2), seat - 0.04, seat)
        return made.legs(0.28, 0.28, seat - 0.04, 0.03, 1).done("stool", seat)
    wide = rng.uniform(0.3, 0.9)
    made.box(-wide, wide, seat - 0.05, seat, -0.19, 0.19)
    return made.legs(2 * wide, 0.36, seat - 0.05, 0.06, 1, 0.04).done("bench", seat)


def bed(rng: np.random.Generator) -> Piece:
    """The head is towards -Z."""
    top = rng.uniform(0.42, 0.6)
    x, z = rng.uniform(0.42, 0.8), 1.05
    made = Assembly(("cloth", "wood", "cloth"))
    made.box(-x, x, 0.5 * top, top, -z, z).box(-x - 0.03, x + 0.03, 0.12, 0.55 * top, -z, z, 1)
    made.box(-x - 0.03, x + 0.03, 0, top + rng.uniform(0.2, 0.5), -z - 0.05, -z, 1)
    return made.legs(2 * x, 2 * z, 0.14, 0.07, 1).done("bed", top)


def counter(rng: np.random.Generator) -> Piece:
    """A closed front to the floor: of a shop, a kitchen, a reception."""
    x, z, top = rng.uniform(0.5, 1.3), rng.uniform(0.2, 0.35), rng.uniform(0.85, 1.12)
    made = Assembly(("hard", "wood", "metal"))
    made.box(-x, x, 0.08, top - 0.04, -z, z).box(-x + 0.03, x - 0.03, 0, 0.08, -z, z - 0.05, 2)
    made.box(-x - 0.03, x + 0.03, top - 0.04, top, -z - 0.03, z + 0.03, 1)
    for at in np.arange(-x + 0.5, x - 0.2, 0.5):
        made.box(at, at + 0.012, 0.1, top - 0.06, z, z + 0.006, 2)
    return made.done("counter")


def shelf(rng: np.random.Generator) -> Piece:
    """Boards between two sides, with books and boxes on them; sometimes without a back."""
    x, z = rng.uniform(0.35, 0.7), rng.uniform(0.13, 0.22)
    rows = int(rng.integers(2, 6))
    high = rows * rng.uniform(0.3, 0.38)
    made = Assembly(("wood", "cardboard", "plastic", "plastic"))
    made.box(-x, -x + 0.025, 0, high, -z, z).box(x - 0.025, x, 0, high, -z, z)
    for y in np.linspace(0.05, high - 0.02, rows + 1):
        made.box(-x + 0.025, x - 0.025, y, y + 0.02, -z, z)
    if rng.random() < 0.6:
        made.box(-x, x, 0, high, -z - 0.01, -z)
    gap = (high - 0.07) / rows
    for row in range(rows):
        at, base = -x + 0.03, 0.07 + row * gap
        while at < x - 0.2:
            wide = rng.uniform(0.06, 0.3)
            if rng.random() < 0.75:
                tall = rng.uniform(0.4, 0.9) * (gap - 0.03)
                deep = rng.uniform(0.4, 0.95) * z
                made.box(at, at + wide, base, base + tall, -z, deep, int(rng.integers(1, 4)))
            at += wide + rng.uniform(0, 0.1)
    return made.done("shelf")


def cabinet(rng: np.random.Generator) -> Piece:
    """A closed cupboard, refrigerator or locker."""
    x, z, high = rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.35), rng.uniform(0.7, 2.0)
    made = Assembly(("hard", "metal"))
    made.box(-x, x, 0.04, high, -z, z).box(-x + 0.03, x - 0.03, 0, 0.04, -z + 0.03, z - 0.03, 1)
    made.box(-0.006, 0.006, 0.06, high - 0.03, z, z + 0.005, 1)
    made.box(0.03, 0.05, 0.5 * high, 0.6 * high, z, z + 0.03, 1)
    return made.done("cabinet")


def trolley(rng: np.random.Generator) -> Piece:
    """A shopping trolley: a basket of bars on wheels."""
    made = Assembly(("metal", "plastic", "plastic"))
    x, z0, z1, low, high = 0.27, -0.42, 0.45, rng.uniform(0.45, 0.55), rng.uniform(0.92, 1.02)
    bar = 0.008
    for y in (low, 0.5 * (low + high), high):
        made.box(-x, x, y - bar, y + bar, z1 - bar, z1 + bar)
        made.box(-x, x, y - bar, y + bar, z0 - bar, z0 + bar)
        made.box(-x - bar, -x + bar, y - bar, y + bar, z0, z1)
        made.box(x - bar, x + bar, y - bar, y + bar, z0, z1)
    for z in np.linspace(z0, z1, 9):
        for s in (-x, x):
            made.box(s - bar, s + bar, low, high, z - bar, z + bar)
    for s in np.linspace(-x, x, 7):
        made.box(s - bar, s + bar, low, high, z1 - bar, z1 + bar)
        made.box(s - bar, s + bar, low, high, z0 - bar, z0 + bar)
        made.box(s - bar, s + bar, low - bar, low + bar, z0, z1)
    made.box(-x, x, high, high + 0.03, z0 - 0.1, z0 - 0.07, 1)
    for s in (-x, x):
        made.box(s - 0.012, s + 0.012, 0.14, 0.16, z0, z1).drum(s, z0 + 0.04, 0.05, 0, 0.1, 1)
        made.drum(s, z1 - 0.04, 0.05, 0, 0.1, 1).box(s - 0.012, s + 0.012, 0.1, low, z0, z0 + 0.025)
        made.box(s - 0.012, s + 0.012, 0.1, low, z1 - 0.2, z1 - 0.175)
        made.box(s - 0.012, s + 0.012, high, high + 0.02, z0 - 0.1, z0)
    if rng.random() < 0.6:
        made.box(-0.2, 0.15, low, low + rng.uniform(0.15, 0.4), -0.3, 0.2, 2)
    return made.done("trolley")


def cart(rng: np.random.Generator) -> Piece:
    """Two or three trays on posts, as in hotels and hospitals."""
    x, z, high = rng.uniform(0.22, 0.32), rng.uniform(0.35, 0.5), rng.uniform(0.8, 1.0)
    made = Assembly(("metal", "plastic", "cardboard"))
    made.legs(2 * x, 2 * z, high, 0.03)
    for y in np.linspace(0.15, high - 0.03, int(rng.integers(2, 4))):
        made.box(-x, x, y, y + 0.02, -z, z)
        if rng.random() < 0.6:
            made.box(-0.7 * x, 0.6 * x, y + 0.02, y + rng.uniform(0.08, 0.22), -0.8 * z, 0.1, 1)
        if rng.random() < 0.4:
            made.box(-0.6 * x, 0.7 * x, y + 0.02, y + rng.uniform(0.05, 0.2), 0.2 * z, 0.8 * z, 2)
    return made.done("cart")


def pallet(rng: np.random.Generator) -> Piece:
    """A pallet or the bare floor with boxes stacked on it."""
    made = Assembly(("wood", "cardboard", "cardboard", "plastic"))
    base = 0.0
    if rng.random() < 0.5:
        for z in (-0.38, 0.0, 0.38):
            made.box(-0.6, 0.6, 0.0, 0.1, z - 0.05, z + 0.05)
        for x in np.linspace(-0.6, 0.5, 6):
            made.box(x, x + 0.1, 0.1, 0.12, -0.42, 0.42)
        base = 0.12
    wide, deep, tall = rng.uniform(0.28, 0.45), rng.uniform(0.25, 0.4), rng.uniform(0.2, 0.4)
    levels = int(rng.integers(1, 5))
    for column in range(int(rng.integers(1, 3))):
        for level in range(max(1, levels - int(rng.integers(0, 2)))):
            dx, dz = rng.normal(0, 0.012, 2)
            x = (column - 0.5) * (wide + 0.02) + dx
            y = base + level * tall
            made.box(
                x - wide / 2, x + wide / 2, y, y + tall - 0.004, dz - deep / 2, dz + deep / 2,
                int(rng.choice([1, 1, 2, 2, 3])),
            )  # fmt: skip
    return made.done("boxes")


def plant(rng: np.random.Generator) -> Piece:
    """A pot with leaves that are sheets."""
    radius, pot = rng.uniform(0.12, 0.25), rng.uniform(0.2, 0.45)
    stem = pot + rng.uniform(0.0, 0.7)
    made = Assembly(("plastic", "leaf", "wood"))
    made.drum(0, 0, radius, 0, pot).drum(0, 0, 0.02, pot, stem + 0.1, 2)
    across, faces = grid(np.array([-1.0, 1.0]), np.linspace(0, 1, 4))
    x, t = across.T
    for _ in range(int(rng.integers(10, 24))):
        length, wide = rng.uniform(0.25, 0.65), rng.uniform(0.03, 0.11)
        up, fall = rng.uniform(0.3, 1.3), rng.uniform(0.2, 0.9) * length
        out = length * np.cos(up) * t
        rise = length * np.sin(up) * t - fall * t**2 + rng.uniform(-0.25, 0.1) * (stem > pot + 0.3)
        side = wide * x * np.sin(np.pi * np.clip(t, 0.08, 0.97)) ** 0.7
        a = rng.uniform(-np.pi, np.pi)
        c, s = np.cos(a), np.sin(a)
        height = np.maximum(stem + rise, 0.02)
        made.sheet(np.stack([c * out - s * side, height, s * out + c * side], 1), faces, 1)
    piece = made.done("plant")
    # The crown hides too, though not densely: a box about its middle.
    spread = 0.5 * np.abs(piece.vertices[:, ::2]).max()
    low, high = max(pot, stem - 0.1), piece.vertices[:, 1].max() - 0.1
    crown = np.array([[[-spread, low, -spread], [spread, max(high, low + 0.05), spread]]])
    return Piece(**{**piece.__dict__, "solid": np.concatenate([piece.solid, crown])})


def lamp(rng: np.random.Generator) -> Piece:
    high, shade = rng.uniform(1.2, 1.7), rng.uniform(0.14, 0.24)
    made = Assembly(("metal", "cloth"))
    made.drum(0, 0, 0.15, 0, 0.025).drum(0, 0, 0.014, 0.025, high)
    return made.drum(0, 0, shade, high - 0.02, high + rng.uniform(0.2, 0.32), 1).done("lamp")


def machine(rng: np.random.Generator) -> Piece:
    """A block of a workshop or a hall: body, head, panel, feet."""
    x, z, body = rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.5), rng.uniform(0.6, 1.1)
    made = Assembly(("plastic", "metal", "plastic"))
    made.box(-x, x, 0.1, body, -z, z).legs(2 * x, 2 * z, 0.1, 0.12, 1, 0.02)
    top = body + rng.uniform(0.2, 0.8)
    made.box(-x, -0.2 * x, body, top, -z, 0.2 * z, 1)
    made.box(-0.6 * x, 0.8 * x, top - 0.15, top, -0.8 * z, 0.6 * z)
    made.box(0.2 * x, 0.8 * x, 0.6 * body, 0.9 * body, z, z + 0.03, 2)
    if rng.random() < 0.5:
        made.drum(0.3 * x, 0, 0.12, body, body + rng.uniform(0.1, 0.3), 1)
    return made.done("machine")


def screen(rng: np.random.Generator) -> Piece:
    """A partition, a railing or a fence of upright bars."""
    x, high = rng.uniform(0.5, 1.2), rng.uniform(0.9, 1.6)
    made = Assembly(("hard", "cloth"))
    if rng.random() < 0.5:
        made.box(-x, x, 0.06, high, -0.02, 0.02, 1)
        for s in (-x + 0.1, x - 0.1):
            made.box(s - 0.02, s + 0.02, 0, 0.06, -0.2, 0.2)
        return made.done("partition")
    high = min(high, 1.15)
    made.box(-x, x, high - 0.05, high, -0.025, 0.025).box(-x, x, 0.1, 0.14, -0.02, 0.02)
    for at in np.arange(-x, x, rng.uniform(0.09, 0.2)):
        made.box(at, at + 0.02, 0.0, high - 0.05, -0.01, 0.01)
    return made.done("railing")


_BUILDERS: dict[str, Callable[[np.random.Generator], Piece]] = {
    f.__name__: f
    for f in (
        table, desk, chair, office_chair, sofa, stool, bed, counter, shelf, cabinet, trolley,
        cart, pallet, plant, lamp, machine, screen,
    )
}  # fmt: skip
KINDS = tuple(_BUILDERS)
VARIANTS = 64  # shapes of each kind; colours are drawn anew for each piece
# What people stand behind, with how often.
BEFORE = {
    "table": 3.0, "desk": 2.0, "chair": 2.0, "office_chair": 1.0, "sofa": 2.0, "counter": 2.5,
    "shelf": 1.0, "cabinet": 1.0, "trolley": 1.5, "cart": 1.5, "pallet": 1.5, "plant": 2.0,
    "lamp": 0.4, "machine": 1.0, "screen": 1.0, "bed": 0.6, "stool": 0.6,
}  # fmt: skip
# What stands about.
AROUND = {
    "table": 1.0, "desk": 1.0, "chair": 2.0, "sofa": 1.0, "counter": 1.0, "shelf": 2.0,
    "cabinet": 2.0, "trolley": 0.4, "cart": 0.7, "pallet": 1.0, "plant": 2.0, "lamp": 1.0,
    "machine": 0.7, "bed": 0.3, "stool": 0.7,
}  # fmt: skip


@lru_cache(maxsize=len(KINDS) * VARIANTS)
def variant(kind: str, number: int) -> Piece:
    """One of ``VARIANTS`` shapes of a kind; the same on every machine."""
    return _BUILDERS[kind](np.random.default_rng([KINDS.index(kind), number]))


def sample_piece(rng: np.random.Generator, weights: dict[str, float]) -> Piece:
    """A piece of one of ``KINDS``, by relative weight."""
    names = list(weights)
    steps = np.cumsum([weights[n] for n in names])
    row = int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))
    return variant(names[min(row, len(names) - 1)], int(rng.integers(VARIANTS)))
