"""HOG + SVM pedestrian detector with OpenCV's coefficients, for people too small for BlazePose.

One sweep over all sizes of people costs several camera periods, so it is cut into shares of equal
cost; a caller runs one share a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from hmr_ros.frontend.boxes import kept
from hmr_ros.frontend.hog_margins import coefficients, margins

WINDOW = (64, 128)
STRIDE = 8
# In the detector's training windows the person is 96 of 128 pixels tall and about 40 wide.
PERSON_HEIGHT = 96
PERSON_WIDTH = 40
# Replicated border, so that people at the edge of the image still fill a window.
BORDER = 24
OVERLAP = 0.45
# Enlarging more adds no detail.
MAX_SCALE = 2.0


@dataclass(frozen=True)
class Band:
    """Window rows ``first`` to ``last`` (exclusive) of the image scaled by ``scale``."""

    scale: float
    first: int
    last: int


def scales(height: int, smallest: float, largest: float, step: float = 1.25) -> tuple[float, ...]:
    """Image scales at which people from ``smallest`` to ``largest`` (fractions of the image
    height) fill the detector's window, smallest people first; none above ``MAX_SCALE``."""
    count = int(np.ceil(np.log(largest / smallest) / np.log(step))) + 1
    wanted = [PERSON_HEIGHT / (max(1, height) * smallest * step**i) for i in range(count)]
    return tuple(scale for scale in wanted if scale <= MAX_SCALE)


@lru_cache(maxsize=4)
def shares(width: int, height: int, at: tuple[float, ...], count: int) -> list[list[Band]]:
    """A sweep over an image at the scales ``at``, cut into ``count`` shares of about equal cost."""
    rows, costs = [], []
    for scale in at:
        w, h = round(width * scale) + 2 * BORDER, round(height * scale) + 2 * BORDER
        number = (h - WINDOW[1]) // STRIDE + 1
        if w >= WINDOW[0] and number > 0:
            rows += [(scale, row) for row in range(number)]
            costs += [w] * number
    share_of = (np.cumsum(costs) - 1) * count // max(1, sum(costs))
    result: list[list[Band]] = [[] for _ in range(count)]
    for (scale, row), share in zip(rows, share_of, strict=True):
        bands = result[share]
        if bands and bands[-1].scale == scale:
            bands[-1] = Band(scale, bands[-1].first, row + 1)
        else:
            bands.append(Band(scale, row, row + 1))
    return result


class HogDetector:
    """The detector with OpenCV's default people coefficients.

    min_margin: least distance from the SVM's separating plane.
    """

    def __init__(self, min_margin: float = 0.0) -> None:
        self._weights, self._bias = coefficients(cv2.HOGDescriptor_getDefaultPeopleDetector())
        self._min_margin = min_margin

    def __call__(self, grey: np.ndarray, bands: list[Band]) -> tuple[np.ndarray, np.ndarray]:
        """People in ``grey`` [H, W] uint8: tight boxes [N, 4] and SVM margins [N], best first."""
        boxes, found_margins = [np.zeros((0, 4))], [np.zeros(0)]
        for band in bands:
            corners, margin = self._windows(grey, band)
            low = corners + [(WINDOW[0] - PERSON_WIDTH) / 2, (WINDOW[1] - PERSON_HEIGHT) / 2]
            size = np.broadcast_to([PERSON_WIDTH, PERSON_HEIGHT], low.shape)
            boxes.append(np.concatenate([low - BORDER, size], 1) / band.scale)
            found_margins.append(margin)
        found, margin = np.concatenate(boxes), np.concatenate(found_margins)
        best = kept(found, margin, OVERLAP)
        return found[best].astype(np.float32), margin[best].astype(np.float32)

    def _windows(self, grey: np.ndarray, band: Band) -> tuple[np.ndarray, np.ndarray]:
        """Corners [N, 2] in the scaled and bordered image, and margins, of windows with people."""
        height, width = grey.shape
        size = (round(width * band.scale), round(height * band.scale))
        how = cv2.INTER_AREA if band.scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(grey, size, interpolation=how)
        bordered = cv2.copyMakeBorder(scaled, *[BORDER] * 4, cv2.BORDER_REPLICATE)
        top = band.first * STRIDE
        strip = bordered[top : (band.last - 1) * STRIDE + WINDOW[1]]
        margin = margins(strip, self._weights, self._bias)
        row, column = np.nonzero(margin >= self._min_margin)
        return np.stack([column * STRIDE, row * STRIDE + top], 1), margin[row, column]
