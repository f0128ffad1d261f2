"""What a robot knows of its camera's motion: stamps, a gyroscope and odometry, with their faults.

The truth is exact; each measurement is drawn beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.data.sequences.camera_path import CameraPath
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle

UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class OdometryFaults:
    """How wrong the sensors of a small robot are.

    gyro_noise: rad/s/sqrt(Hz), gyro_bias: rad/s (a MEMS gyroscope after calibration), bias_walk:
    rad/s/sqrt(s). scale: standard deviation of the error of the length of the way; scale_walk: its
    random walk, 1/sqrt(s). yaw_walk: rad/sqrt(s); yaw_scale: share of each turn. slip: metres
    a square root of a metre of way. tilt: radians of roll and pitch (gravity keeps them bounded).
    stamp_jitter: seconds. dropped: chance that a frame is lost.
    """

    gyro_noise: float = 2e-4
    gyro_bias: float = 0.005
    bias_walk: float = 2e-4
    scale: float = 0.02
    scale_walk: float = 0.003
    yaw_walk: float = 0.004
    yaw_scale: float = 0.02
    slip: float = 0.005
    tilt: float = 0.004
    stamp_jitter: float = 0.002
    dropped: float = 0.02


SMALL_ROBOT = OdometryFaults()


@dataclass(frozen=True, eq=False)
class Odometry:
    """Measurements at T frames.

    gyro: [T, 3] rad/s in the optical frame, mean over the time since the frame before (what an IMU
    driver sums up between two images); positions: [T, 3] and rotations: [T, 3, 3] (odometry frame
    to optical frame) of the camera, in a frame that is the world at the first frame and drifts.
    """

    gyro: np.ndarray
    positions: np.ndarray
    rotations: np.ndarray


def sample_stamps(
    rng: np.random.Generator, frames: int, fps: float, faults: OdometryFaults = SMALL_ROBOT
) -> tuple[np.ndarray, np.ndarray]:
    """When pictures are exposed, and the stamps that the driver gives them: [frames] seconds each.

    Exposures keep the camera's clock, but lost frames leave gaps of a multiple of its period; a
    stamp is late or early by the jitter, and stamps never run backwards. The first exposure is
    at 0.
    """
    kept = np.concatenate([[0], np.cumsum(1 + (rng.random(frames - 1) < faults.dropped))])
    times = kept / fps
    error = np.clip(rng.normal(0, faults.stamp_jitter, frames), -0.4 / fps, 0.4 / fps)
    return times, rounded(times + error)


def angular_velocity(rotations: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[T, 3] rad/s in the optical frame: the constant rate from the frame before to this one.

    rotations: [T, 3, 3] world to optical frame. times: [T] seconds, increasing. The first frame
    has the rate of the second (zero if there is but one). A camera that pans to its right at w
    has (0, w, 0): y points down.
    """
    rotations = np.asarray(rotations, float)
    if len(rotations) < 2:
        return np.zeros((len(rotations), 3))
    # The axes of frame t in those of frame t - 1.
    turns = rotations[:-1] @ rotations[1:].transpose(0, 2, 1)
    rates = axis_angle_from_matrix(turns) / np.diff(times)[:, None]
    return np.concatenate([rates[:1], rates])


def integrated(first: np.ndarray, rates: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3], world to optical frame, from the first one [3, 3] and rates [T, 3] as
    ``angular_velocity`` gives them."""
    steps = matrix_from_axis_angle(np.asarray(rates, float)[1:] * np.diff(times)[:, None])
    rotations = [np.asarray(first, float)]
    for step in steps:
        rotations.append(step.T @ rotations[-1])
    return np.stack(rotations)


def sample_odometry(
    rng: np.random.Generator, path: CameraPath, faults: OdometryFaults = SMALL_ROBOT
) -> Odometry:
    """What a gyroscope and wheel or visual odometry would have reported along a path."""
    n = len(path)
    spans = np.diff(path.times, prepend=path.times[0])
    spans[0] = spans[1] if n > 1 else 1.0
    bias = rng.normal(0, faults.gyro_bias, 3) + np.cumsum(
        rng.normal(0, faults.bias_walk, (n, 3)) * np.sqrt(spans)[:, None], 0
    )
    noise = rng.normal(0, faults.gyro_noise, (n, 3)) / np.sqrt(spans)[:, None]
    gyro = angular_velocity(path.rotations, path.times) + bias + noise

    moves = np.diff(path.positions, axis=0, prepend=path.positions[:1])
    way = np.sqrt((moves**2).sum(1))
    scale = 1 + rng.normal(0, faults.scale)
    scale = scale + np.cumsum(rng.normal(0, faults.scale_walk, n) * np.sqrt(spans))
    ahead = path.rotations[:, 2]
    # Cameras do not look straight up or down here, so the yaw of the view is well defined.
    turned = np.diff(np.unwrap(np.arctan2(-ahead[:, 0], -ahead[:, 2])), prepend=0.0)
    turned[0] = 0
    drift = rng.normal(0, faults.yaw_scale) * turned
    drift = drift + rng.normal(0, faults.yaw_walk, n) * np.sqrt(np.minimum(spans, 10 * way))
    drift[0] = 0
    wander = matrix_from_axis_angle(np.cumsum(drift)[:, None] * UP)
    slip = rng.normal(0, faults.slip, (n, 3)) * np.sqrt(way)[:, None]
    steps = np.einsum("tab,tb->ta", wander, moves * scale[:, None] + slip)
    tilt = rng.normal(0, faults.tilt, (n, 3)) * [1, 0, 1]
    tilt[0] = 0
    lean = matrix_from_axis_angle(tilt)
    # An odometry frame that has wandered by W sees the camera's axes turned by W.
    rotations = path.rotations @ lean @ wander.transpose(0, 2, 1)
    positions = path.positions[0] + np.cumsum(steps, 0)
    return Odometry(rounded(gyro), rounded(positions), rounded(rotations))
