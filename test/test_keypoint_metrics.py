"""PCK, OKS and their intervals against values worked out by hand."""

import numpy as np
import pytest

from hmr_ros.evaluation.keypoint_metrics import COCO_SIGMAS, bootstrap, correct, oks, pck

BOXES = np.array([[0, 0, 40, 100], [0, 0, 300, 10]], float)


def test_correct_uses_the_longer_side_of_each_box():
    labelled = np.zeros((2, 3, 2))
    predicted = np.array([[[6, 8], [10.1, 0], [0, 0]], [[18, 24], [0, -31], [np.nan, 0]]])
    right = correct(predicted, labelled, BOXES)
    assert right.tolist() == [[True, False, True], [True, False, False]]


def test_pck_counts_only_what_is_counted():
    right = np.array([[True, False, True], [False, True, False]])
    counted = np.array([[True, True, False], [False, True, True]])
    assert pck(right, counted) == 0.5
    assert np.isnan(pck(right, np.zeros_like(counted)))


def test_oks_of_exact_points_is_one_and_falls_as_the_gaussian():
    labelled = np.zeros((2, 17, 2))
    counted = np.zeros((2, 17), bool)
    counted[0] = True
    area = 50.0**2
    predicted = labelled.copy()
    # One standard deviation (2 sigma of the keypoint, times the object's scale) costs exp(-1/2).
    predicted[0, 5, 0] = 2 * COCO_SIGMAS[5] * 50
    similarity = oks(predicted, labelled, counted, np.array([area, area]))
    assert similarity[0] == pytest.approx((16 + np.exp(-0.5)) / 17)
    assert np.isnan(similarity[1])


def test_bootstrap_of_a_constant_has_no_width():
    assert bootstrap(np.full(9, 3.0), np.full(9, 4.0)) == (0.75, 0.75)


def test_bootstrap_interval_matches_the_binomial():
    rng = np.random.default_rng(3)
    right = (rng.random(400) < 0.6).astype(float)
    low, high = bootstrap(right, np.ones(400))
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert low == pytest.approx(right.mean() - half, abs=0.01)
    assert high == pytest.approx(right.mean() + half, abs=0.01)
