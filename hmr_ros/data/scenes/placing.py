"""Where furniture stands: before people so that it hides a part of them, beside, or under them."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.furniture import BEFORE, sample_piece
from hmr_ros.data.scenes.pieces import Piece, Placed

FLESH = 0.11  # metres from a bone to the skin, on average
CLEAR = 0.3  # metres between the camera and anything


def fits(placed: Placed, others: list[Placed], figures: list[Figure], eye: np.ndarray) -> bool:
    """Whether a piece stands free of the camera, of other pieces and of all people."""
    if placed.distance(eye[None])[0] < CLEAR:
        return False
    if any(placed.overlaps(other) for other in others):
        return False
    return all((placed.distance(f.bones) > FLESH).all() for f in figures)


def furniture_before(
    rng: np.random.Generator,
    figure: Figure,
    eye: np.ndarray,
    others: list[Placed],
    figures: list[Figure],
    share: tuple[float, float] = (0.12, 0.7),
    tries: int = 8,
) -> Placed | None:
    """A piece between the camera at ``eye`` [3] and a figure that hides a share of its joints.

    figures: all people, whom it must not touch, as little as ``others``. The first place of
    ``tries`` with a share of hidden joints in the wanted range is taken, else the best one that
    hides any; None if none does.
    """
    best, most = None, 0.0
    pelvis = figure.joints[0]
    distance = float(np.hypot(pelvis[0] - eye[0], pelvis[2] - eye[2]))
    bearing = np.arctan2(pelvis[0] - eye[0], -(pelvis[2] - eye[2]))
    piece: Piece | None = None
    for n in range(tries):
        if n % 2 == 0:
            piece = sample_piece(rng, BEFORE)
        reach = np.abs(piece.size[:, ::2]).max()
        near = 0.5 + reach
        far = distance - reach - 0.15
        if rng.random() < 0.5:  # close to the person, as one stands at a table
            near = max(near, far - 0.6)
        ahead = rng.uniform(near, far) if far > near else 0.5 * (near + far)
        aside = bearing + rng.normal(0, 0.35 * reach / max(ahead, 0.5))
        at = np.array([eye[0] + ahead * np.sin(aside), 0.0, eye[2] - ahead * np.cos(aside)])
        quarter = 0.5 * np.pi * rng.integers(4)
        placed = Placed(piece, at, -bearing + quarter + rng.normal(0, 0.3))
        if not fits(placed, others, figures, eye):
            continue
        hidden = float(placed.hides(figure.joints, eye).mean())
        if share[0] <= hidden <= share[1]:
            return placed
        if most < hidden <= share[1]:
            best, most = placed, hidden
    return best
