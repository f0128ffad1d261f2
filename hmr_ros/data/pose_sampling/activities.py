"""One function for each kind of pose: local rotations [24, 3, 3], joint 0 to the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hmr_ros.data.motions import Motions
from hmr_ros.data.pose_sampling.arms import GROUND, SEATED, STANDING, put_arm, put_arms
from hmr_ros.data.pose_sampling.limbs import about, foot, leg
from hmr_ros.geometry.rotations import matrix_from_axis_angle

UPPER = [3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
TRUNK = [3, 6, 9, 12, 15]


@dataclass(frozen=True, eq=False)
class Source:
    """motions: clips to take frames from. rest: [24, 3] rest joints, metres."""

    motions: Motions
    rest: np.ndarray


def frame(rng: np.random.Generator, motions: Motions) -> np.ndarray:
    """[24, 3, 3] of a clip's frame, turned to face +Z. Long clips count with the root of their
    length."""
    weight = np.cumsum(np.sqrt(np.diff(motions.starts)))
    clip = int(np.searchsorted(weight, rng.random() * weight[-1]))
    rows = motions.frames(min(clip, len(weight) - 1))
    pose = motions.poses[rng.integers(rows.start, rows.stop)].astype(np.float64)
    rotations = matrix_from_axis_angle(pose)
    rotations[0] = facing(rotations[0])
    return rotations


def facing(root: np.ndarray) -> np.ndarray:
    """[3, 3] without its turn about the vertical (the twist of swing and twist)."""
    x, z = root[0, 2] - root[2, 0], root[0, 0] + root[2, 2]
    return about(1, -np.arctan2(x, z)) @ root


def clip(rng, source: Source) -> np.ndarray:
    """A frame as it is."""
    return frame(rng, source.motions)


def mixed(rng, source: Source) -> np.ndarray:
    """A frame with the upper body of another and noise."""
    rotations = frame(rng, source.motions)
    if rng.random() < 0.6:
        rotations[UPPER] = frame(rng, source.motions)[UPPER]
    if rng.random() < 0.4:
        put_arms(rng, rotations, source.rest, STANDING)
    noise = np.exp(rng.uniform(np.log(0.02), np.log(0.15)))
    rotations[1:] = rotations[1:] @ matrix_from_axis_angle(rng.normal(0, noise, (23, 3)))
    return rotations


def _blank() -> np.ndarray:
    return np.tile(np.eye(3), (24, 1, 1))


def _bent_trunk(rng, rotations, flexion: float, spread: float = 0.12) -> None:
    """Spine bent forward by ``flexion`` in all, with a little of everything else."""
    aside, turn = rng.normal(0, spread, 2)
    for joint, share in ((3, 0.4), (6, 0.3), (9, 0.3)):
        rotations[joint] = matrix_from_axis_angle(np.array([flexion, turn, aside]) * share)
    look = rng.normal(0, 0.15, 3)
    rotations[12] = matrix_from_axis_angle(look * [1, 1.6, 1])
    rotations[15] = matrix_from_axis_angle(rng.normal(0, 0.12, 3) + [-0.2 * flexion, 0, 0])


def _sides(rng, low, high, alike: float = 0.05) -> np.ndarray:
    """[2, n] a value for each side, uniform in [low, high] and nearly the same for both."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    value = low + rng.random(len(low)) * (high - low)
    return value + rng.uniform(-alike, alike, (2, len(low)))


def sit(rng, source: Source) -> np.ndarray:
    """On a chair, a stool or a sofa, on the floor, cross-legged."""
    rotations, rest = _blank(), source.rest
    kind = rng.random()
    if kind < 0.65:
        recline = rng.uniform(-0.45, 0.3)
        rotations[0] = about(0, recline)
        _bent_trunk(rng, rotations, rng.uniform(-0.05, 0.6) - 0.5 * min(recline, 0))
        apart, ahead, down = (
            rng.uniform(0.06, 0.24),
            rng.uniform(0.25, 0.62),
            rng.uniform(-0.52, -0.36),
        )
        cross = rng.random() < 0.12
        for side, sign in enumerate((1.0, -1.0)):
            jitter = rng.normal(0, 0.03, 3)
            target = np.array([sign * apart, down, ahead]) + jitter
            if cross:
                target[0] = -sign * 0.06
                target[2] = ahead + 0.06 * sign
            pole = np.array([sign * (apart - 0.05) * 2, 0.9, 0.5])
            leg(rotations, rest, side, target, pole)
            foot(
                rotations,
                side,
                about(1, sign * rng.normal(0.15, 0.12)) @ about(0, rng.normal(0, 0.1)),
            )
    else:
        recline = rng.uniform(-0.35, 0.2)
        rotations[0] = about(0, recline)
        _bent_trunk(rng, rotations, rng.uniform(0.1, 0.7) - 0.6 * min(recline, 0))
        crossed = rng.random() < 0.45
        for side, sign in enumerate((1.0, -1.0)):
            if crossed:
                target = np.array([-sign * rng.uniform(0.02, 0.12), -0.04, 0.28 + 0.08 * sign])
                pole = np.array([sign * 1.0, 0.25, 0.5])
            else:
                target = np.array([sign * rng.uniform(0.05, 0.3), -0.06, rng.uniform(0.35, 0.85)])
                pole = np.array([sign * rng.uniform(0.0, 0.6), 1.0, 0.2])
            leg(rotations, rest, side, target, pole)
            if not crossed:
                foot(rotations, side, about(1, sign * 0.2) @ about(0, rng.uniform(-0.9, 0.0)))
    weights = SEATED if kind < 0.65 else GROUND
    put_arms(rng, rotations, rest, weights)
    return rotations


def crouch(rng, source: Source) -> np.ndarray:
    """Knees and hips bent over both feet."""
    rotations, rest = _blank(), source.rest
    low = rng.uniform(0.28, 0.68)
    rotations[0] = about(0, rng.uniform(0.0, 0.6))
    _bent_trunk(rng, rotations, rng.uniform(0.1, 0.8))
    for side, sign in enumerate((1.0, -1.0)):
        target = np.array([sign * rng.uniform(0.08, 0.28), -low, rng.uniform(-0.05, 0.2)])
        leg(rotations, rest, side, target, np.array([sign * rng.uniform(0.0, 0.5), 0.2, 1.0]))
        foot(
            rotations, side, about(1, sign * rng.normal(0.25, 0.1)) @ about(0, rng.uniform(0, 0.3))
        )
    put_arms(rng, rotations, rest, STANDING | GROUND)
    return rotations


def kneel(rng, source: Source) -> np.ndarray:
    """On one knee or both."""
    rotations, rest = _blank(), source.rest
    rotations[0] = about(0, rng.uniform(-0.1, 0.4))
    _bent_trunk(rng, rotations, rng.uniform(-0.05, 0.6))
    one = rng.random() < 0.5
    back = rng.uniform(0.0, 1.0)
    for side, sign in enumerate((1.0, -1.0)):
        if one and side == 0:
            target = np.array([sign * 0.12, -0.42, rng.uniform(0.25, 0.45)])
            leg(rotations, rest, side, target, np.array([sign * 0.1, 1.0, 0.6]))
            foot(rotations, side, about(1, sign * 0.1))
            continue
        down = -0.40 + 0.25 * (0 if one else back)
        target = np.array(
            [sign * rng.uniform(0.08, 0.16), down, -0.40 + 0.25 * (0 if one else back)]
        )
        leg(rotations, rest, side, target, np.array([sign * 0.1, -0.6, 1.0]))
        foot(rotations, side, about(0, rng.uniform(0.6, 1.5)))
    put_arms(rng, rotations, rest, STANDING | GROUND)
    return rotations


def bend(rng, source: Source) -> np.ndarray:
    """Legs nearly straight, trunk forward."""
    rotations, rest = _blank(), source.rest
    lean = rng.uniform(0.35, 1.2)
    rotations[0] = about(0, lean)
    _bent_trunk(rng, rotations, rng.uniform(0.1, 0.8))
    low = rng.uniform(0.68, 0.81)
    for side, sign in enumerate((1.0, -1.0)):
        target = np.array([sign * rng.uniform(0.08, 0.25), -low, rng.uniform(0.0, 0.3)])
        leg(rotations, rest, side, target, np.array([sign * 0.15, 0.2, 1.0]))
        foot(rotations, side, about(1, sign * 0.2))
    put_arms(rng, rotations, rest, STANDING | {"table": 3, "forward": 3})
    return rotations


def lie(rng, source: Source) -> np.ndarray:
    """On the back, a side or the front."""
    kind = rng.random()
    rotations = _blank() if kind < 0.75 else frame(rng, source.motions)
    rest = source.rest
    if kind < 0.75:
        _bent_trunk(rng, rotations, rng.uniform(-0.1, 0.4))
        for side, sign in enumerate((1.0, -1.0)):
            target = np.array([sign * rng.uniform(0.06, 0.25), -rng.uniform(0.45, 0.82), 0.02])
            leg(rotations, rest, side, target, np.array([sign * rng.uniform(0.0, 0.8), 0.0, 1.0]))
            rotations[(7, 8)[side]] = about(0, rng.uniform(0.1, 0.7))
        put_arms(rng, rotations, rest, STANDING)
    roll = rng.choice([0.0, 0.5 * np.pi, -0.5 * np.pi, np.pi], p=[0.45, 0.17, 0.18, 0.2])
    tilt = rng.normal(0, 0.12)
    rotations[0] = about(0, -0.5 * np.pi + tilt) @ about(1, roll + rng.normal(0, 0.2))
    return rotations


def reach(rng, source: Source) -> np.ndarray:
    """One arm or both up, forward, aside or to the floor."""
    rotations = frame(rng, source.motions)
    rest = source.rest
    both = rng.random() < 0.4
    low, high, pole = _REACHES[int(rng.integers(len(_REACHES)))]
    for side in (0, 1) if both else (int(rng.integers(2)),):
        put_arm(rng, rotations, rest, side, low, high, pole, (-0.8, 1.0))
    return rotations


_REACHES = (
    ((0.0, 0.85, -0.1), (0.35, 1.05, 0.3), (1.0, 0.2, 0.2)),
    ((0.0, 0.30, 0.45), (0.35, 0.75, 0.60), (0.7, -0.8, 0.0)),
    ((0.55, 0.25, -0.2), (0.75, 0.85, 0.2), (0.2, -0.8, -0.6)),
)


def wild(rng, source: Source) -> np.ndarray:
    """Anything that joints allow."""
    rotations = frame(rng, source.motions)
    rotations[1:] = rotations[1:] @ matrix_from_axis_angle(rng.normal(0, 0.35, (23, 3)))
    return rotations


ACTIVITIES: dict[str, Callable[[np.random.Generator, Source], np.ndarray]] = {
    f.__name__: f for f in (clip, mixed, sit, crouch, kneel, bend, lie, reach, wild)
}
