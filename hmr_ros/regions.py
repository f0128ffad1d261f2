"""Regions that hold an error with any probability, for errors that are large more often than a
Gaussian's.

An error has a covariance C (m^2) and a tail t: it is a multivariate Student t of 1 / t degrees of
freedom whose 90 % region is that of a Gaussian of covariance C. So who reads C alone has the right
90 % region, and t says how regions of other probabilities compare: smaller below, larger above. A
tail of 0 is the Gaussian. (1 / nu is the index that tells in extreme value theory how heavy a tail
is.) The squared Mahalanobis distance of a Student t, divided by its number of dimensions, is
distributed as Fisher's F (Kotz and Nadarajah, "Multivariate t Distributions and Their
Applications", 2004, section 1.4).
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtr, chdtri, fdtr, fdtri, gammaln

STATED = 0.9  # probability of the region that the covariance alone tells
DIMENSIONS = 3
HEAVIEST = 0.5  # two degrees of freedom: heavier tails have no use for a mean square
# Lighter tails are taken as Gaussian: F with so many degrees of freedom loses digits, and radii
# differ by less than a thousandth.
_LIGHTEST = 1e-3


def radius2(level: float, tail: np.ndarray, dimensions: np.ndarray | float = DIMENSIONS):
    """Squared Mahalanobis radii [...], by C, of regions of probability ``level``.

    tail [...]: 0 or more. dimensions: of the error, broadcast with ``tail``; need not be whole.
    Raises ValueError for a ``level`` outside of 0..1 (0 is no region at all, 1 all of space) or a
    tail that is negative or not finite.
    """
    if not 0 <= level < 1:
        raise ValueError(f"level is {level}, expected 0 or more and less than 1")
    tail, dimensions = np.broadcast_arrays(_checked(tail), np.asarray(dimensions, float))
    gaussian = chdtri(dimensions, 1 - level)
    heavy = tail >= _LIGHTEST
    if not heavy.any():
        return gaussian
    freedom = 1 / np.maximum(tail, _LIGHTEST)
    student = _scale(tail) * dimensions * fdtri(dimensions, freedom, level)
    return np.where(heavy, student, gaussian)


def level_of(distance2: np.ndarray, tail: np.ndarray, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Probability [...] of the region on whose border errors lie that are squared Mahalanobis
    distances ``distance2`` [...], by C, away: the inverse of ``radius2``."""
    distance2, tail = np.broadcast_arrays(np.asarray(distance2, float), _checked(tail))
    freedom = 1 / np.maximum(tail, _LIGHTEST)
    student = fdtr(dimensions, freedom, distance2 / (_scale(tail) * dimensions))
    return np.where(tail >= _LIGHTEST, student, chdtr(dimensions, distance2))


def log_density(
    distance2: np.ndarray, tail: np.ndarray, dimensions: int = DIMENSIONS
) -> np.ndarray:
    """Logarithm [...] of an error's density where C is the unit matrix; of another C, less half the
    logarithm of its determinant."""
    distance2, tail = np.broadcast_arrays(np.asarray(distance2, float), _checked(tail))
    freedom, scale = 1 / np.maximum(tail, _LIGHTEST), _scale(tail)
    half = (freedom + dimensions) / 2
    student = (
        gammaln(half)
        - gammaln(freedom / 2)
        - dimensions / 2 * np.log(np.pi * freedom * scale)
        - half * np.log1p(distance2 / (scale * freedom))
    )
    gaussian = -0.5 * (distance2 + dimensions * np.log(2 * np.pi))
    return np.where(tail >= _LIGHTEST, student, gaussian)


def _scale(tail: np.ndarray) -> np.ndarray:
    """Scale [...] of the Student t's own matrix by C, so that both have the same 90 % region in
    three dimensions."""
    freedom = 1 / np.maximum(tail, _LIGHTEST)
    return chdtri(DIMENSIONS, 1 - STATED) / (DIMENSIONS * fdtri(DIMENSIONS, freedom, STATED))


def _checked(tail: np.ndarray) -> np.ndarray:
    tail = np.asarray(tail, float)
    if not (np.isfinite(tail) & (tail >= 0)).all():
        raise ValueError("a tail is negative or not finite, expected 0 (a Gaussian) or more")
    return tail
