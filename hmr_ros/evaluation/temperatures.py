"""What makes a network's standard deviations honest on people it was not trained on: factors, and
tails of the errors (``hmr_ros.regions``)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from hmr_ros.regions import HEAVIEST, radius2
from hmr_ros.runtime.calibration import blended, factor2

RANGE = (0.25, 4.0)


def visibility_temperatures(
    variance: np.ndarray, squared_error: np.ndarray, probability: np.ndarray, visible: np.ndarray
) -> tuple[float, float]:
    """Factors on the standard deviation of a joint that is seen, and of one that is hidden.

    variance [M]: predicted, summed over the three axes; squared_error [M]: true; probability [M]
    of being visible, as predicted; visible [M] bool. With the factors blended by the predicted
    probability, mean variance equals mean squared error on the visible and on the hidden joints:
    two linear equations in the squared factors. Factors are kept within ``RANGE``.
    """
    rows, means = [], []
    for group in (visible, ~visible):
        rows.append(
            [
                (variance * probability)[group].mean(),
                (variance * (1 - probability))[group].mean(),
            ]
        )
        means.append(squared_error[group].mean())
    squared = np.linalg.solve(np.array(rows), np.array(means))
    seen, hidden = np.sqrt(np.clip(squared, RANGE[0] ** 2, RANGE[1] ** 2))
    return float(seen), float(hidden)


def deviation_factor(off: np.ndarray, std: np.ndarray, level: float = 0.9) -> float:
    """Factor on standard deviations [M] with which intervals of probability ``level`` hold that
    share of the errors ``off`` [M]; kept within ``RANGE``."""
    reach = stats.norm.ppf((1 + level) / 2)
    return float(np.clip(np.quantile(np.abs(off) / std, level) / reach, *RANGE))


def coverage_temperatures(
    distance2: np.ndarray,
    probability: np.ndarray,
    visible: np.ndarray,
    level: float = 0.9,
    rounds: int = 30,
    bounds: tuple[float, float] = RANGE,
) -> tuple[float, float]:
    """Factors as of ``visibility_temperatures``, but by how often regions hold the truth.

    distance2 [M]: squared Mahalanobis distances of three dimensions without factors; probability
    [M] of being visible, as predicted; visible [M] bool. With the factors blended by the predicted
    probability, the regions of probability ``level`` hold that share of the visible joints, and of
    the others: the two are found in turns, each by bisection. Errors have heavier tails than a
    Gaussian, so factors by the mean square need not do that. Factors are kept within ``bounds``. A
    group of no joints has no factor: it comes out as a bound.
    """
    reach = radius2(level, 0.0)
    groups = [(distance2[g], probability[g]) for g in (visible, ~visible)]

    def covered(group: int, seen: float, hidden: float) -> float:
        distance, share = groups[group]
        return float((distance <= reach * factor2((seen, hidden), share)).mean())

    found = [1.0, 1.0]
    for _ in range(rounds):
        for group in range(2):
            low, high = bounds
            for _ in range(30):
                found[group] = float(np.sqrt(low * high))
                if covered(group, *found) < level:
                    low = found[group]
                else:
                    high = found[group]
    return found[0], found[1]


def coverage_tails(
    distance2: np.ndarray,
    probability: np.ndarray,
    visible: np.ndarray,
    level: float = 0.5,
    rounds: int = 10,
) -> tuple[float, float]:
    """Tails of a joint that is seen, and of one that is hidden, with which regions of probability
    ``level`` hold that share of the visible joints, and of the others.

    Arguments as of ``coverage_temperatures``, distances by covariances with their factors: 90 %
    regions hold what they promise, whatever the tails. Both are found in turns, each by bisection,
    and kept from 0 (a Gaussian) to ``HEAVIEST``.
    """
    known = np.linspace(0, HEAVIEST, 501)
    reach = radius2(level, known)
    groups = [(distance2[g], probability[g]) for g in (visible, ~visible)]
    found = [0.0, 0.0]
    for _ in range(rounds):
        for group, (distance, share) in enumerate(groups):
            low, high = 0.0, HEAVIEST
            for _ in range(16):
                found[group] = (low + high) / 2
                tails = blended(tuple(found), share)
                # The heavier the tails, the smaller is a region that lies within the 90 % one.
                if (distance <= np.interp(tails, known, reach)).mean() > level:
                    low = found[group]
                else:
                    high = found[group]
    return found[0], found[1]


def tail_of(distance2: np.ndarray, level: float = 0.5) -> float:
    """The tail with which the region of probability ``level`` holds that share of errors [M] alike,
    by their squared Mahalanobis distances; kept from 0 to ``HEAVIEST``."""
    known = np.linspace(0, HEAVIEST, 501)
    reach = radius2(level, known)
    order = np.argsort(reach)
    return float(np.interp(np.quantile(distance2, level), reach[order], known[order]))
