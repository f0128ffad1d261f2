"""Fitting an image of any shape into a network's input without stretching it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Letterbox:
    """Where the image lies in the canvas: canvas = scale * image + (x, y)."""

    scale: float
    x: int
    y: int

    def points(self, canvas: np.ndarray) -> np.ndarray:
        """Canvas pixels [..., 2] to image pixels."""
        return ((canvas - np.array([self.x, self.y])) / self.scale).astype(np.float32)

    def boxes(self, canvas: np.ndarray) -> np.ndarray:
        """Boxes [N, 4] (x, y, width, height) of the canvas to the image."""
        size = (canvas[:, 2:] / self.scale).astype(np.float32)
        return np.concatenate([self.points(canvas[:, :2]), size], -1)


def letterboxed(
    image: np.ndarray, width: int, height: int, border: int = 0
) -> tuple[np.ndarray, Letterbox]:
    """``image`` [H, W, 3] uint8 scaled to fit a ``width`` x ``height`` canvas, in its middle."""
    scale = min(width / image.shape[1], height / image.shape[0])
    w = min(width, max(1, round(image.shape[1] * scale)))
    h = min(height, max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.full((height, width, 3), border, np.uint8)
    x, y = (width - w) // 2, (height - h) // 2
    canvas[y : y + h, x : x + w] = cv2.resize(image, (w, h), interpolation=how)
    return canvas, Letterbox(scale, x, y)
