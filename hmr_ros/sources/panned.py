"""A photograph made into a video: a window that pans and zooms over it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from hmr_ros.sources.source import Picture, Source

RATE_HZ = 10.0
PERIOD_S = 12.0


def panned_source(
    photo: np.ndarray, where: str, size: tuple[int, int] = (768, 576), seconds: float = 60.0
) -> Source:
    """``photo`` [H, W, 3] BGR seen through a slowly moving window, ``size`` = width, height.

    Every picture is a real view of the photograph: nothing is added to it, borders are its own
    edge colours.
    """
    count = round(seconds * RATE_HZ)

    def read() -> Iterator[Picture]:
        for i in range(count):
            yield Picture(_window(photo, size, i / RATE_HZ), i / RATE_HZ, f"{where}#{i}")

    return Source(where, "panned photo", read, count, RATE_HZ)


def _window(photo: np.ndarray, size: tuple[int, int], t: float) -> np.ndarray:
    height, width = photo.shape[:2]
    phase = 2 * math.pi * t / PERIOD_S
    zoom = min(size[0] / width, size[1] / height) * (1.15 + 0.15 * math.sin(phase))
    centre = (
        width * (0.5 + 0.08 * math.sin(phase / 2)),
        height * (0.5 + 0.04 * math.cos(phase)),
    )
    shift = (size[0] / 2 - zoom * centre[0], size[1] / 2 - zoom * centre[1])
    affine = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    return cv2.warpAffine(
        photo, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
