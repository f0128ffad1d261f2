"""Make predicted standard deviations honest on data that was not trained on."""

from __future__ import annotations

import numpy as np

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
