"""Numbers on a grid, so that a seed means the same on every machine.

Sines, matrix products and the like differ in the last bits from one processor or library to the
next. What they give is rounded where it becomes part of a scene or decides about one.
"""

from __future__ import annotations

import numpy as np


def rounded(values: np.ndarray | float, bits: int = 28) -> np.ndarray:
    """To multiples of 2^-bits in float64, by default 4e-9; a scalar stays one, -0 becomes 0."""
    scale = 2.0**bits
    return np.rint(np.multiply(values, scale, dtype=np.float64)) / scale + 0.0
