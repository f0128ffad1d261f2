"""Where furniture stands: before people so that it hides a part of them, and about them."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.furniture import AROUND, BEFORE, sample_piece
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.rooms import Room

FLESH = 0.11  # metres from a bone to the skin, on average
CLEAR = 0.35  # metres between the camera and anything


def fits(placed: Placed, others: list[Placed], figures: list[Figure], eye: np.ndarray) -> bool:
    """Whether a piece stands free of the camera, of other pieces and of all people."""
    if placed.distance(eye[None])[0] < CLEAR:
        return False
    if any(placed.overlaps(other) for other in others):
        return False
    reach = placed.reach
    for f in figures:
        away = f.joints[0] - placed.at
        if np.hypot(away[0], away[2]) < reach + 1.2 and placed.distance(f.bones).min() < FLESH:
            return False
    return True


def furniture_before(
    rng: np.random.Generator,
    figure: Figure,
    eye: np.ndarray,
    others: list[Placed],
    figures: list[Figure],
    share: tuple[float, float] = (0.15, 0.75),
    tries: int = 10,
) -> Placed | None:
    """A piece between the camera at ``eye`` [3] and a figure that hides a share of its joints.

    figures: all people, whom it must not touch, as little as ``others``. The first place of
    ``tries`` with a share of hidden joints in the wanted range is taken, else the one that hides
    most without hiding more; None if none hides any.
    """
    best, most = None, 0.0
    middle = 0.5 * (figure.joints.min(0) + figure.joints.max(0))
    distance = float(np.hypot(middle[0] - eye[0], middle[2] - eye[2]))
    bearing = float(np.arctan2(middle[0] - eye[0], -(middle[2] - eye[2])))
    half = 0.5 * float(np.hypot(*np.ptp(figure.joints, axis=0)[::2]))
    for n in range(tries):
        if n % 2 == 0:
            piece = sample_piece(rng, BEFORE)
        yaw = -bearing + 0.5 * np.pi * rng.integers(4) + rng.normal(0, 0.3)
        (x0, _, z0), (x1, _, z1) = piece.size
        c, s = abs(np.cos(yaw + bearing)), abs(np.sin(yaw + bearing))
        deep = 0.5 * ((z1 - z0) * c + (x1 - x0) * s)
        wide = 0.5 * ((x1 - x0) * c + (z1 - z0) * s)
        near, far = CLEAR + 0.1 + deep, distance - deep - FLESH - 0.04
        if rng.random() < 0.5:  # close to the person, as one stands at a table
            near = max(near, far - half - 0.35)
        if far <= near:
            continue
        ahead = rng.uniform(near, far)
        aside = bearing + np.arctan(rng.uniform(-0.9, 0.9) * wide / ahead)
        at = np.array([eye[0] + ahead * np.sin(aside), 0.0, eye[2] - ahead * np.cos(aside)])
        placed = Placed(piece, at, yaw)
        hidden = float(placed.hides(figure.joints, eye).mean())
        if not most < hidden <= share[1] or not fits(placed, others, figures, eye):
            continue
        if hidden >= share[0]:
            return placed
        best, most = placed, hidden
    return best


def furniture_around(
    rng: np.random.Generator,
    count: int,
    half_fov: float,
    depth: tuple[float, float],
    eye: np.ndarray,
    others: list[Placed],
    figures: list[Figure],
) -> list[Placed]:
    """Up to ``count`` pieces in view that hide nobody.

    half_fov: radians to either side of the world's -Z. depth: metres from the camera.
    """
    found: list[Placed] = []
    joints = np.concatenate([f.joints for f in figures]) if figures else np.zeros((0, 3))
    for _ in range(2 * count):
        if len(found) == count:
            break
        piece = sample_piece(rng, AROUND)
        ahead, aside = rng.uniform(*depth), half_fov * rng.uniform(-1, 1)
        at = np.array([eye[0] + ahead * np.sin(aside), 0.0, eye[2] - ahead * np.cos(aside)])
        yaw = 0.5 * np.pi * rng.integers(4) + rng.normal(0, 0.1)
        placed = Placed(piece, at, float(yaw))
        if fits(placed, others + found, figures, eye) and not placed.hides(joints, eye).any():
            found.append(placed)
    return found


def furniture_in_room(
    rng: np.random.Generator,
    room: Room,
    count: int,
    others: list[Placed],
    figures: list[Figure],
    eye: np.ndarray,
) -> list[Placed]:
    """Up to ``count`` pieces, most of them against the walls, that hide nobody."""
    found: list[Placed] = []
    joints = np.concatenate([f.joints for f in figures]) if figures else np.zeros((0, 3))
    for _ in range(2 * count):
        if len(found) == count:
            break
        piece = sample_piece(rng, AROUND)
        wide, deep = (piece.size[1] - piece.size[0])[::2] / 2
        start, along, inward, length = room.wall(int(rng.integers(4)))
        if length < 2 * wide + 0.1:
            continue
        gap = 0.03 if rng.random() < 0.75 else rng.uniform(0.3, 1.5)
        back = float(piece.size[0, 2])
        along_wall, off = rng.uniform(wide, length - wide), gap - back
        local = [start[d] + along_wall * along[d] + off * inward[d] for d in range(3)]
        yaw = float(np.arctan2(inward[0], inward[2])) + room.yaw
        placed = Placed(piece, room.world(np.array([local]))[0], yaw)
        if fits(placed, others + found, figures, eye) and not placed.hides(joints, eye).any():
            found.append(placed)
    return found
