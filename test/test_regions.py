"""Regions of errors with heavy tails: against scipy's F, scipy's Student t, and drawn errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hmr_ros.evaluation import calibration
from hmr_ros.evaluation.temperatures import coverage_tails, coverage_temperatures, tail_of
from hmr_ros.occupancy import credible_radius
from hmr_ros.regions import HEAVIEST, level_of, log_density, radius2
from hmr_ros.runtime.calibration import blended, factor2

LEVELS = st.floats(0.02, 0.995)
TAILS = st.floats(0.002, HEAVIEST)


def drawn(tail: float, count: int, seed: int = 0) -> np.ndarray:
    """[count, 3] errors whose covariance is the unit matrix and whose tail is ``tail``, by the
    definition: a Gaussian over the root of a chi-square."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(count, 3))
    if tail == 0:
        return errors
    nu = 1 / tail
    scale = stats.chi2.ppf(0.9, 3) / (3 * stats.f(3, nu).ppf(0.9))
    return errors * np.sqrt(scale * nu / rng.chisquare(nu, (count, 1)))


@given(LEVELS, TAILS)
@settings(deadline=None)
def test_radii_are_those_of_fishers_f(level, tail):
    f = stats.f(3, 1 / tail)
    expected = stats.chi2.ppf(0.9, 3) * f.ppf(level) / f.ppf(0.9)
    assert radius2(level, tail) == pytest.approx(expected, rel=1e-6)
    assert level_of(expected, tail) == pytest.approx(level, abs=1e-6)


def test_the_ninety_percent_region_is_what_the_covariance_says():
    tails = np.array([0, 1e-4, 0.01, 0.1, 0.25, 0.5])
    assert radius2(0.9, tails) == pytest.approx(np.full(6, 6.251389), rel=1e-6)
    # And without a tail all of them are: chi-square with three degrees of freedom.
    for level in (0.01, 0.5, 0.95, 0.999):
        assert radius2(level, 0.0) == pytest.approx(stats.chi2.ppf(level, 3))
    # Between the two there is no step.
    assert radius2(0.99, 1.001e-3) == pytest.approx(radius2(0.99, 0.0), rel=5e-3)


@given(LEVELS, LEVELS, TAILS, TAILS)
@settings(deadline=None)
def test_regions_grow_with_the_level_and_heavy_tails_spread_them(level, other, tail, heavier):
    low, high = sorted((level, other))
    assert radius2(low, tail) <= radius2(high, tail)
    light, heavy = sorted((tail, heavier))
    if level > 0.9:
        assert radius2(level, light) <= radius2(level, heavy) * (1 + 1e-9)
    else:
        assert radius2(level, light) >= radius2(level, heavy) * (1 - 1e-9)
    # The same for the balls that capsules grow by.
    covariance = np.diag([0.01, 0.04, 0.2])
    assert credible_radius(covariance, low, tail) <= credible_radius(covariance, high, tail)


def test_density_is_scipys_and_integrates_to_the_level():
    covariance = np.array([[0.02, 0.004, 0], [0.004, 0.03, 0.01], [0, 0.01, 0.05]])
    errors = np.random.default_rng(0).normal(size=(40, 3)) * 0.4
    for tail in (0.05, 0.2, 0.5):
        f = stats.f(3, 1 / tail)
        scale = stats.chi2.ppf(0.9, 3) / (3 * f.ppf(0.9))
        expected = stats.multivariate_t(np.zeros(3), scale * covariance, df=1 / tail)
        found = calibration.negative_log_likelihood(errors, covariance[None], tail)
        assert found == pytest.approx(-expected.logpdf(errors))
    assert log_density(1.3, 0.0) == pytest.approx(
        stats.multivariate_normal(np.zeros(3)).logpdf([1.3**0.5, 0, 0])
    )


@pytest.mark.parametrize("tail", [0.0, 0.1, 0.3])
def test_drawn_errors_are_held_as_often_as_is_said(tail):
    root = np.array([[0.3, 0, 0], [0.1, 0.2, 0], [-0.2, 0.1, 0.05]])
    errors = drawn(tail, 60_000) @ root.T
    quantile = calibration.quantiles(errors, (root @ root.T)[None], tail)
    for level in (0.5, 0.9, 0.95, 0.99):
        assert calibration.inside(quantile, level).mean() == pytest.approx(level, abs=0.006)
    # Balls: the same within what Satterthwaite's approximation gives away.
    lengths = np.linalg.norm(errors, axis=1)
    for level in (0.5, 0.9, 0.95):
        held = (lengths <= credible_radius(root @ root.T, level, tail)).mean()
        assert held == pytest.approx(level, abs=0.03)


def test_the_fit_finds_factors_and_tails_of_drawn_errors():
    """Of three classes, of which each joint has some of every one."""
    rng = np.random.default_rng(1)
    count = 40_000
    shares = rng.dirichlet([0.3, 0.3, 0.3], count)
    group = (rng.random((count, 1)) > shares.cumsum(1)).sum(1)
    factors, tails = (0.8, 1.2, 1.9), (0.05, 0.2, 0.35)
    wide, heavy = factor2(factors, shares), blended(tails, shares)
    known = np.linspace(0, 0.4, 21)  # tails of which errors are drawn; a joint's is the nearest
    errors = np.stack([np.square(drawn(t, count, n)).sum(1) for n, t in enumerate(known)])
    nearest = np.abs(heavy[:, None] - known).argmin(1)
    distance2 = wide * errors[nearest, np.arange(count)]
    found = coverage_temperatures(distance2, shares, group)
    assert found == pytest.approx(factors, rel=0.04)
    found = coverage_tails(distance2 / wide, shares, group)
    assert found == pytest.approx(tails, abs=0.04)
    assert tail_of(np.square(drawn(0.2, count, 4)).sum(1)) == pytest.approx(0.2, abs=0.025)


def test_every_group_is_held_however_badly_classes_are_told_apart():
    """Errors go by what joints are, not by what they are taken for."""
    rng = np.random.default_rng(5)
    count = 30_000
    group = rng.integers(0, 3, count)
    shares = rng.dirichlet([1, 1, 1], count) * 0.5 + 0.5 * np.eye(3)[group]
    spread, tails = np.array([1.0, 1.1, 1.5])[group], (0.15, 0.2, 0.3)
    errors = np.stack([np.square(drawn(t, count, n)).sum(1) for n, t in enumerate(tails)])
    distance2 = spread**2 * errors[group, np.arange(count)]
    factors = coverage_temperatures(distance2, shares, group)
    scaled = distance2 / factor2(factors, shares)
    quantile = level_of(scaled, blended(coverage_tails(scaled, shares, group), shares))
    for number in range(3):
        assert (quantile[group == number] <= 0.9).mean() == pytest.approx(0.9, abs=0.002)
        assert (quantile[group == number] <= 0.5).mean() == pytest.approx(0.5, abs=0.01)
    assert factors[0] < 1 and factors[2] > 1.5


def test_factors_that_would_be_beyond_their_bounds_stay_there():
    group = np.arange(2000) % 2
    distance2 = np.where(group == 0, 1.0, 500.0)
    found = coverage_temperatures(distance2, np.full((2000, 2), 0.5), group, bounds=(0.7, 3.0))
    assert found == pytest.approx((0.7, 3.0), abs=1e-4)


def test_tails_of_gaussians_are_none_and_of_heavier_ones_bounded():
    group = np.repeat([0, 1], 20_000)
    light = np.square(drawn(0.0, 20_000)).sum(1)
    found = coverage_tails(np.r_[light, 0.001 * light], np.eye(2)[group], group)
    assert found == pytest.approx((0, HEAVIEST), abs=0.03)


def test_what_is_no_region_or_tail_is_refused():
    for level in (-0.1, 1.0):
        with pytest.raises(ValueError, match="expected 0 or more and less than 1"):
            radius2(level, 0.1)
    for tail in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="a tail is negative or not finite"):
            radius2(0.5, np.array([0.1, tail]))
    assert radius2(0.0, np.array([0.0, 0.2])) == pytest.approx(0)
