"""What comes between the camera and somebody: furniture that stays, people and carts that pass."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.scenes.furniture import BEFORE, sample_piece
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.sequences.casting import FLESH, Role, sample_role
from hmr_ros.data.sequences.floor_clips import FloorClips
from hmr_ros.data.sequences.sequence import Mover
from hmr_ros.data.sequences.stage import Stage

FROM_CAMERA = 0.45  # metres between a camera and anything
_ROLLING = {"trolley": 2.0, "cart": 2.0, "pallet": 1.0, "cabinet": 1.0, "plant": 1.0}


def furniture_before(
    rng: np.random.Generator, stage: Stage, eyes: np.ndarray, target: Role, roles: list[Role]
) -> Placed | None:
    """A piece that hides a part of ``target`` at some time of the film and touches nobody ever.

    eyes: [S, 3], where the camera is at the roles' frames.
    """
    for _ in range(24):
        at = int(rng.integers(len(eyes)))
        piece = sample_piece(rng, BEFORE)
        reach = float(np.abs(piece.size[:, ::2]).max())
        eye, pelvis = eyes[at], target.pelvis[at]
        way = (pelvis - eye)[[0, 2]]
        length = float(np.sqrt((way**2).sum()))
        if length < 1.2 + reach:
            continue
        ahead = rng.uniform(0.5 + 0.5 * reach, length - 0.3) / length
        spot = eye[[0, 2]] + ahead * way + rng.normal(0, 0.25, 2)
        yaw = -np.arctan2(way[0], -way[1]) + 0.5 * np.pi * rng.integers(4) + rng.normal(0, 0.3)
        new = Placed(piece, np.array([spot[0], 0, spot[1]]), yaw)
        if not stage.holds(new.corners[:, [0, 2]], 0.02) or not free(new, eyes, roles):
            continue
        if any(new.overlaps(p) for p in stage.placed):
            continue
        times = range(0, len(eyes), 6)
        share = np.mean([new.hides(target.joints[t], eyes[t]).mean() for t in times])
        if 0.04 < share < 0.75:
            return new
    return None


def carried(eyes: np.ndarray) -> np.ndarray:
    """[3 N, 3]: cameras at [N, 3], and what carries them down to the floor."""
    return np.concatenate([eyes * [1, share, 1] for share in (0.15, 0.6, 1.0)])


def free(placed: Placed, eyes: np.ndarray, roles: list[Role]) -> bool:
    """Whether a piece stands clear of the camera's way and of everybody's limbs, all the time."""
    if (placed.distance(carried(eyes[::3])) < FROM_CAMERA).any():
        return False
    return all((placed.distance(r.joints[::3].reshape(-1, 3)) > FLESH).all() for r in roles)


def hides_at(way: np.ndarray, eyes: np.ndarray, target: np.ndarray, wide: float) -> np.ndarray:
    """[S] bool: whether something at ``way`` [S, 2] of the half-width ``wide`` is on the line from
    ``eyes`` [S, 2] to ``target`` [S, 2], seen from above, and between them."""
    line, off = target - eyes, way - eyes
    length = np.maximum((line**2).sum(1), 1e-9)
    along = (line * off).sum(1) / length
    aside = np.abs(line[:, 0] * off[:, 1] - line[:, 1] * off[:, 0]) / np.sqrt(length)
    return (along > 0.1) & (along < 0.9) & (aside < wide)


def passer_by(
    rng: np.random.Generator,
    body: BodyModel,
    clips: FloorClips,
    frames: int,
    stage: Stage,
    eyes: np.ndarray,
    target: Role,
    roles: list[Role],
    seen: np.ndarray,
) -> Role | None:
    """Somebody who walks through between the camera and ``target``, to and fro in a long film.

    eyes: [S, 3]. seen: [S] bool, frames at which the target is in the picture.
    """
    flat = eyes[:, [0, 2]]
    middle = len(flat) // 2
    line = target.plane[middle] - flat[middle]
    length = float(np.sqrt((line**2).sum()))
    if length < 1.6:
        return None
    aside = np.array([-line[1], line[0]]) / length * rng.choice([-1, 1])
    through = flat[middle] + line * rng.uniform(0.35, 0.65)
    ends = np.stack([through + d * rng.uniform(1.2, 2.4) * aside for d in (1, -1)])
    inside = stage.half - 0.8
    ends = np.clip(ends, -inside, inside)

    def wanted(way: np.ndarray) -> bool:
        if (np.sqrt(((way - flat) ** 2).sum(1)) < FROM_CAMERA + 0.2).any():
            return False
        return bool((hides_at(way, flat, target.plane, 0.15) & seen).any())

    starts = ends[1:] + 0.3 * (ends[1] - ends[0])
    starts = np.clip(starts, -inside, inside)
    return sample_role(
        rng, body, clips, frames, "walk", stage, roles, goals=ends, starts=starts, wanted=wanted
    )


def passing_cart(
    rng: np.random.Generator,
    stage: Stage,
    eyes: np.ndarray,
    target: Role,
    roles: list[Role],
    seen: np.ndarray,
    times: np.ndarray,
    at: np.ndarray,
) -> Mover | None:
    """A thing on wheels that rolls through between the camera and ``target``.

    times [S]: of the roles' frames, seconds; at [T]: frames of the film as fractions of those.
    It stands, starts at 0.6 m/s^2 or less, rolls on a straight line, and stops.
    """
    for _ in range(30):
        piece = sample_piece(rng, _ROLLING)
        wide = float(np.abs(piece.size[:, ::2]).max())
        now = int(rng.integers(len(eyes) // 5, max(len(eyes) // 5 + 1, 4 * len(eyes) // 5)))
        if not seen[now]:
            continue
        line = (target.pelvis[now] - eyes[now])[[0, 2]]
        length = float(np.sqrt((line**2).sum()))
        if length < 1.3 + 2 * wide:
            continue
        turn = rng.normal(0, 0.35) + rng.choice([-1, 1]) * np.pi / 2
        c, s = np.cos(turn), np.sin(turn)
        along = np.array([c * line[0] + s * line[1], c * line[1] - s * line[0]]) / length
        spot = eyes[now][[0, 2]] + line * rng.uniform(0.3, 0.7)
        speed = rng.uniform(0.5, 1.1)
        reach = rng.uniform(1.2, 2.5, 2)
        way = _rolled(times - times[now], speed, reach)
        flat = spot + way[:, None] * along
        if not stage.holds(flat, wide + 0.05):
            continue
        yaw = float(np.arctan2(along[0], along[1]))
        spots = [Placed(piece, np.array([x, 0.0, z]), yaw) for x, z in flat]
        if not _rolls_free(spots, stage, eyes, roles):
            continue
        if spots[now].hides(target.joints[now], eyes[now]).mean() < 0.2:
            continue
        inner = np.interp(at, np.arange(len(way)), way)
        places = spot + inner[:, None] * along
        positions = np.stack([places[:, 0], 0 * inner, places[:, 1]], 1)
        still = Placed(piece, np.zeros(3), 0.0).prop(rng, Thing.FURNITURE)
        return Mover(still, positions, np.full(len(at), yaw))
    return None


def _rolled(since: np.ndarray, speed: float, reach: np.ndarray) -> np.ndarray:
    """[S] metres along a line, 0 at time 0, from -reach[0] to reach[1], softly at both ends."""
    soft = 0.75 * speed**2 / 0.6  # metres at each end in which it gains or loses its speed
    inner = speed * since
    ends = np.minimum(reach, 1e9)
    low, high = -ends[0], ends[1]
    out = np.clip(inner, low, high)
    # Near an end the way follows a parabola that meets the straight part with equal speed.
    for end, sign in ((low, -1.0), (high, 1.0)):
        depth = soft - sign * (end - inner)  # > 0 in the soft part, 2 soft when it has stopped
        part = np.clip(depth, 0, 2 * soft)
        soft_way = end - sign * soft + sign * (part - part**2 / (4 * soft))
        out = np.where(depth > 0, soft_way, out)
    return out


def _rolls_free(spots, stage, eyes, roles) -> bool:
    for t in range(0, len(spots), 4):
        spot = spots[t]
        if (spot.distance(carried(eyes[t : t + 1])) < FROM_CAMERA).any():
            return False
        if any((spot.distance(r.joints[t]) < FLESH + 0.05).any() for r in roles):
            return False
    some = spots[:: max(1, len(spots) // 12)]
    return not any(s.overlaps(p) for s in some for p in stage.placed)
