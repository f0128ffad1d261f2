"""95 % intervals of means and ratios, and of the difference between two models.

Whole clusters (images, people, clips) are drawn anew with replacement, because the joints of one
person and the frames of one clip err together. Percentile bootstrap (Efron and Tibshirani 1993)
with the percentiles widened for few clusters as in Hesterberg, "What teachers should know about
the bootstrap" (2015), section 5.3. The draw depends on the seed and on the number of clusters
alone, so figures of the same people are drawn together and a comparison is paired.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

_DRAWS_AT_ONCE = 2**22


class Estimate(NamedTuple):
    """A figure with its interval; ``n`` clusters stand behind it. NaN where nothing is known."""

    value: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """First minus second, the interval, and the share of resamples in which it is above zero."""

    value: float
    low: float
    high: float
    above: float
    n: int


def mean_interval(
    values: np.ndarray,
    counted: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    rounds: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Mean of all counted entries of ``values`` and its interval.

    values: [N, ...], such as errors [N, J]; counted: bool of the same shape, all if None;
    clusters: [N] label of the image, person or clip that a row belongs to, one a row if None.
    What is not counted may be NaN; ValueError for a counted NaN.
    """
    values, counted = _counted(values, counted)
    return ratio_interval(
        _row_sums(np.where(counted, values, 0)),
        _row_sums(counted),
        clusters,
        rounds,
        seed,
        level,
    )


def ratio_interval(
    values: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None = None,
    rounds: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """sum(values) / sum(weights) and its interval, such as correct over counted keypoints.

    values, weights: [N]; weights are not negative; clusters: [N] labels or None. The interval is
    NaN for fewer than two clusters that have a weight: one of them tells nothing of the spread.
    """
    value, weight = _clustered(clusters, values, weights)
    value, weight = value[weight > 0], weight[weight > 0]
    if not len(value):
        return Estimate(np.nan, np.nan, np.nan, 0)
    drawn = _resampled(np.stack([value, weight], -1), rounds, seed)
    low, high = _percentiles(drawn[:, 0] / drawn[:, 1], len(value), level)
    return Estimate(float(value.sum() / weight.sum()), low, high, len(value))


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    counted: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    rounds: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Mean of ``first`` less mean of ``second`` on the same entries, as in ``mean_interval``.

    first, second: [N, ...] figures of two models about the same people in the same order.
    Negative is better for the first where figures are errors.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape:
        raise ValueError(f"a paired comparison needs the same people: {first.shape} and "
                         f"{second.shape} values")  # fmt: skip
    gap, counted = _counted(first - second, counted)
    weights = _row_sums(counted)
    return paired_ratio(
        _row_sums(np.where(counted, gap, 0)),
        weights,
        np.zeros(len(gap)),
        weights,
        clusters,
        rounds,
        seed,
        level,
    )


def paired_ratio(
    values_1: np.ndarray,
    weights_1: np.ndarray,
    values_2: np.ndarray,
    weights_2: np.ndarray,
    clusters: np.ndarray | None = None,
    rounds: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Difference of two ratios (see ``ratio_interval``) over the same rows, all [N].

    For figures that do not count the same entries, such as precision, or errors on the people
    that each model found. Rounds in which one of the ratios has no weight are left out.
    """
    sums = np.stack(_clustered(clusters, values_1, weights_1, values_2, weights_2), -1)
    sums = sums[(sums[:, 1] > 0) | (sums[:, 3] > 0)]
    if not len(sums) or not (sums[:, [1, 3]].sum(0) > 0).all():
        return Difference(np.nan, np.nan, np.nan, np.nan, len(sums))
    drawn = _resampled(sums, rounds, seed)
    drawn = drawn[(drawn[:, 1] > 0) & (drawn[:, 3] > 0)]
    gaps = drawn[:, 0] / drawn[:, 1] - drawn[:, 2] / drawn[:, 3]
    total = sums.sum(0)
    low, high = _percentiles(gaps, len(sums), level)
    value = float(total[0] / total[1] - total[2] / total[3])
    above = float((gaps > 0).mean()) if len(sums) > 1 else np.nan
    return Difference(value, low, high, above, len(sums))


def bootstrap(
    values: np.ndarray, weights: np.ndarray, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of sum(values) / sum(weights), both [N], when the N people are drawn anew."""
    return ratio_interval(values, weights, rounds=rounds, seed=seed)[1:3]


def _row_sums(values: np.ndarray) -> np.ndarray:
    return values.sum(tuple(range(1, values.ndim)), dtype=float)


def _counted(values: np.ndarray, counted: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, float)
    if counted is None:
        counted = np.ones(values.shape, bool)
    else:
        counted = np.broadcast_to(np.asarray(counted, bool), values.shape)
    if not np.isfinite(values[counted]).all():
        raise ValueError("a counted value is not finite; leave missing people out of `counted` or "
                         "put a stand-in in their place")  # fmt: skip
    return values, counted


def _clustered(clusters: np.ndarray | None, *columns: np.ndarray) -> list[np.ndarray]:
    """Sums of each column [N] over each cluster [C], in the order of the labels."""
    columns = [np.asarray(column, float) for column in columns]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise ValueError(f"values and weights must be [N], got {[c.shape for c in columns]}")
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError("values and weights must be finite")
    if clusters is None:
        return columns
    clusters = np.asarray(clusters)
    if clusters.shape != columns[0].shape:
        raise ValueError(f"{columns[0].shape} values, but labels of clusters {clusters.shape}")
    names, row = np.unique(clusters, return_inverse=True)
    return [np.bincount(row, column, len(names)) for column in columns]


def _resampled(sums: np.ndarray, rounds: int, seed: int) -> np.ndarray:
    """Sums [rounds, K] over C rows of ``sums`` [C, K] drawn with replacement."""
    rng = np.random.default_rng(seed)
    count = len(sums)
    step = max(1, _DRAWS_AT_ONCE // count)
    parts = []
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        rows = rng.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
        times = np.bincount(rows.ravel(), minlength=size * count).reshape(size, count)
        # einsum, not BLAS: the same bytes on any machine.
        parts.append(np.einsum("rc,ck->rk", times.astype(float), sums))
    return np.concatenate(parts)


def _percentiles(figures: np.ndarray, clusters: int, level: float) -> tuple[float, float]:
    if clusters < 2 or not len(figures):
        return np.nan, np.nan
    # The bootstrap's spread is too small by sqrt((n - 1) / n), and normal where t is right.
    widening = np.sqrt(clusters / (clusters - 1))
    tail = stats.norm.cdf(widening * stats.t.ppf((1 - level) / 2, clusters - 1))
    low, high = np.quantile(figures, [tail, 1 - tail])
    return float(low), float(high)
