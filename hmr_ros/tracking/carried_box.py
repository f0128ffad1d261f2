"""Where the box around somebody is once their joints have come to be elsewhere in the picture."""

from __future__ import annotations

import numpy as np


def carried_boxes(boxes: np.ndarray, before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] (x, y, width, height) that lie about the joints ``now`` [N, J, 2] as ``boxes``
    did about the joints ``before`` (pixels).

    Joints without a pixel do not count; NaN for who has none left (behind the camera).
    """
    known = np.isfinite(before).all(-1) & np.isfinite(now).all(-1)
    (low, size), (low_now, size_now) = (_extents(p, known) for p in (before, now))
    scale = size_now / np.maximum(size, 1e-6)
    corners = low_now + (boxes[:, :2] - low) * scale
    carried = np.concatenate([corners, boxes[:, 2:] * scale], 1)
    return np.where(known.any(1)[:, None], carried, np.nan).astype(np.float32)


def _extents(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low = np.where(known[..., None], points, np.inf).min(1)
    high = np.where(known[..., None], points, -np.inf).max(1)
    some = known.any(1)[:, None]
    return np.where(some, low, 0), np.where(some, high - low, 1)
