"""Caps, hats with a brim, woollen hats and helmets."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clothes.cloth import PLAIN_ROW, cloth
from hmr_ros.data.clothes.colours import SIGNAL, cloth_colour
from hmr_ros.data.clothes.figure import Figure, ramp
from hmr_ros.data.clothes.sheets import rigid, sheet_shell
from hmr_ros.data.clothes.skull import COLUMNS, IN_FRONT, Skull
from hmr_ros.data.scenes.scene import Shell

HEAD = 15
KINDS = ("cap", "wool", "hat", "helmet")


def hat(rng: np.random.Generator, figure: Figure, head: Skull, kind: str) -> tuple[Shell, ...]:
    """The crown of a hat of one of ``KINDS``, and its brim."""
    front, back, lift = {
        "cap": (70, 92, 0.014),
        "wool": (66, 104, 0.015),
        "hat": (74, 90, 0.018),
        "helmet": (70, 100, 0.034),
    }[kind]
    front, back = np.deg2rad(front + rng.uniform(-4, 4)), np.deg2rad(back + rng.uniform(-4, 4))
    lift = lift * rng.uniform(0.9, 1.25)
    forward = np.sin(head.azimuth)
    line = 0.5 * (front + back) + 0.5 * (front - back) * forward
    share = np.linspace(0, 1, 7)[:, None]
    polar = share * line
    raised = lift * (1 + 0 * polar)
    if kind == "hat":
        raised = raised + rng.uniform(0.01, 0.05) * ramp(1.0, 0.4, share)
    if kind == "wool":
        raised = raised + rng.uniform(0.0, 0.03) * ramp(0.7, 0.0, share)
    if kind == "cap":
        raised = raised + 0.006 * ramp(0.0, 0.7, forward)
    place, anchor = head.surface(polar, raised)
    place, anchor = place[:, ::-1], anchor[:, ::-1]
    colour = SIGNAL[rng.integers(3)] if kind == "helmet" and rng.random() < 0.5 else None
    ground = cloth(rng, 0.75, colour, crease=0.05 if kind == "helmet" else 0.2)
    layers = ()
    if kind in ("wool", "hat") and rng.random() < 0.5:
        layers = ((share - rng.uniform(0.7, 0.85) + 0 * polar, cloth_colour(rng)),)
    crown = sheet_shell(
        rng, figure, place, anchor, *rigid(HEAD), ground, kind, two_sided=True, layers=layers
    )
    if kind == "wool":
        return (crown,)
    return (crown, _brim(rng, figure, head, kind, line, lift, ground))


def _brim(rng, figure: Figure, head: Skull, kind: str, line, lift, ground) -> Shell:
    """A flat sheet around the crown's edge, in front only but for a hat."""
    edge, anchor = head.surface(line[None], np.full((1, COLUMNS), lift - 0.004))
    edge, anchor = edge[0], anchor[0]
    width = {
        "cap": rng.uniform(0.055, 0.075),
        "helmet": rng.uniform(0.012, 0.045),
        "hat": rng.uniform(0.04, 0.1),
    }[kind]
    if kind == "hat":
        columns = np.arange(COLUMNS)
        reach = np.full(COLUMNS, width)
    else:
        half = COLUMNS // 6
        columns = np.arange(IN_FRONT - half, IN_FRONT + half + 1) % COLUMNS
        across = np.linspace(-1, 1, len(columns))
        reach = width * np.sqrt(np.maximum(1 - across**2, 0))
    columns, reach = columns[::-1], reach[::-1]
    away = np.stack([np.cos(head.azimuth), np.zeros(COLUMNS), np.sin(head.azimuth)], 1)[columns]
    if kind != "hat":
        away = 0.5 * away + [0, 0, 0.5]
    droop = rng.uniform(-0.1, 0.45)
    place = np.stack(
        [
            edge[columns] + (away - [0, droop, 0]) * (reach * share)[:, None]
            for share in (0.0, 0.5, 1.0)
        ]
    )
    colours, _, crease = ground
    plain = (np.stack([colours[0] * 0.85] * 2), PLAIN_ROW, crease)
    anchors = np.broadcast_to(anchor[columns], (3, len(columns)))
    return sheet_shell(
        rng, figure, place, anchors, *rigid(HEAD), plain, f"{kind} brim", closed=kind == "hat"
    )
