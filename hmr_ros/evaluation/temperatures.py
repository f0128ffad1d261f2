"""What makes a network's standard deviations honest on people it was not trained on: factors, and
tails of the errors (``hmr_ros.regions``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from hmr_ros.regions import HEAVIEST, radius2
from hmr_ros.runtime.calibration import blended, factor2, seen_or_not

RANGE = (0.25, 4.0)
SETTLED = 1e-4  # change of a factor or tail that is of no consequence


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
    shares: np.ndarray,
    group: np.ndarray,
    level: float = 0.9,
    bounds: tuple[float, float] = RANGE,
) -> tuple[float, ...]:
    """Factors on the standard deviations of joints of C classes, by how often regions hold the
    truth.

    distance2 [M]: squared Mahalanobis distances of three dimensions without factors; shares [M, C]
    of the classes in each joint, as predicted; group [M] in 0..C-1: the class that it truly is of.
    With the factors blended by the shares (``factor2``), the regions of probability ``level`` hold
    that share of the joints of each group. Errors have heavier tails than a Gaussian, so factors by
    the mean square need not do that. Factors are kept within ``bounds``. A class whose group is
    empty has no factor: it comes out as a bound.
    """
    reach, groups = radius2(level, 0.0), _groups(distance2, shares, group)

    def share(factors: np.ndarray, number: int) -> float:
        errors, own = groups[number]
        return held(errors, reach * factor2(factors, own))

    return tuple(solved_in_turns(share, [bounds] * len(groups), level).tolist())


def seen_and_unseen(
    distance2: np.ndarray, probability: np.ndarray, visible: np.ndarray
) -> tuple[float, float]:
    """``coverage_temperatures`` of two classes, as networks have them: joints that are seen, and
    all others. probability [M] of being visible, as predicted; visible [M] bool."""
    seen, hidden = coverage_temperatures(
        distance2, seen_or_not(probability), np.where(visible, 0, 1)
    )
    return seen, hidden


def coverage_tails(
    distance2: np.ndarray, shares: np.ndarray, group: np.ndarray, level: float = 0.5
) -> tuple[float, ...]:
    """Tails of joints of C classes, with which regions of probability ``level`` hold that share of
    the joints of each group.

    Arguments as of ``coverage_temperatures``, distances by covariances with their factors: 90 %
    regions hold what they promise, whatever the tails. Kept from 0 (a Gaussian) to ``HEAVIEST``.
    """
    known, groups = np.linspace(0, HEAVIEST, 501), _groups(distance2, shares, group)
    reach = radius2(level, known)

    def share(tails: np.ndarray, number: int) -> float:
        errors, own = groups[number]
        return held(errors, np.interp(blended(tails, own), known, reach))

    # The heavier the tails, the smaller is a region that lies within the 90 % one.
    return tuple(solved_in_turns(share, [(HEAVIEST, 0.0)] * len(groups), level).tolist())


def tail_of(distance2: np.ndarray, level: float = 0.5) -> float:
    """The tail with which the region of probability ``level`` holds that share of errors [M] alike,
    by their squared Mahalanobis distances; kept from 0 to ``HEAVIEST``."""
    return solved(
        lambda tail: held(distance2, radius2(level, np.array(tail))), (HEAVIEST, 0.0), level
    )


def held(distance2: np.ndarray, reach2: np.ndarray | float) -> float:
    """Share of errors that lie inside of regions, by squared distances [M] and radii; 0 of none."""
    return float((distance2 <= reach2).mean()) if len(distance2) else 0.0


def solved(
    share: Callable[[float], float], between: tuple[float, float], level: float, halvings: int = 20
) -> float:
    """The value at which regions hold ``level`` of the errors, by bisection. share: what they hold,
    rising from the first end of ``between``, which may be the greater, to the second; one of them
    comes out where neither holds enough, or both do."""
    narrow, wide = between
    for _ in range(halvings):
        value = (narrow + wide) / 2
        narrow, wide = (value, wide) if share(value) < level else (narrow, value)
    return wide


def solved_in_turns(
    share: Callable[[np.ndarray, int], float],
    between: Sequence[tuple[float, float]],
    level: float,
    rounds: int = 30,
) -> np.ndarray:
    """Values [C] of C classes with which each of the C groups has ``level`` of its errors held, as
    far as is possible: ``solved`` for one class after the other, until none changes. share: what is
    held of a group with these values. between: of each class, as of ``solved``."""
    values = np.array([narrow for narrow, _ in between], float)
    for _ in range(rounds):
        before = values.copy()
        for group, ends in enumerate(between):

            def own(value: float, group: int = group) -> float:
                return share(np.where(np.arange(len(values)) == group, value, values), group)

            values[group] = solved(own, ends, level)
        if np.abs(values - before).max() < SETTLED:
            break
    return values


def _groups(
    distance2: np.ndarray, shares: np.ndarray, group: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(distance2[group == n], shares[group == n]) for n in range(shares.shape[1])]
