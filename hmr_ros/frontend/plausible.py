"""Which answers of the landmark network are people, and which are the same person twice."""

from __future__ import annotations

import numpy as np

from hmr_ros.frontend.landmarks import Landmarks

# Two answers are one person below this distance between their landmarks, weighted by confidence and
# relative to the longer side of the smaller box. On the videos looked at, the same person twice
# stays below 0.15 and two people in each other's way above 0.16.
SAME_DISTANCE = 0.155
# The next region of a person is about as large as the one it was found in, and close to it.
SCALE_RANGE = (0.5, 2.0)
MAX_SHIFT = 0.35
# Mean peak of the heat-maps. On photographs without people 95 % of what the detectors propose stays
# below 0.5, with people 95 % of the true ones lie above 0.45; who is known already may be half
# covered.
NEW_PEAK = 0.45
KNOWN_PEAK = 0.38


def plausible(seen: Landmarks, regions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[N] bool: the landmarks describe a body, of the size and at the place that was looked at.

    regions: [N, 4] that were looked at; known: [N] bool, a person of the image before.
    """
    clear = seen.peaks >= np.where(known, KNOWN_PEAK, NEW_PEAK)
    scale = seen.next_regions[:, 2] / regions[:, 2]
    shift = np.linalg.norm(seen.next_regions[:, :2] - regions[:, :2], axis=-1) / regions[:, 2]
    return clear & (scale > SCALE_RANGE[0]) & (scale < SCALE_RANGE[1]) & (shift < MAX_SHIFT)


def repeated(seen: Landmarks, boxes: np.ndarray) -> np.ndarray:
    """[N] bool: the same person as an earlier row."""
    confidence = seen.visibility * seen.presence
    weights = np.minimum(confidence[:, None], confidence[None]) + 1e-6
    gaps = np.linalg.norm(seen.points[:, None] - seen.points[None], axis=-1)
    gap = (gaps * weights).sum(-1) / weights.sum(-1)
    size = boxes[:, 2:].max(-1)
    same = gap < SAME_DISTANCE * np.minimum(size[:, None], size[None])
    again = np.zeros(len(boxes), bool)
    for row in range(1, len(boxes)):
        again[row] = (same[row, :row] & ~again[:row]).any()
    return again
