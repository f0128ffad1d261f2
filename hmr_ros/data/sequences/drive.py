"""A differential-drive base that heads for a point: planar, with limits on speeds and their rates.

Plan coordinates are (x, z) of the world; a yaw of 0 looks along -Z, a positive yaw turns left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import reproducible

STEP = 0.01  # seconds


@dataclass(frozen=True)
class BaseLimits:
    """m/s, m/s^2, rad/s, rad/s^2."""

    speed: float = 1.05
    acceleration: float = 0.8
    turn_rate: float = 0.9
    turn_acceleration: float = 2.5


@dataclass(frozen=True, eq=False)
class Drive:
    """States of the base every ``STEP`` seconds: position [S, 2], yaw, speed, rate and the
    acceleration along the heading, each [S]."""

    position: np.ndarray
    yaw: np.ndarray
    speed: np.ndarray
    rate: np.ndarray
    acceleration: np.ndarray


def drive(
    start: np.ndarray,
    yaw: float,
    speed: float,
    goals: np.ndarray,
    stop: float,
    cruise: float,
    limits: BaseLimits = BaseLimits(),
) -> Drive:
    """Drive towards moving goals [S, 2] and keep ``stop`` metres away from them.

    start: [2]; speed: at the start, m/s; cruise: wanted speed. The base never drives backwards.
    """
    steps = len(goals)
    out = Drive(np.empty((steps, 2)), *(np.empty(steps) for _ in range(4)))
    _drive(
        np.array([start[0], start[1], yaw, speed, 0.0], float),
        np.ascontiguousarray(goals, float),
        float(stop),
        min(float(cruise), limits.speed),
        np.array(
            [limits.acceleration, limits.turn_rate, limits.turn_acceleration, STEP],
        ),
        out.position,
        out.yaw,
        out.speed,
        out.rate,
        out.acceleration,
    )
    return out


def bearing(offset: np.ndarray) -> np.ndarray:
    """Yaw [...] that looks along plan offsets [..., 2]."""
    return np.arctan2(-offset[..., 0], -offset[..., 1])


@reproducible
def _drive(start, goals, stop, cruise, limits, position, yaws, speeds, rates, accelerations):
    x, z, yaw, speed, rate = start
    acceleration, turn_rate, turn_acceleration, step = limits
    for s in range(len(goals)):
        position[s, 0], position[s, 1] = x, z
        yaws[s], speeds[s], rates[s] = yaw, speed, rate
        dx, dz = goals[s, 0] - x, goals[s, 1] - z
        distance = np.sqrt(dx * dx + dz * dz)
        error = np.arctan2(-dx, -dz) - yaw
        error = np.arctan2(np.sin(error), np.cos(error))
        wanted = min(turn_rate, max(-turn_rate, 1.5 * error))
        if distance < 0.3:
            wanted = 0.0
        change = wanted - rate
        most = turn_acceleration * step
        rate += min(most, max(-most, change))
        # Slow down for turns, and early enough to stop.
        ahead = max(0.0, distance - stop)
        wanted = min(cruise * max(0.0, np.cos(error)), np.sqrt(1.2 * acceleration * ahead))
        most = acceleration * step
        change = min(most, max(-most, wanted - speed))
        speed = max(0.0, speed + change)
        accelerations[s] = change / step
        yaw += rate * step
        x -= speed * np.sin(yaw) * step
        z -= speed * np.cos(yaw) * step
