"""Pose errors against answers known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_ros.evaluation.calibration import visibility_temperatures
from hmr_ros.evaluation.pose_metrics import aligned, aligned_errors, joint_errors, spread_ratio
from hmr_ros.geometry.rotations import matrix_from_axis_angle


@pytest.fixture
def poses():
    return np.random.default_rng(0).normal(size=(50, 12, 3))


def test_root_is_taken_out_and_nothing_else(poses):
    moved = poses + np.array([3.0, -2.0, 7.0])
    assert np.abs(joint_errors(moved, poses)).max() < 1e-12
    bent = poses.copy()
    bent[:, 4, 1] += 0.25
    errors = joint_errors(bent, poses)
    assert errors[:, 4] == pytest.approx(0.25) and errors.sum() == pytest.approx(0.25 * 50)


def test_alignment_undoes_rotation_scale_and_translation(poses):
    rng = np.random.default_rng(1)
    rotation = matrix_from_axis_angle(rng.normal(size=(50, 3)))
    scale = rng.uniform(0.3, 3, (50, 1, 1))
    changed = scale * poses @ np.swapaxes(rotation, 1, 2) + rng.normal(size=(50, 1, 3))
    assert np.abs(aligned(changed, poses) - poses).max() < 1e-9


def test_a_mirror_image_is_not_aligned_by_reflection(poses):
    mirrored = poses * [-1, 1, 1]
    assert aligned_errors(mirrored, poses).mean() > 0.3


def test_alignment_is_the_least_squares_one(poses):
    rng = np.random.default_rng(2)
    noisy = poses + rng.normal(size=poses.shape) * 0.2
    best = (aligned_errors(noisy, poses) ** 2).sum(1)
    placed = aligned(noisy, poses)
    for _ in range(20):
        turn = matrix_from_axis_angle(rng.normal(size=3) * 0.05)
        other = (placed - placed.mean(1, keepdims=True)) @ turn.T * rng.uniform(0.95, 1.05)
        other = other + placed.mean(1, keepdims=True) + rng.normal(size=(50, 1, 3)) * 0.02
        assert (((other - poses) ** 2).sum((1, 2)) >= best - 1e-9).all()


def test_points_that_coincide_are_only_moved():
    one = np.zeros((1, 12, 3)) + 2.0
    true = np.random.default_rng(0).normal(size=(1, 12, 3))
    found = aligned(one, true)
    assert np.isfinite(found).all()
    assert found == pytest.approx(np.broadcast_to(true.mean(1, keepdims=True), true.shape))


def test_spread_ratio_is_one_for_the_true_covariance():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(20000, 3, 3)) * 0.1
    covariance = factor @ np.swapaxes(factor, 1, 2)
    errors = np.linalg.norm((factor @ rng.normal(size=(20000, 3, 1)))[..., 0], axis=-1)
    assert spread_ratio(covariance, errors) == pytest.approx(1, abs=0.02)
    assert spread_ratio(4 * covariance, errors) == pytest.approx(2, abs=0.04)
    assert np.isnan(spread_ratio(covariance[:0], errors[:0]))


def test_temperatures_make_both_classes_honest():
    rng = np.random.default_rng(0)
    m = 200_000
    visible = rng.random(m) < 0.7
    probability = np.where(visible, rng.beta(8, 2, m), rng.beta(2, 6, m))
    true_variance = rng.gamma(3, 0.01, m)
    squared = true_variance * rng.chisquare(3, m) / 3
    # Predicted variances are wrong by other factors where the joint is seen and where it is hidden.
    variance = true_variance / (probability * 1.5**2 + (1 - probability) * 0.6**2)
    seen, hidden = visibility_temperatures(variance, squared, probability, visible)
    assert seen == pytest.approx(1.5, rel=0.02)
    assert hidden == pytest.approx(0.6, rel=0.05)
