"""How cameras move: fixed, panning, on a robot's base, or in a hand.

World: metres, Y up. A yaw of 0 looks along -Z; a pitch > 0 looks down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.data.sequences.drive import STEP, bearing, drive
from hmr_ros.data.sequences.shake import Shake, sample_shake
from hmr_ros.geometry.camera_pose import LEVEL

KINDS = ("static", "pan", "drive_by", "approach", "follow", "hand_held")
ROBOT = ("drive_by", "approach", "follow")
_BAND = {"robot": (2.0, 8.0), "hand": (0.3, 5.0)}  # Hz


@dataclass(frozen=True)
class CameraLimits:
    """What a camera of a kind never exceeds, shaking included.

    speed: m/s. turn_rate: rad/s about any axis. height: metres over the floor, (least, greatest).
    """

    speed: float
    turn_rate: float
    height: tuple[float, float]


LIMITS = {
    "static": CameraLimits(0.0, 0.0, (0.3, 1.6)),
    "pan": CameraLimits(0.0, 0.6, (0.3, 1.6)),
    **{kind: CameraLimits(1.2, 1.5, (0.29, 1.61)) for kind in ROBOT},
    "hand_held": CameraLimits(1.4, 2.0, (1.1, 1.9)),
}


@dataclass(frozen=True, eq=False)
class CameraPath:
    """T poses: point p of the world is ``rotations[t] @ (p - positions[t])`` in the camera.

    times: [T] seconds. positions: [T, 3] and rotations: [T, 3, 3] (world to optical frame), both
    float64. kind: one of ``KINDS``.
    """

    times: np.ndarray
    positions: np.ndarray
    rotations: np.ndarray
    kind: str

    def __len__(self) -> int:
        return len(self.times)


def sample_camera_path(
    rng: np.random.Generator,
    kind: str,
    times: np.ndarray,
    target: np.ndarray,
    height: tuple[float, float] = (0.3, 1.6),
    distance: tuple[float, float] = (1.5, 6.0),
    pitch_sd: float = 0.06,
    roll_sd: float = 0.02,
) -> CameraPath:
    """A camera of a kind that mostly looks at somebody.

    times: [T] increasing, from >= 0. target: [S, 3], where that person's pelvis is every ``STEP``
    seconds from 0 to at least the last of ``times``. height, distance: metres, ranges of where
    it starts (a camera in a hand is 1.2-1.8 m high). pitch_sd, roll_sd: radians.

    Raises ValueError for an unknown kind or a target that ends too early.
    """
    if kind not in KINDS:
        raise ValueError(f"camera path {kind!r} is unknown; known: {', '.join(KINDS)}")
    if (len(target) - 1) * STEP < times[-1] - 1e-9:
        raise ValueError(f"the target ends at {(len(target) - 1) * STEP:.2f} s, before the film")
    plan = _smoothed(target[:, [0, 2]], 0.6)
    low, high = (1.2, 1.8) if kind == "hand_held" else height
    up = rng.uniform(max(low, height[0]) if kind == "hand_held" else low, high)
    middle = target[len(target) // 2, 1] * 0.95
    aside = rng.uniform(-np.pi, np.pi)
    away = np.array([np.sin(aside), np.cos(aside)])
    reach = rng.uniform(*distance)
    aim = rng.normal(0, 0.08)  # radians off the person's middle
    tilt = np.arctan2(up - middle, reach) + rng.normal(0, pitch_sd)
    lean = rng.normal(0, roll_sd)
    moves = {
        "static": _fixed,
        "pan": _pan,
        "drive_by": _drive_by,
        "approach": _approach,
        "follow": _follow,
        "hand_held": _hand_held,
    }[kind]
    grid, shake = moves(rng, plan, away, reach, times)
    grid = np.concatenate([grid, np.zeros((len(grid), 6 - grid.shape[1]))], 1)
    own = np.arange(len(grid)) * STEP
    x, z, yaw, pitch, raise_, speed = (np.interp(times, own, c) for c in grid.T)
    shaken = np.zeros((len(times), 6)) if shake is None else shake.at(times)
    if kind in ROBOT:
        shaken *= speed[:, None]
    positions = np.stack([x, up + raise_, z], 1) + shaken[:, :3]
    rotations = looking(yaw + aim + shaken[:, 3], tilt + pitch + shaken[:, 4], lean + shaken[:, 5])
    return CameraPath(np.asarray(times, float), rounded(positions), rounded(rotations), kind)


def looking(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3], world to optical frame, of cameras with these angles [T] (radians)."""
    return _about("z", roll) @ _about("x", pitch) @ LEVEL @ _about("y", -np.asarray(yaw))


def _fixed(rng, plan, away, reach, times):
    at = plan.mean(0) + reach * away
    return _stand(plan, at, np.full(len(plan), bearing(plan.mean(0) - at))), None


def _pan(rng, plan, away, reach, times):
    """Sweeps over the person, to and fro, at up to 0.55 rad/s."""
    at = plan.mean(0) + reach * away
    own = np.arange(len(plan)) * STEP
    swing = rng.uniform(0.15, 0.5)
    period = max(rng.uniform(4, 10), 2 * np.pi * swing / 0.55)
    sweep = swing * np.sin(2 * np.pi * own / period + rng.uniform(0, 2 * np.pi))
    return _stand(plan, at, bearing(plan.mean(0) - at) + sweep), None


def _drive_by(rng, plan, away, reach, times):
    """Past the person on an arc, to a stop; the camera looks to the side on which they are."""
    along = np.array([-away[1], away[0]]) * rng.choice([-1.0, 1.0])
    cruise = rng.uniform(0.4, 1.05)
    length = min(cruise * len(plan) * STEP, rng.uniform(2, 6.5))
    start = plan[0] + reach * away - along * length * rng.uniform(0.3, 0.6)
    goal = start + along * length
    yaw = bearing(along) + rng.normal(0, 0.3)
    base = drive(
        start, yaw, cruise * rng.uniform(0.3, 1), np.tile(goal, (len(plan), 1)), 0.4, cruise
    )
    looks = bearing(plan - base.position) - base.yaw
    looks = np.arctan2(np.sin(looks).mean(), np.cos(looks).mean())
    return _on_base(rng, base, float(np.clip(looks, -1.3, 1.3)))


def _approach(rng, plan, away, reach, times):
    start = plan[0] + max(reach, 2.5) * away
    cruise, stop = rng.uniform(0.3, 1.0), rng.uniform(1.1, 1.8)
    yaw = bearing(plan[0] - start) + rng.normal(0, 0.15)
    return _on_base(rng, drive(start, yaw, cruise * rng.random(), plan, stop, cruise), 0.0)


def _follow(rng, plan, away, reach, times):
    """Behind a person who walks, else around one who stays."""
    step = plan[min(len(plan) - 1, 100)] - plan[0]
    size = np.sqrt((step**2).sum())
    behind = -step / size if size > 0.3 else away
    start = plan[0] + min(reach, 3.0) * behind
    yaw = bearing(plan[0] - start) + rng.normal(0, 0.1)
    stop = rng.uniform(1.3, 2.4)
    return _on_base(rng, drive(start, yaw, min(1.0, size), plan, stop, 1.05), 0.0)


def _hand_held(rng, plan, away, reach, times):
    """Somebody who walks slowly, or stands, and keeps the person in the picture."""
    own = np.arange(len(plan)) * STEP
    walk = rng.uniform(0, 0.7) * rng.integers(2)
    turn = rng.uniform(-np.pi, np.pi)
    slow = np.stack([np.sin(turn + 0.2 * own), np.cos(turn + 0.2 * own)], 1)
    at = plan.mean(0) + reach * away + np.cumsum(walk * slow * STEP, 0)
    at = at - (at[len(at) // 2] - at[0])
    seen = np.unwrap(bearing(_smoothed(plan, 0.8) - at))
    yaw = _limited(seen, 1.0)
    bob = 0.02 * np.minimum(1, walk) * np.sin(2 * np.pi * rng.uniform(1.6, 2.0) * own)
    shake = sample_shake(rng, [0.012, 0.01, 0.012, 0.015, 0.013, 0.01], _BAND["hand"])
    return np.stack([at[:, 0], at[:, 1], yaw, 0 * yaw, bob], 1), shake


def _stand(plan, at, yaw):
    return np.stack([np.full(len(plan), at[0]), np.full(len(plan), at[1]), yaw], 1)


def _on_base(rng, base, side) -> tuple[np.ndarray, Shake]:
    """A camera before the axle of a base that nods when it speeds up and hums when it rolls."""
    before = rng.uniform(0, 0.2)
    x = base.position[:, 0] - before * np.sin(base.yaw)
    z = base.position[:, 1] - before * np.cos(base.yaw)
    nod = -rng.uniform(0.005, 0.025) * _smoothed(base.acceleration[:, None], 0.15)[:, 0]
    grid = [x, z, base.yaw + side, nod, 0 * x, base.speed]
    strength = rng.uniform(0.2, 1.0)
    rms = strength * np.array([0.0002, 0.0006, 0.0002, 0.001, 0.003, 0.002])
    return np.stack(grid, 1), sample_shake(rng, rms, _BAND["robot"])


def _smoothed(values: np.ndarray, seconds: float) -> np.ndarray:
    """Two passes of a centred mean over [S, D]; the ends are held."""
    half = max(1, int(seconds / STEP / 2))
    for _ in range(2):
        padded = np.concatenate(
            [values[:1].repeat(half + 1, 0), values, values[-1:].repeat(half, 0)]
        )
        total = np.cumsum(padded, 0)
        values = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return values


def _limited(values: np.ndarray, rate: float) -> np.ndarray:
    """Follow ``values`` [S] no faster than ``rate`` a second."""
    out = values.copy()
    most = rate * STEP
    for s in range(1, len(out)):
        out[s] = out[s - 1] + min(most, max(-most, values[s] - out[s - 1]))
    return _smoothed(out[:, None], 0.3)[:, 0]


def _about(axis: str, angle: np.ndarray) -> np.ndarray:
    angle = np.asarray(angle, float)
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = {
        "x": [i, o, o, o, c, -s, o, s, c],
        "y": [c, o, s, o, i, o, -s, o, c],
        "z": [c, -s, o, s, c, o, o, o, i],
    }[axis]
    return np.stack(rows, -1).reshape(*angle.shape, 3, 3)
