"""What people sit and lie on, at the height that their pose asks for."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.furniture import VARIANTS, variant
from hmr_ros.data.scenes.pieces import Piece, Placed
from hmr_ros.data.scenes.shapes import boxes

LOWEST = 0.2  # metres; who sits lower sits on the floor
_PRESSED = 0.005  # metres by which flesh gives way
_CHAIRS = ("chair", "office_chair", "sofa", "sofa", "chair", "stool")


def seat_for(rng: np.random.Generator, figure: Figure) -> Placed | None:
    """A chair, sofa or stool under a sitting figure; None for one whose rump is near the floor.

    Its back is behind the person's; where someone leans through it, it is a stool instead.
    """
    height = float(figure.rump[:, 1].min()) + _PRESSED
    if height < LOWEST + _PRESSED:
        return None
    front = figure.front
    yaw = float(np.arctan2(front[0], front[2]))
    along = (figure.rump * front).sum(1)
    middle = figure.joints[0] * [1, 0, 1]
    rear = float(along.min() - (middle * front).sum())
    # Bones that must not be within the furniture: all but the pelvis, the thighs and the knees.
    free = np.delete(figure.bones, [0, 1, 2, 4, 5, 24, 25, 26, 27, 28], axis=0)
    start = int(rng.integers(len(_CHAIRS)))
    for n in range(2):
        kind = _CHAIRS[(start + n) % len(_CHAIRS)]
        piece = variant(kind, int(rng.integers(VARIANTS))).with_seat(height)
        # The back of the seat is half its depth from the middle, and behind the rump.
        behind = float(piece.solid[piece.solid[:, 1, 1] <= height + 1e-9][:, 0, 2].min())
        if piece.name in ("stool", "bench"):
            placed = Placed(piece, middle + 0.03 * front, yaw)
        else:
            inner = _backrest(piece.solid, height)
            behind = inner if inner is not None else behind
            placed = Placed(piece, middle + (rear - behind - 0.015) * front, yaw)
        if (placed.distance(free) > 0.05).all():
            return placed
    piece = variant("stool", int(rng.integers(VARIANTS))).with_seat(height)
    return Placed(piece, middle + 0.02 * front, yaw)


def bed_for(rng: np.random.Generator, figure: Figure) -> tuple[Figure, Placed]:
    """A bed, and the lying figure raised onto it, the head at its head."""
    piece = variant("bed", int(rng.integers(VARIANTS)))
    axis = (figure.joints[15] - figure.joints[0]) * [1, 0, 1]
    length = float(np.hypot(axis[0], axis[2]))
    axis = axis / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    along = (figure.skin * axis).sum(1)
    across = np.array([axis[2], 0.0, -axis[0]])
    aside = (figure.joints * across).sum(1)
    head = float(piece.size[1, 2]) - 0.12
    at = (along.max() - head) * axis + 0.5 * (aside.min() + aside.max()) * across
    lifted = figure.moved([0.0, piece.seat, 0.0])
    return lifted, Placed(piece, at * [1, 0, 1], float(np.arctan2(-axis[0], -axis[2])))


def ledge(placed: Placed) -> Placed:
    """A plain block of a room in place of a seat, as high and as wide."""
    seat = placed.piece.seat
    below = placed.piece.solid[placed.piece.solid[:, 1, 1] <= seat + 1e-6]
    low, high = below[:, 0].min(0), below[:, 1].max(0)
    block = np.array([[[low[0], 0.0, low[2]], [high[0], seat, high[2]]]])
    vertices, faces = boxes(block)
    material = np.zeros(len(vertices), int)
    piece = Piece(vertices, faces, material, ("plaster",), block, "ledge", seat=seat)
    return Placed(piece, placed.at, placed.yaw)


def _backrest(solid: np.ndarray, seat: float) -> float | None:
    """Foremost z of what rises over the seat behind its middle."""
    tall = solid[(solid[:, 1, 1] > seat + 0.12) & (solid[:, 1, 2] < 0)]
    return float(tall[:, 1, 2].max()) if len(tall) else None
