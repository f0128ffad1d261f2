"""How well 2D keypoints meet labelled ones: PCK and OKS."""

from __future__ import annotations

import numpy as np

# Standard deviations of the annotators' own spread a keypoint, relative to the object's scale
# (COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval).
COCO_SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float64
) / 1000  # fmt: skip


def correct(
    predicted: np.ndarray, labelled: np.ndarray, boxes: np.ndarray, threshold: float = 0.1
) -> np.ndarray:
    """[N, K] bool: the prediction lies within ``threshold`` times the longer side of the box.

    predicted, labelled: [N, K, 2] pixels; boxes: [N, 4] x, y, width, height. NaN is never right.
    """
    gap = np.linalg.norm(np.asarray(predicted, float) - labelled, axis=-1)
    return gap <= threshold * np.asarray(boxes, float)[:, 2:].max(1, keepdims=True)


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
