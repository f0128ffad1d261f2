"""Boxes [N, 4] (x, y, width, height in pixels): overlap, suppression, clipping."""

from __future__ import annotations

import numpy as np


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [N, 4] with boxes [M, 4]: [N, M]; 0 for empty boxes."""
    a, b = np.asarray(a, float)[:, None], np.asarray(b, float)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common
    return common / np.where(union > 0, union, 1)


def suppressed(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Non-maximum suppression: groups of rows, best group first.

    Each group starts with the row that is kept; the others overlap it by more than ``threshold``
    and follow by falling score.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    overlap = iou(boxes, boxes)
    groups = []
    while len(order):
        same = overlap[order[0], order] > threshold
        same[0] = True
        groups.append(order[same])
        order = order[~same]
    return groups


def kept(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Rows left by non-maximum suppression, best first."""
    groups = suppressed(boxes, scores, threshold)
    return np.array([group[0] for group in groups], dtype=int)


def clipped(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """The parts of the boxes that lie in the image; width and height are 0 where there is none."""
    boxes = np.asarray(boxes, np.float32)
    low = np.clip(boxes[:, :2], 0, (width, height))
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, (width, height))
    return np.concatenate([low, np.maximum(high - low, 0)], -1)


def around(points: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The smallest box around points [K, 2], grown on every side by ``margin`` of its longer side.

    No points: the empty box at 0, 0.
    """
    if not len(points):
        return np.zeros(4, np.float32)
    low, high = points.min(0), points.max(0)
    grow = margin * (high - low).max()
    return np.concatenate([low - grow, high - low + 2 * grow]).astype(np.float32)
