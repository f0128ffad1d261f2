"""Honesty of predicted Gaussians and samples, against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from hmr_ros.evaluation import calibration
from hmr_ros.evaluation.calibration import verdict
from hmr_ros.evaluation.temperatures import (
    deviation_factor,
    seen_and_unseen,
    visibility_temperatures,
)


@pytest.fixture(scope="module")
def gaussians():
    """Residuals [M, 3] drawn from their own covariances [M, 3, 3], a few centimetres wide."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(20_000, 3, 3)) * 0.03 + 0.02 * np.eye(3)
    residuals = (factor @ rng.normal(size=(20_000, 3, 1)))[..., 0]
    return residuals, factor @ np.swapaxes(factor, 1, 2)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_a_point_on_the_border_of_a_region_has_its_probability(gaussians, level):
    _, covariance = gaussians
    values, vectors = np.linalg.eigh(covariance)
    radius = np.sqrt(stats.chi2.ppf(level, 3))
    on_axis = radius * np.sqrt(values[:, 2:]) * vectors[:, :, 2]  # the longest half axis
    assert calibration.quantiles(on_axis, covariance) == pytest.approx(level)
    assert calibration.inside(calibration.quantiles(0.999 * on_axis, covariance), level).all()
    assert not calibration.inside(calibration.quantiles(1.001 * on_axis, covariance), level).any()


def test_honest_gaussians_cover_their_levels(gaussians):
    quantile = calibration.quantiles(*gaussians)
    levels = np.linspace(0.05, 0.95, 19)
    assert calibration.reliability(quantile, levels) == pytest.approx(levels, abs=0.01)
    assert calibration.calibration_error(quantile) < 0.006
    assert abs(calibration.overconfidence(quantile)) < 0.006


def test_reliability_of_a_wrong_width_is_known(gaussians):
    residuals, covariance = gaussians
    quantile = calibration.quantiles(residuals, 0.5**2 * covariance)
    levels = np.array([0.5, 0.9])
    expected = stats.chi2.cdf(0.5**2 * stats.chi2.ppf(levels, 3), 3)  # 12 % and 33 %
    assert calibration.reliability(quantile, levels) == pytest.approx(expected, abs=0.01)
    area, _ = integrate.quad(
        lambda p: p - stats.chi2.cdf(0.25 * stats.chi2.ppf(p, 3), 3), 0, 1, epsabs=1e-6
    )
    assert calibration.calibration_error(quantile) == pytest.approx(area, abs=0.005)
    assert calibration.overconfidence(quantile) == pytest.approx(area, abs=0.005)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_calibration_error_is_the_area(quantile):
    grid = (np.arange(20_000) + 0.5) / 20_000
    gap = calibration.reliability(np.array(quantile), grid) - grid
    found = calibration.calibration_error(np.array(quantile))
    assert found == pytest.approx(np.abs(gap).mean(), abs=1e-3)
    assert calibration.overconfidence(np.array(quantile)) == pytest.approx(-gap.mean(), abs=1e-3)


def test_calibration_error_at_its_ends():
    assert calibration.calibration_error(np.ones(7)) == pytest.approx(0.5)
    assert calibration.calibration_error((np.arange(1000) + 0.5) / 1000) == pytest.approx(0.00025)
    assert np.isnan(calibration.calibration_error(np.zeros(0)))


def test_likelihood_agrees_with_scipy(gaussians):
    residuals, covariance = (values[:50] for values in gaussians)
    expected = [
        -stats.multivariate_normal(np.zeros(3), c).logpdf(r)
        for r, c in zip(residuals, covariance, strict=True)
    ]
    found = calibration.negative_log_likelihood(residuals, covariance)
    assert found == pytest.approx(expected)
    in_mm = calibration.negative_log_likelihood(1e3 * residuals, 1e6 * covariance)
    assert in_mm - found == pytest.approx(3 * np.log(1000))


def test_likelihood_of_a_standard_gaussian_is_its_entropy():
    residuals = np.random.default_rng(1).normal(size=(200_000, 3))
    found = calibration.negative_log_likelihood(residuals, np.broadcast_to(np.eye(3), (1, 3, 3)))
    assert found.mean() == pytest.approx(1.5 * np.log(2 * np.pi * np.e), abs=0.01)


def test_the_true_width_has_the_best_likelihood(gaussians):
    residuals, covariance = gaussians
    scores = [
        calibration.negative_log_likelihood(residuals, factor**2 * covariance).mean()
        for factor in (0.7, 1, 1.4)
    ]
    assert scores[1] < min(scores[0], scores[2])


def test_sharpness_of_a_known_ellipsoid():
    covariance = np.diag([0.01, 0.02, 0.03])[None] ** 2
    assert calibration.standard_deviation(covariance) == pytest.approx(np.sqrt(14 / 3) / 100)
    radius = stats.chi2.ppf(0.9, 3) ** 0.5
    volume = 4 / 3 * np.pi * 0.01 * 0.02 * 0.03 * radius**3
    assert calibration.log_volume(covariance, 0.9) == pytest.approx(np.log(volume))


def test_energy_score_of_two_samples_by_hand():
    samples = np.array([[[0.0, 0, 0], [3, 4, 0]]])
    # 2.5 on average to the truth between them, less half of the 5 between the two.
    assert calibration.energy_score(samples, np.array([[1.5, 2, 0]])) == pytest.approx(0)
    assert calibration.energy_score(samples, np.array([[0.0, 0, 0]])) == pytest.approx(0)
    assert calibration.energy_score(samples, np.array([[0.0, 0, 12]])) == pytest.approx(10)
    with pytest.raises(ValueError, match="2 samples or more"):
        calibration.energy_score(samples[:, :1], np.zeros((1, 3)))


@pytest.mark.parametrize("y", [0.0, 0.7, -2.0])
def test_energy_score_in_one_dimension_is_the_crps_of_a_gaussian(y):
    samples = np.random.default_rng(2).normal(size=(20_000, 8, 1))
    crps = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    found = calibration.energy_score(samples, np.full((20_000, 1), y)).mean()
    assert found == pytest.approx(crps, abs=0.01)


def test_energy_score_is_best_for_the_true_spread():
    rng = np.random.default_rng(3)
    true = rng.normal(size=(20_000, 3))
    noise = rng.normal(size=(20_000, 6, 3))
    scores = [calibration.energy_score(s * noise, true).mean() for s in (0.6, 1.0, 1.6)]
    assert scores[1] < min(scores[0], scores[2])


def test_best_of_chooses_whole_bodies():
    errors = np.array([[[0.0, 1.0], [0.4, 0.4], [0.9, 0.0]]])
    assert calibration.best_of(errors) == pytest.approx([0.4])


def test_verdicts():
    assert verdict({0.5: 0.5, 0.9: 0.9}, 1000) == "honest"
    assert verdict({0.5: 0.48, 0.9: 0.87}, 1000) == "honest"  # off by less than matters
    assert verdict({0.5: 0.40, 0.9: 0.80}, 1000) == "over-confident"
    assert verdict({0.5: 0.70, 0.9: 0.80}, 1000) == "over-confident"  # heavy tails
    assert verdict({0.5: 0.62, 0.9: 0.97}, 1000) == "under-confident"
    assert verdict({0.5: 0.5, 0.9: 0.9}, 8) == "undecided"
    assert verdict({0.5: 0.0, 0.9: 0.1}, 8) == "over-confident"
    # Joints of few people: the interval of people decides, not the number of joints.
    assert verdict({0.9: 0.82}, 1000) == "over-confident"
    assert verdict({0.9: 0.82}, 40, {0.9: (0.72, 0.91)}) == "honest"
    for share, n in ((float("nan"), 9), (1.2, 9), (0.5, 0)):
        with pytest.raises(ValueError, match="coverage must be shares"):
            verdict({0.5: share}, n)


@pytest.mark.parametrize(
    "factor, expected", [(0.5, "over-confident"), (0.8, "over-confident"), (1, "honest"),
                         (1.35, "under-confident")]
)  # fmt: skip
def test_summary_flags_a_model_that_is_too_sure(factor, expected):
    rng = np.random.default_rng(4)
    people = np.repeat(np.arange(300), 12)
    residuals = 0.05 * rng.normal(size=(3600, 3))
    covariance = np.broadcast_to(np.eye(3) * (0.05 * factor) ** 2, (3600, 3, 3))
    figures = calibration.summary(residuals, covariance, people)
    assert figures["verdict"] == expected
    assert figures["std_mm"] == pytest.approx(50 * factor)
    assert figures["std_ratio"] == pytest.approx(factor, rel=0.03)
    low, high = figures["coverage_90_ci95"]
    assert low < figures["coverage_90"] < high


def test_joints_that_err_together_widen_the_interval():
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(60), 12)
    residuals = np.repeat(0.05 * rng.normal(size=(60, 3)), 12, 0)  # 12 copies of each error
    covariance = np.broadcast_to(np.eye(3) * 0.05**2, (720, 3, 3))
    by_people = calibration.summary(residuals, covariance, people)["coverage_50_ci95"]
    by_joints = calibration.summary(residuals, covariance)["coverage_50_ci95"]
    ratio = (by_people[1] - by_people[0]) / (by_joints[1] - by_joints[0])
    assert ratio == pytest.approx(12**0.5, rel=0.15)


def test_summary_of_nobody_and_of_bad_covariances():
    nobody = calibration.summary(np.zeros((0, 3)), np.zeros((0, 3, 3)))
    assert nobody["verdict"] == "undecided" and np.isnan(nobody["coverage_50"])
    covariance = np.stack([np.eye(3), np.zeros((3, 3))])
    with pytest.raises(ValueError, match="covariance 1 of 2 is not positive definite"):
        calibration.summary(np.zeros((2, 3)), covariance)


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


def test_coverage_temperatures_make_regions_hold_what_they_promise():
    rng = np.random.default_rng(3)
    probability = rng.beta(0.2, 0.2, 60_000)
    visible = rng.random(60_000) < probability
    # Heavy tails, and hidden joints that are wrong by three times as much.
    tails = rng.standard_t(4, (60_000, 3)) * np.where(visible, 0.7, 2.1)[:, None]
    distance2 = (tails**2).sum(1)
    seen, hidden = seen_and_unseen(distance2, probability, visible)
    factor2 = probability * seen**2 + (1 - probability) * hidden**2
    for group in (visible, ~visible):
        assert np.mean(distance2[group] <= 6.2514 * factor2[group]) == pytest.approx(0.9, abs=0.005)


def test_a_deviation_factor_makes_intervals_hold_what_they_promise():
    rng = np.random.default_rng(0)
    std = rng.uniform(0.01, 0.3, 40_000)
    assert deviation_factor(1.7 * std * rng.normal(size=len(std)), std) == pytest.approx(
        1.7, rel=0.02
    )
    heavy = std * rng.standard_t(2, len(std))
    factor = deviation_factor(heavy, std)
    assert (np.abs(heavy) <= 1.6449 * factor * std).mean() == pytest.approx(0.9, abs=1e-3)
    assert deviation_factor(100 * std, std) == 4


def test_coverage_temperatures_of_gaussians_are_their_spread():
    rng = np.random.default_rng(4)
    visible = np.arange(40_000) % 2 == 0
    spread = np.where(visible, 0.5, 2.0)
    distance2 = spread**2 * (rng.normal(size=(40_000, 3)) ** 2).sum(1)
    factors = seen_and_unseen(distance2, visible.astype(float), visible)
    assert factors == pytest.approx((0.5, 2.0), rel=0.03)
