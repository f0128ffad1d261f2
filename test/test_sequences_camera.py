"""How cameras of films move, and what a robot would measure of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.data.sequences.camera_path import (
    KINDS,
    LIMITS,
    CameraPath,
    looking,
    sample_camera_path,
)
from hmr_ros.data.sequences.drive import STEP, BaseLimits, drive
from hmr_ros.data.sequences.odometry import (
    OdometryFaults,
    angular_velocity,
    integrated,
    sample_odometry,
    sample_stamps,
)
from hmr_ros.data.sequences.shake import sample_shake
from hmr_ros.geometry.rotations import geodesic_angle

SECONDS = 12.0
FINE = np.arange(int(SECONDS / STEP)) * STEP
PERFECT = OdometryFaults(**dict.fromkeys(OdometryFaults.__dataclass_fields__, 0.0))


def somebody(seed):
    """[S, 3] of a pelvis that wanders, at up to 1.4 m/s."""
    rng = np.random.default_rng(seed)
    own = np.arange(int(SECONDS / STEP) + 2) * STEP
    yaw = rng.uniform(0, 6) + 0.8 * np.sin(0.5 * own)
    step = rng.uniform(0, 1.4) * STEP * np.stack([np.sin(yaw), 0 * yaw, np.cos(yaw)], 1)
    return np.cumsum(step, 0) + [0, 0.9, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_cameras_keep_their_limits(kind):
    limits, fastest, turning = LIMITS[kind], 0.0, 0.0
    for seed in range(12):
        path = sample_camera_path(np.random.default_rng(seed), kind, FINE, somebody(seed))
        assert np.allclose(path.rotations @ path.rotations.transpose(0, 2, 1), np.eye(3))
        speed = np.linalg.norm(np.diff(path.positions, axis=0), axis=1) / STEP
        rate = np.linalg.norm(angular_velocity(path.rotations, path.times), axis=1)
        height = path.positions[:, 1]
        assert limits.height[0] <= height.min() <= height.max() <= limits.height[1]
        # No jumps: a hundredth of a second changes neither speed by much.
        assert np.abs(np.diff(speed)).max(initial=0) < 0.15
        assert np.abs(np.diff(rate)).max() < 0.4
        fastest, turning = max(fastest, speed.max()), max(turning, rate.max())
    assert fastest <= limits.speed
    assert turning <= limits.turn_rate
    if kind not in ("static", "pan"):
        assert fastest > 0.5
    if kind != "static":
        assert turning > 0.2


def test_a_camera_looks_at_the_person_it_is_set_up_for():
    for kind in KINDS:
        ahead = []
        for seed in range(8):
            target = somebody(seed)
            path = sample_camera_path(np.random.default_rng(seed), kind, FINE, target)
            seen = np.einsum("tab,tb->ta", path.rotations, target[: len(FINE)] - path.positions)
            ahead.append((seen[:, 2] > np.abs(seen[:, 0])).mean())
        assert np.mean(ahead) > 0.6, kind


def test_a_base_keeps_its_limits_and_its_distance():
    limits = BaseLimits()
    goals = np.tile([0.0, -6.0], (1500, 1))
    base = drive(np.zeros(2), 1.0, 0.0, goals, 1.5, 9.0, limits)
    assert base.speed.max() <= limits.speed and base.speed.min() >= 0
    assert np.abs(base.rate).max() <= limits.turn_rate
    assert np.abs(np.diff(base.speed)).max() <= limits.acceleration * STEP + 1e-12
    assert np.abs(np.diff(base.rate)).max() <= limits.turn_acceleration * STEP + 1e-12
    assert np.linalg.norm(base.position[-1] - goals[-1]) == pytest.approx(1.5, abs=0.05)
    # It moves along its heading only, as wheels do.
    step = np.diff(base.position, axis=0)
    across = step[:, 0] * np.cos(base.yaw[1:]) - step[:, 1] * np.sin(base.yaw[1:])
    assert np.abs(across).max() < 1e-9


def test_a_camera_that_pans_to_its_right_turns_about_its_y_axis():
    times = np.arange(50) / 20
    rotations = looking(-0.3 * times, 0 * times, 0 * times)
    assert np.allclose(angular_velocity(rotations, times), [0, 0.3, 0], atol=1e-12)
    tilted = looking(-0.3 * times, 0 * times + 0.4, 0 * times)
    across = angular_velocity(tilted, times)
    assert np.allclose(across, [0, 0.3 * np.cos(0.4), 0.3 * np.sin(0.4)], atol=1e-12)
    nodding = looking(0 * times, 0.2 * times, 0 * times)
    assert np.allclose(angular_velocity(nodding, times), [-0.2, 0, 0], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(KINDS), st.sampled_from([10.0, 15.0, 30.0]))
def test_angular_velocity_integrates_back_to_the_rotations(seed, kind, fps):
    rng = np.random.default_rng(seed)
    times, _ = sample_stamps(rng, 100, fps, OdometryFaults(dropped=0.05))
    times = times[times < SECONDS]
    path = sample_camera_path(rng, kind, times, somebody(seed))
    back = integrated(path.rotations[0], angular_velocity(path.rotations, times), times)
    assert geodesic_angle(back, path.rotations).max() < 1e-5


def test_perfect_sensors_measure_the_truth():
    rng = np.random.default_rng(3)
    path = sample_camera_path(rng, "drive_by", FINE[::7], somebody(3))
    measured = sample_odometry(rng, path, PERFECT)
    assert np.allclose(measured.gyro, angular_velocity(path.rotations, path.times))
    assert np.allclose(measured.positions, path.positions)
    assert np.allclose(measured.rotations, path.rotations)


def test_a_gyroscope_has_the_bias_and_noise_it_is_said_to_have():
    times = np.arange(4000) / 20.0
    still = CameraPath(times, np.zeros((4000, 3)), np.tile(np.eye(3), (4000, 1, 1)), "static")
    faults = OdometryFaults(gyro_noise=1e-3, gyro_bias=0.02, bias_walk=0.0)
    biases = []
    for seed in range(30):
        gyro = sample_odometry(np.random.default_rng(seed), still, faults).gyro
        assert gyro.std(0) == pytest.approx(np.full(3, 1e-3 * np.sqrt(20)), rel=0.06)
        biases.append(gyro.mean(0))
    assert np.std(biases) == pytest.approx(0.02, rel=0.2)


def test_odometry_starts_true_drifts_and_stays_still_where_the_robot_does():
    drifts, turns = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        path = sample_camera_path(rng, "follow", FINE[::5], somebody(seed))
        odometry = sample_odometry(rng, path)
        assert np.allclose(odometry.positions[0], path.positions[0])
        assert np.allclose(odometry.rotations[0], path.rotations[0])
        way = np.linalg.norm(np.diff(path.positions, axis=0), axis=1).sum()
        if way > 3:
            drifts.append(np.linalg.norm(odometry.positions[-1] - path.positions[-1]) / way)
            turns.append(geodesic_angle(odometry.rotations[-1], path.rotations[-1]))
    assert 0.005 < np.median(drifts) < 0.06  # a few per cent of the way
    assert 0.002 < np.median(turns) < 0.1
    rng = np.random.default_rng(0)
    still = sample_camera_path(rng, "static", FINE[::5], somebody(0))
    assert np.ptp(sample_odometry(rng, still).positions, axis=0).max() == 0


def test_stamps_run_forward_jitter_and_leave_gaps():
    faults = OdometryFaults(stamp_jitter=0.003, dropped=0.1)
    times, stamps = sample_stamps(np.random.default_rng(0), 2000, 20.0, faults)
    gaps = np.round(np.diff(times) * 20).astype(int)
    assert np.allclose(np.diff(times) * 20, gaps) and times[0] == 0
    assert set(gaps) == {1, 2} and (gaps == 2).mean() == pytest.approx(0.1, abs=0.02)
    assert (stamps - times).std() == pytest.approx(0.003, rel=0.1)
    assert (np.diff(stamps) > 0).all()


def test_shaking_has_its_strength_and_stays_in_its_band():
    rng = np.random.default_rng(1)
    shake = sample_shake(rng, [0.01, 0.2], (0.5, 4.0))
    moves = shake.at(np.arange(60_000) * 0.01)
    assert np.sqrt((moves**2).mean(0)) == pytest.approx([0.01, 0.2], rel=0.03)
    power = np.abs(np.fft.rfft(moves * np.hanning(len(moves))[:, None], axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(moves), 0.01)
    inside = (frequency > 0.45) & (frequency < 4.1)
    assert (power[inside].sum(0) / power.sum(0)).min() > 0.999
    assert (np.abs(np.diff(moves, axis=0)).max(0) / 0.01 <= shake.fastest()).all()


def test_unknown_kinds_and_short_targets_are_refused():
    with pytest.raises(ValueError, match="drone"):
        sample_camera_path(np.random.default_rng(0), "drone", FINE, somebody(0))
    with pytest.raises(ValueError, match="before the film"):
        sample_camera_path(np.random.default_rng(0), "pan", FINE, somebody(0)[:100])
