"""Hair with volume: a cap from the hairline up, and what falls from it."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.cloth import cut_shell
from hmr_ros.data.clothes.figure import Figure, ramp
from hmr_ros.data.clothes.sheets import rigid, sheet_faces, sheet_shell
from hmr_ros.data.clothes.skull import BEHIND, COLUMNS, Skull
from hmr_ros.data.scenes.scene import Shell
from hmr_ros.data.surfaces import CLOUDS

HEAD, NECK, SPINE = 15, 12, 9


def strands(colour: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The cloth of hair: its own colour and a darker one in clouds."""
    return (
        np.array([colour, colour * 0.6]),
        np.array([CLOUDS, 90, 0, 0], np.float32),
        0.4,
    )


def hairline(rng: np.random.Generator, head: Skull) -> np.ndarray:
    """[C] angle from the crown at which the hair ends, for each azimuth of the skull."""
    front = np.deg2rad(rng.uniform(48, 66))
    side = np.deg2rad(rng.uniform(84, 98))
    nape = np.deg2rad(rng.uniform(112, 126))
    forward = np.sin(head.azimuth)
    line = np.where(
        forward > 0,
        side + (front - side) * ramp(0.15, 0.8, forward),
        side + (nape - side) * ramp(0.05, 0.75, -forward),
    )
    return line


def cap(
    rng: np.random.Generator,
    figure: Figure,
    head: Skull,
    line: np.ndarray,
    volume: float,
    colour: np.ndarray,
    name: str = "hair",
) -> Shell:
    """Hair from the crown down to ``line`` [C]; volume: metres over the skull."""
    share = np.array([0.0, 0.16, 0.34, 0.53, 0.72, 0.88, 1.0])[:, None]
    polar = share * line
    lumps = rng.uniform(0, 7, 3)
    around = head.azimuth
    wave = np.sin(3 * around + lumps[0] + 5 * polar) + np.sin(5 * around + lumps[1] - 7 * polar)
    parting = 0.2 * np.sin(around - lumps[2])
    swell = volume * (1 + 0.14 * wave + parting * ramp(0.0, 0.5, share))
    full = ramp(1.0, 0.8, share)
    lift = swell * full + (1 - full) * 0.35 * volume
    lift = np.where(share == 1.0, -0.004, lift)
    place, anchor = head.surface(polar, lift)
    return sheet_shell(
        rng, figure, _rightwards(place), _rightwards(anchor), *rigid(HEAD), strands(colour), name,
        two_sided=False,
    )  # fmt: skip


def fall(
    rng: np.random.Generator,
    figure: Figure,
    head: Skull,
    volume: float,
    length: float,
    over: float,
    colour: np.ndarray,
) -> Shell:
    """Long hair behind and beside the head, down to ``length`` metres below its centre.

    over: metres that the clothes on the shoulders stand off the skin.
    """
    columns, rows = 17, 9
    spread = np.deg2rad(rng.uniform(95, 118))
    angle = np.linspace(-spread, spread, columns) + 1.5 * np.pi
    angle = angle[::-1]  # to the right, seen from outside
    back = np.cos(angle - 1.5 * np.pi)
    top = head.centre[1] + 0.06 * head.scale
    shoulder = figure.joint["left_shoulder"][1] + 0.07 * figure.size
    lowest = head.centre[1] - length
    aside = np.maximum(lowest, shoulder)
    end = aside + (lowest - aside) * ramp(0.35, 0.8, back)
    end = end + 0.008 * np.sin(7 * angle + rng.uniform(0, 7))
    share = np.linspace(0, 1, rows)[:, None]
    y = top + share * (end - top)
    turn = np.broadcast_to(angle, y.shape)
    body = np.maximum.accumulate(head.mane.at(y, turn) * (1 - 0.25 * share), axis=0)
    body = np.maximum(head.mane.at(y, turn), body)
    wave = np.sin(4 * angle + rng.uniform(0, 7) + 3 * share)
    # It begins inside of the cap and comes out of it slowly; the ends are tucked in.
    below = ramp(0, 0.3, share)
    lift = volume * (0.7 + 0.5 * below + 0.2 * wave * below) + 0.006 * below
    lift = lift * (1 - 0.6 * ramp(0.75, 1.0, share))
    radius = body + lift + (over + 0.012) * ramp(shoulder + 0.13, shoulder + 0.05, y)
    place = np.stack(
        [radius * np.cos(turn) + head.centre[0], y, radius * np.sin(turn) + head.centre[2]], -1
    )
    table = head.mane_anchor
    row = np.interp(y, head.mane.along, np.arange(len(table))).round().astype(np.int64)
    column = np.round(turn * (table.shape[1] / (2 * np.pi))).astype(np.int64) % table.shape[1]
    chin, low = head.centre[1] - 0.12 * head.scale, figure.joint["spine3"][1]
    loose = ramp(chin, low, y)[..., None]
    weights = np.concatenate([1 - loose, 0.3 * loose, 0.7 * loose, 0 * loose], axis=-1)
    return sheet_shell(
        rng, figure, place, table[row, column], np.array([HEAD, NECK, SPINE, 0], np.int32),
        weights, strands(colour), "long hair", closed=False,
    )  # fmt: skip


def tail(
    rng: np.random.Generator,
    figure: Figure,
    head: Skull,
    length: float,
    over: float,
    colour: np.ndarray,
) -> Shell:
    """A pony tail from the back of the head, or a bun if ``length`` is short (under 0.1)."""
    polar = np.deg2rad(rng.uniform(60, 105))
    anchor = head.anchor[head.row(np.array(polar))[0], BEHIND]
    start = head.surface(np.full((1, COLUMNS), polar), np.full((1, COLUMNS), 0.0))[0][0, BEHIND]
    away = (start - head.centre) / np.sqrt(((start - head.centre) ** 2).sum())
    rows, columns = 9, 10
    share = np.linspace(0, 1, rows)
    if length < 0.1:
        half = 0.5 * length
        path = start + away * (half * (1 - np.cos(np.pi * share)) - 0.01)[:, None]
        thick = half * 1.15 * np.sin(np.pi * share)
        axis_u = np.array([1.0, 0, 0])
        axis_v = np.cross(axis_u, away)
        loose = np.zeros(rows)
    else:
        out = 0.05 * np.sqrt(np.minimum(share * 3, 1)) + 0.02 * share
        path = (
            start
            + np.array([0, 0, -1.0]) * out[:, None]
            - [0, length, 0] * (np.maximum(share - 0.08, 0)[:, None])
        )
        behind = head.mane.at(path[:, 1], np.full(rows, 1.5 * np.pi))
        thick = rng.uniform(0.018, 0.032) * np.array([0.5, 0.9, 1, 1.1, 1.1, 1, 0.85, 0.6, 0.15])
        path[:, 2] = np.minimum(path[:, 2], head.centre[2] - behind - over - 0.9 * thick)
        axis_u, axis_v = np.array([1.0, 0, 0]), np.array([0, 0.35, 0.94])
        loose = 0.7 * ramp(figure.joint["neck"][1] + 0.06, figure.joint["spine3"][1], path[:, 1])
    around = -np.arange(columns) * (2 * np.pi / columns)
    ring = np.cos(around)[:, None] * axis_u + np.sin(around)[:, None] * axis_v
    place = path[:, None] + thick[:, None, None] * ring
    weights = np.zeros((rows, 1, 4))
    weights[:, 0, 0], weights[:, 0, 2] = 1 - loose, loose
    # Seen from its tip a bun turns the other way round than a tail that hangs down.
    order = slice(None) if _outward(place, path) else slice(None, None, -1)
    return sheet_shell(
        rng, figure, place[:, order], np.full((rows, columns), anchor),
        np.array([HEAD, NECK, SPINE, 0], np.int32), weights, strands(colour),
        "bun" if length < 0.1 else "pony tail", two_sided=False,
    )  # fmt: skip


def beard(
    rng: np.random.Generator, figure: Figure, level: np.ndarray, length: float, colour: np.ndarray
) -> Shell:
    """Hair on the chin where ``level`` [V] > 0; length: metres."""
    zone = figure.head
    own = level[zone.ids]
    shell = cut_shell(
        rng, figure, zone, own, strands(colour), "beard",
        ease=length * ramp(-0.005, 0.02, own), drape=0.0, folds=0.3 * length,
    )  # fmt: skip
    shell.offset[:, 1] -= (0.6 * length * ramp(0.0, 0.03, own[_rows(zone, shell)])).astype(
        np.float32
    )
    return shell


def beard_level(rng: np.random.Generator, figure: Figure) -> np.ndarray | None:
    """[V] metres inside a beard, or None if the body has no landmarks."""
    body, place = figure.body, figure.place
    marks = body.extra_vertices
    if not {"nose", "leye", "reye"} <= set(marks):
        return None
    nose = place[marks["nose"]]
    between = np.abs(place[marks["leye"], 0] - place[marks["reye"], 0])
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    jaw = figure.joint["head"][2] + rng.uniform(0.0, 0.03)
    cheek = nose[1] - 0.35 * between + 0.3 * np.maximum(x - 0.4 * between, 0)
    mouth = np.sqrt((x / 0.4 / between) ** 2 + ((y - nose[1]) / between + 0.55) ** 2 / 0.03)
    level = np.minimum(np.minimum(cheek - y, z - jaw), 0.4 * between * (mouth - 1))
    level = np.minimum(level, y - (nose[1] - 2.2 * between))
    return np.where(np.isin(body.part_id, (12, 15)), level, -1.0)


def _rows(zone, shell: Shell) -> np.ndarray:
    return np.searchsorted(zone.ids, shell.anchor)


def _rightwards(values: np.ndarray) -> np.ndarray:
    """Columns from left to right as seen from outside: azimuth falls."""
    return values[:, ::-1]


def _outward(place: np.ndarray, path: np.ndarray) -> bool:
    """Whether the faces of a tube of rings ``place`` [R, C, 3] around ``path`` look outward."""
    rows, columns = place.shape[:2]
    faces = sheet_faces(rows, columns, True)
    middle = rows // 2 * columns
    a, b, c = (place.reshape(-1, 3)[i] for i in faces[middle])
    return float((np.cross(b - a, c - a) * (a - path[rows // 2])).sum()) > 0
