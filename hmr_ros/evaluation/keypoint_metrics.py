"""How well 2D keypoints meet labelled ones: PCK, OKS and AP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Standard deviations of the annotators' own spread a keypoint, relative to the object's scale
# (COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval).
COCO_SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float64
) / 1000  # fmt: skip

AP_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)

THRESHOLD = 0.1  # of PCK: share of the longer side of the box
NEAREST = 0.1  # metres ahead of the camera


def correct(
    predicted: np.ndarray, labelled: np.ndarray, boxes: np.ndarray, threshold: float = THRESHOLD
) -> np.ndarray:
    """[N, K] bool: the prediction lies within ``threshold`` times the longer side of the box.

    predicted, labelled: [N, K, 2] pixels; boxes: [N, 4] x, y, width, height. NaN is never right.
    """
    gap = np.linalg.norm(np.asarray(predicted, float) - labelled, axis=-1)
    return gap <= threshold * np.asarray(boxes, float)[:, 2:].max(1, keepdims=True)


def image_errors(guess: np.ndarray, true: np.ndarray) -> np.ndarray:
    """[N, J] distances in the image between guessed and true joints [N, J, 3] (camera frame,
    metres), as shares of the longer side of the true joints' box.

    Both are seen by an ideal camera, so no distortion is needed. A guess less than a tenth of a
    metre ahead counts as that far; true joints must be ahead of the camera.
    """
    seen, meant = (j[..., :2] / np.maximum(j[..., 2:], NEAREST) for j in (guess, true))
    side = np.ptp(meant, axis=1).max(1, keepdims=True)
    return np.linalg.norm(seen - meant, axis=-1) / side


def correct_by_head(
    predicted: np.ndarray, labelled: np.ndarray, heads: np.ndarray, threshold: float = 0.5
) -> np.ndarray:
    """[N, K] bool as ``correct``, but within ``threshold`` times the head size [N] (PCKh).

    MPII (Andriluka et al. 2014) takes 0.6 of the diagonal of the head's box as its size, pixels.
    """
    gap = np.linalg.norm(np.asarray(predicted, float) - labelled, axis=-1)
    return gap <= threshold * np.asarray(heads, float)[:, None]


def pck(right: np.ndarray, counted: np.ndarray) -> float:
    """Percentage of correct keypoints as a fraction: mean of ``right`` [N, K] where ``counted``.

    NaN if nothing is counted.
    """
    return float(right[counted].mean()) if counted.any() else float("nan")


def oks(
    predicted: np.ndarray, labelled: np.ndarray, counted: np.ndarray, areas: np.ndarray
) -> np.ndarray:
    """[N] object keypoint similarity of COCO's 17 keypoints; NaN for people without a label.

    predicted, labelled: [N, 17, 2] pixels; counted: [N, 17] bool; areas: [N] square pixels.
    """
    gap2 = ((np.asarray(predicted, float) - labelled) ** 2).sum(-1)
    spread2 = (2 * COCO_SIGMAS) ** 2 * np.asarray(areas, float)[:, None]
    likeness = np.nan_to_num(np.exp(-gap2 / (2 * spread2)))
    number = counted.sum(1)
    return (likeness * counted).sum(1) / np.where(number, number, np.nan)


def oks_matrix(
    predicted: np.ndarray, labelled: np.ndarray, counted: np.ndarray, areas: np.ndarray
) -> np.ndarray:
    """[D, G] ``oks`` of every detected person [D, 17, 2] with every labelled one [G, 17, 2]."""
    detected, people = len(predicted), len(labelled)
    similarity = oks(
        np.repeat(np.asarray(predicted, float), people, 0),
        np.tile(labelled, (detected, 1, 1)),
        np.tile(counted, (detected, 1)),
        np.tile(areas, detected),
    )
    return similarity.reshape(detected, people)


def average_precision(
    images: Sequence[tuple[np.ndarray, np.ndarray]], thresholds: np.ndarray = AP_THRESHOLDS
) -> np.ndarray:
    """AP [T] at each OKS threshold; COCO's AP is their mean. NaN without labelled people.

    images: for each, ``oks_matrix`` [D, G] and the scores [D] of its detections. People without a
    labelled keypoint (NaN columns) must be left out before, with the detections on them: COCO's
    areas of interest and crowds are not covered. In the order of the scores, each detection takes
    the most alike person who is still free; precision is made to fall and is read at 101 recalls.
    """
    people = sum(matrix.shape[1] for matrix, _ in images)
    if not people:
        return np.full(len(thresholds), np.nan)
    scores, right = [np.zeros(0)], [np.zeros((len(thresholds), 0), bool)]
    for matrix, image_scores in images:
        order = np.argsort(-np.asarray(image_scores, float), kind="stable")
        scores.append(np.asarray(image_scores, float)[order])
        right.append(_taken(np.asarray(matrix, float)[order], thresholds))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.concatenate(right, 1)[:, order]
    hits = right.cumsum(1)
    precision = hits / np.arange(1, right.shape[1] + 1)
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    found = []
    for recall, falling in zip(hits / people, precision, strict=True):
        at = np.searchsorted(recall, _RECALLS, side="left")
        found.append(np.append(falling, 0)[at].mean())
    return np.array(found)


def _taken(matrix: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """[T, D] bool: detection (row of [D, G], best first) takes a free person."""
    right = np.zeros((len(thresholds), len(matrix)), bool)
    if not matrix.shape[1]:
        return right
    for number, threshold in enumerate(thresholds):
        free = matrix.copy()
        for row in range(len(matrix)):
            best = int(np.argmax(free[row]))
            if free[row, best] >= threshold:
                right[number, row] = True
                free[:, best] = -1
    return right
