"""Whether predicted uncertainty of 3D joints is honest (``temperatures`` make it so).

A prediction is a mean, a covariance [3, 3] in metres and square metres, and a tail, 0 for a
Gaussian (``hmr_ros.regions``). Its p region is the ellipsoid that holds probability p: for a
Gaussian, squared Mahalanobis distance up to the p quantile of chi-square with 3 degrees of freedom.
Scores after Gneiting and Raftery, "Strictly proper
scoring rules, prediction, and estimation" (2007); calibration after Gneiting, Balabdaoui and
Raftery, "Probabilistic forecasts, calibration and sharpness" (2007).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from hmr_ros.evaluation.bootstrap import mean_interval
from hmr_ros.evaluation.pose_metrics import spread_ratio
from hmr_ros.regions import level_of, log_density, radius2

LEVELS = (0.5, 0.9)
SLACK = 0.05  # of coverage; less is of no consequence to a user of the regions
_FEW = 20
_TOO_WIDE = 0.2  # an interval that reaches so far from a level shows nothing


def mahalanobis_squared(residuals: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """[M] squared distances in standard deviations: residuals [M, D] true less predicted.

    covariance: [M, D, D]. ValueError names the first that is not positive definite.
    """
    return (_whitened(residuals, _factor(covariance)) ** 2).sum(-1)


def quantiles(
    residuals: np.ndarray, covariance: np.ndarray, tails: np.ndarray | float = 0.0
) -> np.ndarray:
    """[M] probability of the smallest region that holds the truth; uniform if honest. tails [M]."""
    distance2 = mahalanobis_squared(residuals, covariance)
    return level_of(distance2, tails, residuals.shape[-1])


def joint_quantiles(
    off: np.ndarray, covariance: np.ndarray, tails: np.ndarray | float = 0.0
) -> np.ndarray:
    """``quantiles`` [N, 24] of errors [N, 24, 3] about the pelvis by covariances [N, 24, 3, 3] and
    tails [N, 24]; NaN for the pelvis."""
    out = np.full(off.shape[:2], np.nan)
    tails = np.broadcast_to(tails, out.shape)[:, 1:].ravel()
    off, covariance = (values[:, 1:].astype(float) for values in (off, covariance))
    found = quantiles(off.reshape(-1, 3), covariance.reshape(-1, 3, 3), tails)
    out[:, 1:] = found.reshape(off.shape[:2])
    return out


def inside(quantile: np.ndarray, level: float) -> np.ndarray:
    """[M] bool: the truth lies in the region of probability ``level``."""
    return np.asarray(quantile) <= level


def reliability(quantile: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Observed coverage [L] of the regions of probability ``levels`` [L]; NaN without joints."""
    if not len(quantile):
        return np.full(np.shape(levels), np.nan)
    return np.searchsorted(np.sort(quantile), levels, side="right") / len(quantile)


def calibration_error(quantile: np.ndarray) -> float:
    """Area between the reliability curve and the diagonal: 0 honest, 1/2 the worst.

    Exact for the step curve of the M quantiles; with M honest quantiles about 0.3 / sqrt(M).
    """
    if not len(quantile):
        return float("nan")
    edges = np.concatenate([[0], np.sort(quantile), [1]])
    height = np.arange(len(edges) - 1) / len(quantile)
    left, right = edges[:-1] - height, edges[1:] - height
    # Integral of |p - height| over each step.
    return float((right * np.abs(right) - left * np.abs(left)).sum() / 2)


def overconfidence(quantile: np.ndarray) -> float:
    """Signed area between diagonal and reliability curve: above 0 the regions are too small."""
    return float(np.mean(quantile) - 0.5) if len(quantile) else float("nan")


def negative_log_likelihood(
    residuals: np.ndarray, covariance: np.ndarray, tails: np.ndarray | float = 0.0
) -> np.ndarray:
    """[M] nats of the truth's density in 1/m^D, by its ``tails`` [M]; less is better.

    Depends on the unit: in millimetres it is greater by D log(1000).
    """
    factor = _factor(covariance)
    distance2 = (_whitened(residuals, factor) ** 2).sum(-1)
    return _log_root_det(factor) - log_density(distance2, tails, factor.shape[-1])


def standard_deviation(covariance: np.ndarray) -> np.ndarray:
    """[M] metres: root mean square of the three axes' standard deviations."""
    return np.sqrt(np.trace(covariance, axis1=-2, axis2=-1) / covariance.shape[-1])


def log_volume(covariance: np.ndarray, level: float = 0.9) -> np.ndarray:
    """[M] natural logarithm of the volume in m^3 of the region of probability ``level``."""
    unit = np.log(4 / 3 * np.pi) + 1.5 * np.log(radius2(level, 0.0))
    return unit + _log_root_det(_factor(covariance))


def energy_score(samples: np.ndarray, true: np.ndarray) -> np.ndarray:
    """[M] metres: energy score of K samples [M, K, D] against the truth [M, D]; less is better.

    Mean distance of the samples to the truth less half the mean distance between two samples,
    estimated without bias (Gneiting and Raftery 2007, section 4.3). In one dimension it is the
    CRPS. Needs two samples.
    """
    count = samples.shape[1]
    if count < 2:
        raise ValueError(f"an energy score needs 2 samples or more, got {count}")
    to_truth = np.linalg.norm(samples - true[:, None], axis=-1).mean(1)
    apart = np.zeros(len(samples))
    for shift in range(1, count):  # each ordered pair once, without K^2 memory
        apart += np.linalg.norm(samples - np.roll(samples, shift, 1), axis=-1).sum(1)
    return to_truth - apart / (2 * count * (count - 1))


def best_of(errors: np.ndarray) -> np.ndarray:
    """[N] mean error of each person's best sample, of errors [N, K, J].

    The whole body is chosen at once. It falls with K for any predictor that spreads its samples:
    compare at the same K only, and beside the energy score.
    """
    return errors.mean(-1).min(1)


def verdict(
    coverage: Mapping[float, float],
    n: int,
    intervals: Mapping[float, tuple[float, float]] | None = None,
    slack: float = SLACK,
) -> str:
    """Judge coverage: over-confident, under-confident, honest, or undecided (too few data).

    coverage: observed share by level, such as {0.5: 0.42, 0.9: 0.88}. n: number of independent
    things behind it: people or clips, not joints. intervals: 95 % intervals (low, high) by level
    when whole people were drawn anew (see ``hmr_ros.evaluation.bootstrap``). Without them, or for
    n under 20, where a bootstrap may have no width at all, Wilson's binomial interval for n holds.

    A level is too small (too large) if its whole interval lies more than ``slack`` below (above)
    it. One level that is too small makes the model over-confident, whatever the others say.
    "honest" needs intervals that stay near the levels: few data do not prove honesty.
    """
    if n < 1 or not coverage or not all(0 <= share <= 1 for share in coverage.values()):
        raise ValueError(f"coverage must be shares of n >= 1 people, got {dict(coverage)}, n={n}")
    low, high, levels = [], [], np.array(list(coverage))
    for level, share in coverage.items():
        wilson = stats.binomtest(round(share * n), n).proportion_ci(0.95, "wilson")
        ends = wilson.low, wilson.high
        if intervals and n >= _FEW:
            ends = intervals.get(level, ends)
        low.append(min(ends[0], share) if np.isfinite(ends[0]) else 0.0)
        high.append(max(ends[1], share) if np.isfinite(ends[1]) else 1.0)
    if (np.array(high) < levels - slack).any():
        return "over-confident"
    if (np.array(low) > levels + slack).any():
        return "under-confident"
    if (np.array(low) < levels - _TOO_WIDE).any() or (np.array(high) > levels + _TOO_WIDE).any():
        return "undecided"
    return "honest"


def summary(
    residuals: np.ndarray,
    covariance: np.ndarray,
    clusters: np.ndarray | None = None,
    tails: np.ndarray | float = 0.0,
) -> dict:
    """All figures of predictions, for a table or a report; plain numbers.

    residuals: [M, 3] metres, true less predicted; covariance: [M, 3, 3]; clusters: [M] labels of
    the people (or clips) that the joints belong to; tails: [M]. Intervals are [low, high], 95 %.
    """
    quantile = quantiles(residuals, covariance, tails)
    found = {"n": len(residuals)}
    coverage, intervals = {}, {}
    for level in LEVELS:
        estimate = mean_interval(inside(quantile, level).astype(float), clusters=clusters)
        coverage[level], intervals[level] = estimate.value, (estimate.low, estimate.high)
        found[f"coverage_{level:.0%}".rstrip("%")] = estimate.value
        found[f"coverage_{level:.0%}".rstrip("%") + "_ci95"] = [estimate.low, estimate.high]
    if not len(residuals):
        return found | {"verdict": "undecided"}
    curve = np.linspace(0.05, 0.95, 19)
    nll = mean_interval(negative_log_likelihood(residuals, covariance, tails), clusters=clusters)
    return found | {
        "levels": curve.tolist(),
        "reliability": reliability(quantile, curve).tolist(),
        "calibration_error": calibration_error(quantile),
        "overconfidence": overconfidence(quantile),
        "nll_nats": nll.value,
        "nll_nats_ci95": [nll.low, nll.high],
        "std_mm": 1e3 * float(standard_deviation(covariance).mean()),
        "log_volume_90": float(log_volume(covariance).mean()),
        "std_ratio": spread_ratio(covariance, np.linalg.norm(residuals, axis=-1)),
        "verdict": verdict(coverage, estimate.n, intervals),
    }


def _factor(covariance: np.ndarray) -> np.ndarray:
    covariance = np.asarray(covariance, float)
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        row = int(np.argmin(np.linalg.eigvalsh(np.nan_to_num(covariance, nan=-1e9))[:, 0]))
        raise ValueError(
            f"covariance {row} of {len(covariance)} is not positive definite (leave out the joint "
            f"that is the root): "
            f"{np.round(covariance[row], 6).tolist()}"
        ) from None


def _whitened(residuals: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return np.linalg.solve(factor, np.asarray(residuals, float)[..., None])[..., 0]


def _log_root_det(factor: np.ndarray) -> np.ndarray:
    return np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
