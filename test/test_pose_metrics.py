"""Pose errors against answers known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from hmr_ros.evaluation import pose_metrics as metrics
from hmr_ros.evaluation.alignment import similarity
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


@settings(deadline=None)
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    scale=st.floats(0.05, 20),
    shift=st.tuples(*[st.floats(-50, 50)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_pa_errors_do_not_depend_on_a_similarity_of_the_prediction(angles, scale, shift, seed):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(1, 14, 3))
    noisy = true + 0.1 * rng.normal(size=true.shape)
    changed = scale * noisy @ matrix_from_axis_angle(np.array(angles)).T + np.array(shift)
    assert aligned_errors(changed, true) == pytest.approx(aligned_errors(noisy, true), abs=1e-9)


def test_alignment_agrees_with_scipy(poses):
    noisy = 1.7 * poses + np.random.default_rng(4).normal(size=poses.shape) * 0.1 + 3
    ours = (aligned_errors(noisy, poses) ** 2).sum(1)
    for one, other, squared in zip(poses, noisy, ours, strict=True):
        centred = one - one.mean(0)
        assert squared == pytest.approx(procrustes(one, other)[2] * (centred**2).sum())
        turn, _ = orthogonal_procrustes(other - other.mean(0), centred)
        found = similarity(other[None], one[None], scaled=False)
        assert found[0] == 1 and found[1][0] == pytest.approx(turn.T)
        moved = (other - other.mean(0)) @ turn + one.mean(0)
        assert aligned(other[None], one[None], scaled=False)[0] == pytest.approx(moved)


def test_root_may_be_the_middle_of_the_hips(poses):
    bent = poses.copy()
    bent[:, 0] += 1.0  # the pelvis is no root here: its error must show, and only there
    errors = joint_errors(bent + 5, poses, metrics.HIPS)
    assert errors[:, 0] == pytest.approx(3**0.5) and np.abs(errors[:, 1:]).max() < 1e-12
    bent[:, 1, 2] += 0.2
    errors = joint_errors(bent, poses, metrics.HIPS)
    assert errors[:, 5] == pytest.approx(0.1) and errors[:, 1] == pytest.approx(0.1)


def test_vertices_are_laid_on_the_root_joint(poses):
    skin = np.random.default_rng(5).normal(size=(50, 99, 3))
    moved = skin + 2.0
    moved[:, 7, 1] += 0.03
    errors = metrics.vertex_errors(moved, skin, poses[:, 0] + 2.0, poses[:, 0])
    assert errors[:, 7] == pytest.approx(0.03) and errors.sum() == pytest.approx(50 * 0.03)


@pytest.mark.parametrize("degrees", [0, 1e-5, 30, 90, 179.9999, 180])
def test_angle_errors_are_exact_at_all_angles(degrees):
    axis = np.array([2, -1, 3]) / 14**0.5
    first = Rotation.random(20, random_state=0)
    second = first * Rotation.from_rotvec(np.radians(degrees) * axis)
    found = metrics.angle_errors(first.as_matrix(), second.as_matrix())
    assert found == pytest.approx(degrees, abs=1e-6)


def test_angle_errors_agree_with_scipy():
    first, second = (Rotation.random(500, random_state=seed) for seed in (1, 2))
    expected = np.degrees((first.inv() * second).magnitude())
    assert metrics.angle_errors(first.as_matrix(), second.as_matrix()) == pytest.approx(expected)


def test_aligned_angle_errors_forgive_a_turn_of_the_whole_body(poses):
    turn = Rotation.random(50, random_state=3).as_matrix()
    true = Rotation.random(50 * 12, random_state=4).as_matrix().reshape(50, 12, 3, 3)
    bend = Rotation.from_rotvec([0, 0.5, 0]).as_matrix()
    predicted = turn[:, None] @ true
    predicted[:, 3] = predicted[:, 3] @ bend
    turned = poses @ np.swapaxes(turn, 1, 2)
    errors = metrics.aligned_angle_errors(predicted, true, turned, poses)
    assert errors[:, 3] == pytest.approx(np.degrees(0.5))
    assert np.abs(np.delete(errors, 3, 1)).max() < 1e-6


def test_pck_and_auc_by_hand():
    errors = np.array([0, 0.075, 0.15, 0.150001, np.nan])
    assert metrics.pck3d(errors).tolist() == [1, 1, 1, 0, 0]
    assert metrics.auc3d(errors) == pytest.approx([1, 16 / 31, 1 / 31, 0, 0])
    assert np.allclose(np.diff(metrics.AUC_THRESHOLDS), 0.005)


def test_per_joint_means_count_what_is_counted():
    errors = np.array([[1.0, 2, np.nan], [3, 9, np.nan]])
    counted = np.array([[True, True, False], [True, False, False]])
    assert metrics.per_joint(errors, counted) == pytest.approx([2, 2, np.nan], nan_ok=True)


def test_stand_in_is_the_pose_at_the_true_root(poses):
    placed = metrics.stand_in(poses[0] + 4, poses)
    assert placed[:, 0] == pytest.approx(poses[:, 0])
    assert joint_errors(placed, np.broadcast_to(poses[0], poses.shape)).max() < 1e-12


def test_missing_people_cost_recall_and_error():
    errors = np.array([[0.1, 0.2], [0.3, 0.4], [np.nan, np.nan], [np.nan, np.nan]])
    found = np.array([True, True, False, False])
    missing = np.array([[9, 9], [9, 9], [0.1, 0.5], [0.4, 0.1]])
    rows = metrics.found_and_missing(errors, found, missing)
    assert rows["recall"].value == 0.5 and rows["recall"].n == 4
    assert rows["error"].value == pytest.approx(0.25) and rows["error"].n == 2
    # Joint 0 costs at least 0.2, joint 1 at least 0.3: the means of those found.
    everybody = [0.1, 0.2, 0.3, 0.4, 0.2, 0.5, 0.4, 0.3]
    assert rows["error_all"].value == pytest.approx(np.mean(everybody))
    assert rows["pck"].value == pytest.approx(1 / 8)
    counted = np.array([[True, False], [True, False], [False, False], [True, False]])
    rows = metrics.found_and_missing(errors, found, missing, counted)
    assert rows["recall"].value == pytest.approx(2 / 3)
    assert rows["error_all"].value == pytest.approx((0.1 + 0.3 + 0.4) / 3)


def test_leaving_out_people_does_not_lower_the_error():
    rng = np.random.default_rng(6)
    errors, missing = rng.gamma(2, 0.05, (200, 12)), rng.gamma(2, 0.06, (200, 12))
    found = rng.random(200) < 0.6
    rows = metrics.found_and_missing(errors, found, missing)
    assert rows["error_all"].value >= rows["error"].value


def test_an_error_that_is_not_a_number_is_refused_where_the_person_was_found():
    errors = np.array([[0.1, np.nan]])
    with pytest.raises(ValueError, match="not finite"):
        metrics.found_and_missing(errors, np.array([True]))
