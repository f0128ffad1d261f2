"""Intervals against closed forms, and how often they hold the truth."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.evaluation.bootstrap import (
    bootstrap,
    mean_interval,
    paired_difference,
    paired_ratio,
    ratio_interval,
)


def test_a_constant_has_no_width():
    assert bootstrap(np.full(9, 3.0), np.full(9, 4.0)) == (0.75, 0.75)
    assert mean_interval(np.full((9, 4), 2.5)) == (2.5, 2.5, 2.5, 9)


def test_interval_matches_the_binomial():
    rng = np.random.default_rng(3)
    right = (rng.random(400) < 0.6).astype(float)
    low, high = bootstrap(right, np.ones(400))
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert low == pytest.approx(right.mean() - half, abs=0.01)
    assert high == pytest.approx(right.mean() + half, abs=0.01)


def test_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(0).normal(5, 2, 5000)
    estimate = mean_interval(values)
    half = 1.96 * values.std() / 5000**0.5
    assert estimate.value == pytest.approx(values.mean()) and estimate.n == 5000
    assert estimate.high - estimate.value == pytest.approx(half, rel=0.1)
    assert estimate.value - estimate.low == pytest.approx(half, rel=0.1)
    narrower = mean_interval(values, level=0.5)
    assert narrower.high - narrower.low == pytest.approx(2 * half * 0.6745 / 1.96, rel=0.1)


@pytest.mark.parametrize("people, joints", [(8, 5), (40, 3)])
def test_the_interval_holds_the_truth_in_95_of_100_studies(people, joints):
    rng = np.random.default_rng(1)
    held, studies = 0, 600
    for study in range(studies):
        # Errors of a person share a part; how many joints count differs from person to person.
        shared = rng.normal(size=(people, 1))
        errors = 3 + shared + rng.normal(size=(people, joints))
        counted = rng.random((people, joints)) < 0.7
        low, high = mean_interval(errors, counted, rounds=300, seed=study)[1:3]
        held += low <= 3 <= high
    assert 0.92 < held / studies < 0.98


def test_rows_of_one_cluster_are_drawn_together():
    values = np.repeat(np.random.default_rng(2).normal(size=50), 16)
    together = mean_interval(values, clusters=np.repeat(np.arange(50), 16))
    apart = mean_interval(values)
    assert together.n == 50 and together.value == pytest.approx(apart.value)
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(4, rel=0.15)
    once = mean_interval(values[::16])
    assert together[:3] == pytest.approx(once[:3])


def test_labels_of_clusters_may_be_names_in_any_order():
    values = np.array([1.0, 2, 3, 4])
    names = np.array(["b", "a", "b", "a"])
    assert mean_interval(values, clusters=names).n == 2
    with pytest.raises(ValueError, match="labels of clusters"):
        mean_interval(values, clusters=names[:3])


def test_ratio_is_of_the_sums():
    estimate = ratio_interval(np.array([1.0, 0, 6]), np.array([1.0, 0, 3]))
    assert estimate.value == 7 / 4 and estimate.n == 2  # nobody knows what the second is worth


def test_little_is_known_of_few():
    assert np.isnan(mean_interval(np.ones((1, 7))).low)
    assert mean_interval(np.zeros((0, 7))) == pytest.approx(
        (np.nan, np.nan, np.nan, 0), nan_ok=True
    )
    few = np.random.default_rng(3).normal(size=5)
    assert mean_interval(few).high - mean_interval(few).low > 2 * 1.96 * few.std() / 5**0.5


def test_what_is_not_counted_may_be_anything_and_the_rest_must_be_finite():
    values = np.array([[1.0, np.nan], [3, 5]])
    assert mean_interval(values, np.array([[True, False], [True, True]])).value == 3
    with pytest.raises(ValueError, match="not finite"):
        mean_interval(values)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(4).normal(size=300)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=1)


@settings(deadline=None)
@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_unit_and_offset_carry_over(scale, offset):
    values = np.random.default_rng(5).normal(size=30)
    one, other = (
        mean_interval(values, rounds=100),
        mean_interval(scale * values + offset, rounds=100),
    )
    assert other[:3] == pytest.approx(tuple(scale * v + offset for v in one[:3]), abs=1e-6)


def test_pairs_show_a_difference_that_single_intervals_hide():
    rng = np.random.default_rng(6)
    hard = rng.gamma(2, 50, (200, 1))  # how hard each person is
    first = hard + rng.normal(size=(200, 12))
    second = first + 2 + rng.normal(size=(200, 12))
    found = paired_difference(first, second)
    assert found.value == pytest.approx((first - second).mean()) and found.n == 200
    assert found.low > -2.3 and found.high < -1.7 and found.above == 0
    assert mean_interval(first).high > mean_interval(second).low
    back = paired_difference(second, first)
    assert back.above == 1 and back.low == pytest.approx(-found.high)


def test_no_difference_is_above_zero_half_of_the_time():
    rng = np.random.default_rng(7)
    shares = [
        paired_difference(*rng.normal(size=(2, 60)), rounds=200, seed=s).above for s in range(200)
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.06)


def test_two_equal_models_are_never_above_each_other():
    assert paired_difference(np.arange(9.0), np.arange(9.0)) == (0, 0, 0, 0, 9)


def test_paired_ratio_counts_each_side_by_itself():
    right = np.array([[1.0, 2, 3, 4], [2, 2, 2, 2]])
    found = paired_ratio(right[0], np.full(4, 5.0), right[1], np.full(4, 4.0))
    assert found.value == pytest.approx(0.5 - 0.5)
    nobody = paired_ratio(right[0], np.full(4, 5.0), right[1], np.zeros(4))
    assert np.isnan(nobody.value)
    same = paired_ratio(right[0], np.full(4, 1.0), right[1], np.full(4, 1.0))
    assert same == pytest.approx(paired_difference(right[0], right[1]))


def test_different_people_are_refused():
    with pytest.raises(ValueError, match="the same people"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_2000_rounds_of_2000_people_take_less_than_half_a_second():
    values = np.random.default_rng(8).normal(size=2000)
    mean_interval(values[:10])
    spent = []
    for _ in range(3):
        start = time.process_time()
        mean_interval(values)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.5
