"""How far the joints of SMPL's skeleton turn.

A rotation is taken apart into a twist about one axis of the T-pose (y: along trunk and legs, x:
along the arms) and, before it, a swing about the other two: R = swing * twist. The swing is a
rotation vector without a component along the twist axis. Right joints are judged as their mirror
image, so one table serves both sides.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible

# Degrees about x, y and z of a left or central joint: least and greatest. Active ranges of motion
# of adults as in Norkin & White, "Measurement of Joint Motion" (AAOS), with the passive and loaded
# extremes of squats, splits and throws, and a margin for what marker-based capture makes of them:
# recordings put part of the forearm's and the shoulder's twist into elbow and wrist, and the bend
# of a two-segment spine into three joints.
# Signs: x > 0 bends the trunk forward, the knee, and points the toes; x < 0 flexes the hip.
# z > 0 abducts the left leg and lifts the left arm; y < 0 brings the left arm forward and bends
# the left elbow; y > 0 turns the left leg out.
_DEGREES = {
    1: ((-145, 45), (-50, 90), (-45, 80)),  # hip; a tailor sits turned out by 60-90
    3: ((-30, 65), (-28, 28), (-30, 30)),  # spine1
    4: ((-8, 165), (-48, 48), (-40, 20)),  # knee
    6: ((-25, 45), (-30, 30), (-25, 25)),  # spine2
    7: ((-55, 65), (-50, 50), (-45, 35)),  # ankle
    9: ((-40, 55), (-35, 35), (-30, 30)),  # spine3
    10: ((-70, 70), (-30, 30), (-20, 20)),  # toes
    12: ((-60, 60), (-65, 65), (-45, 45)),  # neck
    13: ((-20, 20), (-30, 30), (-25, 45)),  # collar
    15: ((-40, 45), (-50, 50), (-35, 35)),  # head
    16: ((-130, 95), (-150, 75), (-115, 105)),  # shoulder
    18: ((-125, 70), (-158, 12), (-60, 110)),  # elbow
    20: ((-85, 85), (-80, 80), (-80, 85)),  # wrist
    22: ((-30, 30), (-30, 30), (-30, 30)),  # hand
}
_TWIST = np.array([1] * 13 + [0, 0, 1] + [0] * 8, np.int64)
_MIRROR = np.ones(24)
_MIRROR[[2, 5, 8, 11, 14, 17, 19, 21, 23]] = -1.0


def _table() -> np.ndarray:
    table = np.zeros((24, 3, 2))
    table[0] = -np.inf, np.inf
    for joint, rows in _DEGREES.items():
        table[joint] = np.radians(rows)
        central = joint in (3, 6, 9, 12, 15)
        if not central:
            table[joint + 1] = table[joint]
    return table


# [24, 3, 2] radians about x, y, z, least and greatest, of the left side; joint 0 is free.
LIMITS = _table()
LIMITS.setflags(write=False)


def within_limits(pose: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Whether all joints of axis-angle poses [..., 24, 3] lie in ``LIMITS``, widened by ``margin``
    radians: [...] bool."""
    return (excess(pose) <= margin + 1e-9).all(-1)


def excess(pose: np.ndarray) -> np.ndarray:
    """Radians by which each joint of axis-angle poses [..., 24, 3] is out of ``LIMITS``: the
    largest of the three axes, 0 within; [..., 24]."""
    pose = np.asarray(pose, np.float64)
    angles = swing_twist(pose)
    over = np.maximum(LIMITS[..., 0] - angles, angles - LIMITS[..., 1])
    return np.maximum(over, 0).max(-1)


def worst_excess(pose: np.ndarray) -> float:
    """The largest ``excess`` of one axis-angle pose [24, 3] float64, compiled."""
    return _worst(pose, LIMITS, _TWIST, _MIRROR)


def clamped(pose: np.ndarray) -> np.ndarray:
    """Axis-angle poses [..., 24, 3] with every joint brought into ``LIMITS``, float64."""
    pose = np.asarray(pose, np.float64)
    angles = np.clip(swing_twist(pose), LIMITS[..., 0], LIMITS[..., 1])
    inside = excess(pose)[..., None] == 0
    return np.where(inside, pose, from_swing_twist(angles))


def swing_twist(pose: np.ndarray) -> np.ndarray:
    """Axis-angle poses [..., 24, 3] to angles about x, y, z [..., 24, 3], radians: the twist on
    its own axis and the swing on the other two; right joints as their mirror image."""
    flat = np.ascontiguousarray(pose, np.float64).reshape(-1, 24, 3)
    out = np.empty_like(flat)
    _apart(flat, _TWIST, _MIRROR, out)
    return out.reshape(np.shape(pose))


def from_swing_twist(angles: np.ndarray) -> np.ndarray:
    """Inverse of ``swing_twist``."""
    flat = np.ascontiguousarray(angles, np.float64).reshape(-1, 24, 3)
    out = np.empty_like(flat)
    _together(flat, _TWIST, _MIRROR, out)
    return out.reshape(np.shape(angles))


@reproducible
def _apart(pose, twist_axis, mirror, out):
    for n in range(pose.shape[0]):
        for j in range(24):
            x, y, z = pose[n, j, 0], pose[n, j, 1] * mirror[j], pose[n, j, 2] * mirror[j]
            angle = np.sqrt(x * x + y * y + z * z)
            scale = 0.5 if angle < 1e-9 else np.sin(0.5 * angle) / angle
            w = np.cos(0.5 * angle)
            x, y, z = x * scale, y * scale, z * scale
            t = x if twist_axis[j] == 0 else y
            # A half turn of swing leaves the twist open; take none.
            length = np.sqrt(t * t + w * w)
            c, s = (w / length, t / length) if length > 1e-9 else (1.0, 0.0)
            if c < 0:
                c, s = -c, -s
            # swing = q * conj(twist); its component along the twist axis vanishes.
            if twist_axis[j] == 0:
                sw, sx = w * c + x * s, 0.0
                sy, sz = y * c - z * s, z * c + y * s
            else:
                sw, sy = w * c + y * s, 0.0
                sx, sz = x * c + z * s, z * c - x * s
            if sw < 0:
                sw, sx, sy, sz = -sw, -sx, -sy, -sz
            length = np.sqrt(sx * sx + sy * sy + sz * sz)
            grow = 2.0 if length < 1e-9 else 2 * np.arctan2(length, sw) / length
            out[n, j, 0], out[n, j, 1], out[n, j, 2] = sx * grow, sy * grow, sz * grow
            out[n, j, twist_axis[j]] = 2 * np.arctan2(s, c)


@reproducible
def _worst(pose, limits, twist_axis, mirror):
    angles = np.empty((1, 24, 3))
    _apart(pose.reshape(1, 24, 3), twist_axis, mirror, angles)
    worst = 0.0
    for j in range(24):
        for a in range(3):
            worst = max(worst, limits[j, a, 0] - angles[0, j, a], angles[0, j, a] - limits[j, a, 1])
    return worst


@reproducible
def _together(angles, twist_axis, mirror, out):
    for n in range(angles.shape[0]):
        for j in range(24):
            sx, sy, sz = angles[n, j, 0], angles[n, j, 1], angles[n, j, 2]
            twist = angles[n, j, twist_axis[j]]
            if twist_axis[j] == 0:
                sx = 0.0
            else:
                sy = 0.0
            angle = np.sqrt(sx * sx + sy * sy + sz * sz)
            scale = 0.5 if angle < 1e-9 else np.sin(0.5 * angle) / angle
            w = np.cos(0.5 * angle)
            sx, sy, sz = sx * scale, sy * scale, sz * scale
            c, s = np.cos(0.5 * twist), np.sin(0.5 * twist)
            if twist_axis[j] == 0:
                qw, qx = w * c, w * s
                qy, qz = sy * c + sz * s, sz * c - sy * s
            else:
                qw, qy = w * c, w * s
                qx, qz = sx * c - sz * s, sz * c + sx * s
            if qw < 0:
                qw, qx, qy, qz = -qw, -qx, -qy, -qz
            length = np.sqrt(qx * qx + qy * qy + qz * qz)
            grow = 2.0 if length < 1e-9 else 2 * np.arctan2(length, qw) / length
            out[n, j, 0] = qx * grow
            out[n, j, 1], out[n, j, 2] = qy * grow * mirror[j], qz * grow * mirror[j]
