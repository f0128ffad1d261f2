"""Cameras that robots carry, their light and their faults, drawn at random."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.pose_sampling.turns import product
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.nearness import bearing_limits
from hmr_ros.data.scenes.scene import Finish, Light
from hmr_ros.data.scenes.shapes import yaw_matrix
from hmr_ros.data.viewpoints import Viewpoint, camera_with_fov
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import LEVEL

_STEEPEST = np.radians(35)  # robots look ahead: more than this is cut


def sample_camera(rng: np.random.Generator, mix: Mix, width: int, height: int) -> Camera:
    """Intrinsics; ``mix.lens`` is the chance of ``plumb_bob`` distortion, more for wide lenses."""
    fov = rng.uniform(*mix.fov_deg)
    camera = camera_with_fov(width, height, fov)
    if rng.random() >= mix.lens:
        return camera
    off = rounded(rng.normal(0, 0.008, 2) * max(width, height))
    camera = replace(camera, cx=camera.cx + float(off[0]), cy=camera.cy + float(off[1]))
    barrel = rng.uniform(0.02, 0.28)
    k1 = -barrel if rng.random() < 0.85 else 0.4 * barrel
    k2 = 0.3 * k1**2 * rng.uniform(0.5, 2.0) + rng.normal(0, 0.004)
    p1, p2 = rng.normal(0, 0.0008, 2)
    for _ in range(12):
        bent = tuple(rounded([k1, k2, p1, p2, 0.0]).tolist())
        lens = Camera(
            width, height, camera.fx, camera.fy, camera.cx, camera.cy, bent, "plumb_bob"
        )  # fmt: skip
        if monotonic(lens):
            return lens
        k1, k2 = 0.7 * k1, 0.7 * k2
    return camera


def monotonic(camera: Camera, beyond: float = 1.15) -> bool:
    """Whether a plumb_bob lens bends no two rays of the image onto one pixel.

    The distorted radius must rise with the true one, by a fifth of its rate in the middle or more,
    until it is ``beyond`` times that of the farthest corner: a margin for the tangential part, a
    hundredth of the radial one.
    """
    if not camera.distorted:
        return True
    k1, k2, _, _, k3 = (*camera.distortion, 0.0)[:5]
    x = max(camera.cx + 0.5, camera.width - 0.5 - camera.cx) / camera.fx
    y = max(camera.cy + 0.5, camera.height - 0.5 - camera.cy) / camera.fy
    return _rises(k1, k2, k3, beyond * math.sqrt(x * x + y * y))


@reproducible
def _rises(k1, k2, k3, far):
    for n in range(801):
        r = 0.005 * n
        square = r * r
        if not 1 + square * (3 * k1 + square * (5 * k2 + square * 7 * k3)) > 0.2:
            return False
        if r * (1 + square * (k1 + square * (k2 + square * k3))) >= far:
            return True
    return False


def oriented(camera: Camera, position: np.ndarray, yaw: float, pitch: float, roll: float = 0.0):
    """Viewpoint at ``position`` [3]; radians: yaw > 0 turns left, pitch > 0 looks down."""
    c, s = np.cos(pitch), np.sin(pitch)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    c, s = np.cos(roll), np.sin(roll)
    lean = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    rotation = product(product(lean, tilt), product(LEVEL, yaw_matrix(-yaw)))
    return Viewpoint(camera, rounded(rotation), np.asarray(position, float))


def framed(
    rng: np.random.Generator,
    mix: Mix,
    camera: Camera,
    position: np.ndarray,
    points: np.ndarray,
    truncated: bool,
) -> Viewpoint:
    """A camera at ``position`` [3] turned so that the points [N, 3] are in the image.

    truncated: a share of them is beyond one border, mostly the lower one; else all of them are
    within, if they fit.
    """
    low, high, left, right = bearings(points, position)
    half_v = np.arctan(0.5 * camera.height / camera.fy)
    half_h = np.arctan(0.5 * camera.width / camera.fx)
    pitch = -0.5 * (low + high) + rng.normal(0, mix.pitch_sd)
    room_v, room_h = 0.95 * half_v - 0.5 * (high - low), 0.93 * half_h - 0.5 * (right - left)
    pitch = _within(pitch, -0.5 * (low + high), room_v)
    yaw = -0.5 * (left + right) + max(room_h, 0.0) * rng.uniform(-0.8, 0.8)
    if truncated:
        share = rng.uniform(0.15, 0.6)
        side = rng.choice(4, p=[0.5, 0.14, 0.18, 0.18])
        if side == 0:  # feet
            pitch = -(low + share * (high - low) + half_v)
        elif side == 1:  # head
            pitch = -(high - 0.6 * share * (high - low) - half_v)
        elif side == 2:
            yaw = -(left + share * (right - left) + half_h)
        else:
            yaw = -(right - share * (right - left) - half_h)
    pitch = float(np.clip(pitch, -_STEEPEST, _STEEPEST))
    return oriented(camera, position, yaw, pitch, rng.normal(0, mix.roll_sd))


def bearings(points: np.ndarray, position: np.ndarray) -> tuple[float, float, float, float]:
    """Lowest and highest elevation, leftmost and rightmost azimuth of points [N, 3], radians.

    Azimuth 0 is the world's -Z, positive to the right (+X).
    """
    return bearing_limits(points, position)


def sample_light(rng: np.random.Generator, shadows: bool) -> Light:
    """One lamp, mostly from above, and light from everywhere; exposure is right on average."""
    azimuth, sine = rng.uniform(-np.pi, np.pi), rng.uniform(0.35, 0.98)
    flat = np.sqrt(1 - sine**2)
    towards = np.array([flat * np.sin(azimuth), sine, flat * np.cos(azimuth)])
    lamp = rng.uniform(0.2, 0.85)
    warmth = rng.normal(0, 0.06) * np.array([-1.0, 0.0, 1.0])
    ambient = rng.uniform(0.72, 1.0) - 0.35 * lamp
    return Light(
        towards=rounded(towards),
        ambient=np.clip(ambient * (1 - 0.5 * warmth + rng.normal(0, 0.02, 3)), 0.15, 1),
        colour=lamp * (1 + warmth + rng.normal(0, 0.02, 3)),
        shadow=rng.uniform(0.5, 1.0) if shadows and rng.random() < 0.8 else 0.0,
        softness=rng.uniform(0.01, 0.08),
    )


def sample_finish(rng: np.random.Generator, faults: bool = True) -> Finish:
    """What camera and transport do; ``faults``: with smear, flicker and JPEG now and then."""
    if not faults:
        return Finish(
            blur=rng.uniform(0.3, 1.0) if rng.random() < 0.5 else 0.0,
            gamma=rng.uniform(0.75, 1.3),
            noise=rng.uniform(0, 6),
            seed=int(rng.integers(1 << 30)),
        )
    motion = (0.0, 0.0)
    if rng.random() < 0.15:
        angle, length = rng.uniform(0, np.pi), rng.uniform(1.5, 7)
        motion = tuple(float(m) for m in rounded([length * np.cos(angle), length * np.sin(angle)]))
    rolling = (0.0, 1.0, 0.0)
    if rng.random() < 0.1:
        rolling = (rng.uniform(0.03, 0.15), rng.uniform(40, 300), rng.uniform(0, 2 * np.pi))
    return Finish(
        blur=rng.uniform(0.3, 1.2) if rng.random() < 0.5 else 0.0,
        motion=motion,
        gamma=rng.uniform(0.75, 1.25),
        gain=float(rounded(np.exp(rng.normal(0.08, 0.16)))),
        rolling=rolling,
        noise=rng.uniform(0, 6),
        jpeg=int(rng.integers(30, 96)) if rng.random() < 0.5 else 0,
        seed=int(rng.integers(1 << 30)),
    )


def _within(value: float, middle: float, room: float) -> float:
    return float(np.clip(value, middle - max(room, 0.0), middle + max(room, 0.0)))
