"""Bend arms and legs so that wrists and ankles come to where they are wanted (two-bone IK)."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible

LEFT, RIGHT = 0, 1
HIPS, KNEES, ANKLES = (1, 2), (4, 5), (7, 8)
SHOULDERS, ELBOWS, WRISTS = (16, 17), (18, 19), (20, 21)


@reproducible
def _bent(x, y, z, first, second, px, py, pz):
    """Directions of both bones (first to second) and the hinge's axis, for a limb that starts at 0.

    Returns [3, 3], rows: first bone, second bone, hinge; the middle joint points towards p.
    """
    out = np.zeros((3, 3))
    reach = np.sqrt(x * x + y * y + z * z) + 1e-12
    x, y, z = x / reach, y / reach, z / reach
    reach = min(
        max(reach, abs(first - second) + 0.25 * min(first, second)), 0.998 * (first + second)
    )
    along = px * x + py * y + pz * z
    px, py, pz = px - along * x, py - along * y, pz - along * z
    length = np.sqrt(px * px + py * py + pz * pz) + 1e-12
    px, py, pz = px / length, py / length, pz / length
    a = (first * first - second * second + reach * reach) / (2 * reach)
    h = np.sqrt(max(first * first - a * a, 0.0))
    out[0] = (a * x + h * px) / first, (a * y + h * py) / first, (a * z + h * pz) / first
    b = reach - a
    out[1] = (b * x - h * px) / second, (b * y - h * py) / second, (b * z - h * pz) / second
    out[2] = -(y * pz - z * py), -(z * px - x * pz), -(x * py - y * px)
    return out


def arm(
    rotations: np.ndarray,
    rest: np.ndarray,
    side: int,
    target: np.ndarray,
    pole: np.ndarray,
    twist: float = 0.0,
) -> None:
    """Set shoulder and elbow in ``rotations`` [24, 3, 3] so that the wrist comes to ``target``.

    target: [3] metres as in the T-pose, i.e. in the frame of a trunk that stands upright with the
    pelvis at ``rest[0]``; out of reach, the arm points there. pole: [3], where the elbow points.
    twist: of the forearm, radians, palm down to palm forward positive.
    """
    shoulder, elbow, wrist = SHOULDERS[side], ELBOWS[side], WRISTS[side]
    u, f, n = _bent(
        *(target - rest[shoulder]), _span(rest, shoulder, elbow), _span(rest, elbow, wrist), *pole
    )
    sign = 1.0 if side == LEFT else -1.0
    x, y = sign * u, -sign * n
    rotations[shoulder] = np.array([x, y, _cross(x, y)]).T
    flexion = np.arccos(min(max(u @ f, -1.0), 1.0))
    rotations[elbow] = _about(1, -sign * flexion) @ _about(0, -twist)


def leg(
    rotations: np.ndarray,
    rest: np.ndarray,
    side: int,
    target: np.ndarray,
    pole: np.ndarray,
) -> None:
    """Set hip and knee in ``rotations`` [24, 3, 3] so that the ankle comes to ``target``.

    target, pole: [3] in world axes, metres, about the pelvis as in the T-pose (the pelvis at
    ``rest[0]``); ``rotations[0]`` is taken off. pole: where the knee points.
    """
    hip, knee, ankle = HIPS[side], KNEES[side], ANKLES[side]
    root = rotations[0]
    start = root @ (rest[hip] - rest[0]) + rest[0]
    u, f, n = _bent(*(target - start), _span(rest, hip, knee), _span(rest, knee, ankle), *pole)
    rotations[hip] = root.T @ np.array([n, -u, _cross(n, -u)]).T
    rotations[knee] = _about(0, np.arccos(min(max(u @ f, -1.0), 1.0)))


def foot(rotations: np.ndarray, side: int, world: np.ndarray) -> None:
    """Turn the ankle so that the foot is oriented as ``world`` [3, 3] (identity: flat, along Z)."""
    hip, knee, ankle = HIPS[side], KNEES[side], ANKLES[side]
    rotations[ankle] = (rotations[0] @ rotations[hip] @ rotations[knee]).T @ world


def _span(rest, a, b):
    x, y, z = rest[b] - rest[a]
    return np.sqrt(x * x + y * y + z * z)


def _cross(a, b):
    return np.array(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def _about(axis: int, angle: float) -> np.ndarray:
    """[3, 3], a turn about one of the axes."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((3, 3))
    out[axis, axis] = 1.0
    out[i, i] = out[j, j] = c
    out[j, i], out[i, j] = s, -s
    return out


about = _about
