"""What callers may hand in."""

from __future__ import annotations

import numpy as np


def check_image(image: np.ndarray) -> None:
    """Raises ValueError unless ``image`` is [H, W, 3] uint8."""
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image is a {type(image).__name__}, expected a numpy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"image is {image.dtype} {list(image.shape)}, expected uint8 [height, width, 3] in BGR "
            "order (convert grey images with cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))"
        )


def checked_boxes(boxes: np.ndarray) -> np.ndarray:
    """``boxes`` as float32 [N, 4]. Raises ValueError for another shape or for no numbers."""
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.zeros((0, 4), np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"boxes are {boxes.dtype} {list(boxes.shape)}, expected numbers [N, 4]: "
            "x, y, width, height in pixels"
        )
    return np.nan_to_num(boxes.astype(np.float32), nan=0, posinf=0, neginf=0)
