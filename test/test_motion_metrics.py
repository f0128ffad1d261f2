"""Acceleration, jitter and foot sliding of motions whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.evaluation import motion_metrics as metrics

FPS = 25.0
TIME = np.arange(101) / FPS


def along(values: np.ndarray) -> np.ndarray:
    """[T, 2, 3]: values [T] in metres along a slanted line, by two joints."""
    return values[:, None, None] * np.array([[0.6, 0, 0.8], [0, -1, 0]])


@settings(deadline=None)
@given(st.floats(-5, 5), st.floats(-9, 9))
def test_constant_velocity_has_neither_acceleration_nor_jitter(speed, start):
    moving, still = along(start + speed * TIME), np.zeros((101, 2, 3))
    assert metrics.acceleration_errors(moving, still, FPS).max() < 1e-8
    assert metrics.jitter(moving, FPS).max() < 1e-6


def test_a_falling_joint_accelerates_with_g():
    falling = along(-0.5 * 9.81 * TIME**2)
    errors = metrics.acceleration_errors(falling, 0 * falling, FPS)
    assert errors.shape == (99, 2) and errors == pytest.approx(9.81)
    assert metrics.per_frame(errors, FPS) == pytest.approx(9810 / FPS**2)  # mm a frame squared
    assert metrics.jitter(falling, FPS).max() < 1e-8
    assert metrics.acceleration_errors(falling, falling, FPS).max() == 0


def test_a_cubic_has_constant_jerk():
    assert metrics.jitter(along(0.5 * TIME**3), FPS) == pytest.approx(3.0)


def test_a_sine_has_the_jitter_of_its_third_difference():
    frequency, amplitude = 2 * np.pi * 1.5, 0.02
    found = metrics.jitter(along(amplitude * np.sin(frequency * TIME)), FPS)
    # Each difference of a sine has 2 sin(w dt / 2) times its amplitude, half a frame later.
    gain = (2 * np.sin(frequency / FPS / 2) * FPS) ** 3
    expected = amplitude * gain * np.abs(np.cos(frequency * (TIME[:-3] + 1.5 / FPS)))
    assert found == pytest.approx(np.repeat(expected[:, None], 2, 1), abs=1e-9)
    # About A w^3, and 2/pi of it on average.
    assert found.mean() == pytest.approx(amplitude * frequency**3 * 2 / np.pi, rel=0.05)


def test_the_rate_is_counted_in():
    motion = np.random.default_rng(0).normal(size=(20, 3, 3))
    zero = np.zeros_like(motion)
    double = metrics.acceleration_errors(motion, zero, 60)
    assert double == pytest.approx(4 * metrics.acceleration_errors(motion, zero, 30))
    assert metrics.jitter(motion, 60) == pytest.approx(8 * metrics.jitter(motion, 30))


def test_feet_slide_only_where_the_true_foot_rests():
    frames = np.arange(10)
    true = np.zeros((10, 2, 3))
    true[:, 1, 0] = np.where(frames < 5, 0, 0.1 * (frames - 4))  # the second foot steps off
    resting = metrics.contacts(true, 30)
    assert resting[:, 0].all() and resting[:, 1].tolist() == [True] * 4 + [False] * 5
    sliding = true + 0.005 * frames[:, None, None] * [0, 0, 1]
    found = metrics.foot_sliding(sliding)
    assert found[resting] == pytest.approx(0.005)
    assert found[~resting] == pytest.approx(np.hypot(0.1, 0.005))


def test_contact_is_a_speed_not_a_step():
    feet = np.arange(30)[:, None, None] * np.array([0.008, 0, 0])  # 0.24 m/s at 30 fps
    assert metrics.contacts(feet, 30).all()
    assert not metrics.contacts(feet, 60).any()


def test_motions_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match=r"T > 3, got \(3, 24, 3\)"):
        metrics.jitter(np.zeros((3, 24, 3)), 30)
