"""Errors of paths in the world against drifts known by construction, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hmr_ros.evaluation import trajectory_metrics as metrics

BODY = np.random.default_rng(0).normal(size=(24, 3)) * [0.3, 0.6, 0.2]


def walk(frames: int, step: float = 0.04) -> np.ndarray:
    """[T, 24, 3] a stiff body that is carried along x."""
    return BODY + np.arange(frames)[:, None, None] * np.array([step, 0, 0])


def wander(frames: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(size=(frames, 1, 3)) * 0.05, 0)
    return BODY + path + 0.02 * rng.normal(size=(frames, 24, 3))


@settings(deadline=None)
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    shift=st.tuples(*[st.floats(-20, 20)] * 3),
    scale=st.floats(0.2, 5),
)
def test_another_world_frame_costs_nothing(angles, shift, scale):
    true = wander(230)
    turn = Rotation.from_rotvec(angles).as_matrix()
    moved = true @ turn.T + np.array(shift)
    for errors in (metrics.world_errors, metrics.world_aligned_errors):
        assert errors(moved, true, scaled=False).max() < 1e-9
        assert errors(scale * moved, true).max() < 1e-9
    assert metrics.root_translation_errors(moved[:, 0], true[:, 0]).max() < 1e-7
    assert metrics.absolute_trajectory_error(moved[:, 0], true[:, 0]) < 1e-9
    assert metrics.absolute_trajectory_error(scale * moved[:, 0], true[:, 0], True) < 1e-9


def test_a_rigid_alignment_does_not_forgive_scale():
    true = walk(100)
    assert metrics.world_errors(1.1 * true, true, scaled=False).mean() > 0.02
    assert metrics.root_translation_errors(1.1 * true[:, 0], true[:, 0]).mean() > 1


def test_drift_grows_from_the_start_of_each_segment():
    true, fast = walk(250, 0.04), walk(250, 0.05)
    errors = metrics.world_errors(fast, true, scaled=False)
    # Both heads are centred between frames 0 and 1; from there 1 cm a frame is gained.
    frame = np.arange(250) % 100
    assert errors == pytest.approx(np.repeat(0.01 * np.abs(frame - 0.5)[:, None], 24, 1), abs=1e-4)


def test_drift_is_shared_out_when_the_whole_segment_is_aligned():
    true, fast = walk(250, 0.04), walk(250, 0.041)
    errors = metrics.world_aligned_errors(fast, true, scaled=False)
    frame = np.arange(250) % 100
    middle = np.where(np.arange(250) < 200, 49.5, 24.5)
    expected = 0.001 * np.abs(frame - middle)
    assert errors == pytest.approx(np.repeat(expected[:, None], 24, 1), abs=1e-9)


def test_aligning_all_frames_is_never_worse_in_squares_than_aligning_two():
    rng = np.random.default_rng(2)
    for seed in range(5):
        true = wander(100, seed)
        predicted = true + np.cumsum(rng.normal(size=(100, 1, 3)) * 0.02, 0)
        first, whole = (
            np.square(errors(predicted, true)).sum()
            for errors in (metrics.world_errors, metrics.world_aligned_errors)
        )
        assert whole <= first


def test_first_frames_are_aligned_as_by_scipy():
    true, predicted = wander(100, 3), wander(100, 4)
    heads = [motion[:2].reshape(-1, 3) for motion in (true, predicted)]
    means = [head.mean(0) for head in heads]
    turn, _ = Rotation.align_vectors(heads[0] - means[0], heads[1] - means[1])
    moved = turn.apply((predicted - means[1]).reshape(-1, 3)).reshape(predicted.shape) + means[0]
    expected = np.linalg.norm(moved - true, axis=-1)
    assert metrics.world_errors(predicted, true, scaled=False) == pytest.approx(expected)


@pytest.mark.parametrize("percent", [1, 5])
def test_a_path_that_is_too_long_gives_that_drift(percent):
    true = np.zeros((201, 3))
    true[:, 0] = np.linspace(0, 10, 201)
    errors = metrics.root_translation_errors(true * (1 + percent / 100), true)
    # The middles coincide, so half the drift is left at each end, a quarter on average.
    assert errors[[0, -1]] == pytest.approx(percent / 2)
    assert errors.mean() == pytest.approx(percent / 4, rel=0.01)


def test_a_person_who_stays_has_no_relative_drift():
    still = np.zeros((50, 3)) + 0.001 * np.random.default_rng(0).normal(size=(50, 3))
    assert np.isnan(metrics.root_translation_errors(still, still)).all()
    assert metrics.path_length(np.array([[0, 0, 0], [3, 4, 0], [3, 4, 2.0]])) == pytest.approx(7)


def test_trajectory_error_is_the_root_mean_square_after_alignment():
    true, predicted = wander(80, 5)[:, 0], wander(80, 6)[:, 0]
    _, distance = Rotation.align_vectors(true - true.mean(0), predicted - predicted.mean(0))
    found = metrics.absolute_trajectory_error(predicted, true)
    assert found == pytest.approx(distance / 80**0.5)
    assert metrics.absolute_trajectory_error(predicted, true, True) < found


def test_lost_people_stand_where_they_were_last_seen():
    motion = np.arange(6.0)[:, None] * np.ones(3)
    found = np.array([False, True, True, False, False, True])
    assert metrics.held(motion, found)[:, 0].tolist() == [1, 1, 2, 2, 2, 5]
    with pytest.raises(ValueError, match="without a found frame"):
        metrics.held(motion, np.zeros(6, bool))


def test_losing_a_walker_costs():
    true = walk(100)
    found = np.arange(100) < 40
    assert metrics.world_errors(metrics.held(true, found), true)[:40].max() < 1e-9
    assert metrics.world_errors(metrics.held(true, found), true)[-1] == pytest.approx(60 * 0.04)


def test_malformed_motions_are_refused():
    true = walk(10)
    with pytest.raises(ValueError, match=r"\[T, J, 3\], got \(9, 24, 3\) \(10, 24, 3\)"):
        metrics.world_errors(true[:9], true)
    lost = np.where(np.arange(10)[:, None, None] == 4, np.nan, true)
    with pytest.raises(ValueError, match="predicted motion is not finite; fill"):
        metrics.world_errors(lost, true)
