"""Depth images: decoding, and finding the one that belongs to a colour image."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from hmr_ros.node.image_decoding import ImageError, check_size, rows

KEPT = 6  # depth images that wait for their colour image


def decode_depth(message, max_pixels: int) -> np.ndarray:
    """[H, W] float32 metres of a ``sensor_msgs/Image`` in 16UC1 (millimetres) or 32FC1 (REP-118).

    Raises ImageError.
    """
    kinds = {"16UC1": (2, "u2", 1e-3), "mono16": (2, "u2", 1e-3), "32FC1": (4, "f4", 1.0)}
    if message.encoding not in kinds:
        raise ImageError(
            f"depth.encoding {message.encoding!r}: expected 16UC1 (mm) or 32FC1 (m); remap 'depth' "
            "to a registered depth image"
        )
    size, kind, unit = kinds[message.encoding]
    check_size(message, max_pixels, "depth")
    pixels = np.ascontiguousarray(rows(message, size, name="depth"))
    values = pixels.view((">" if message.is_bigendian else "<") + kind)
    return values.astype(np.float32) * np.float32(unit) if unit != 1 else values.astype(np.float32)


class DepthBuffer:
    """The latest depth messages, still encoded; one thread adds while another looks up."""

    def __init__(self) -> None:
        self._messages: deque = deque(maxlen=KEPT)

    def add(self, message) -> None:
        self._messages.append(message)

    def clear(self) -> None:
        self._messages.clear()

    def nearest(
        self, stamp_ns: int, tolerance_s: float, size: tuple[int, int], max_pixels: int
    ) -> np.ndarray | None:
        """Depth [H, W] in metres for the colour image of ``size`` (width, height), or None.

        None if no message is within ``tolerance_s`` of ``stamp_ns``. A registered depth image of
        the same view at another resolution is resampled without mixing neighbours.

        Raises ImageError.
        """
        candidates = list(self._messages)
        gap = [abs(_nanoseconds(m.header.stamp) - stamp_ns) for m in candidates]
        if not gap or min(gap) > tolerance_s * 1e9:
            return None
        message = candidates[int(np.argmin(gap))]
        depth = decode_depth(message, max_pixels)
        height, width = depth.shape
        if (width, height) == size:
            return depth
        if abs(width * size[1] / (height * size[0]) - 1) > 0.02:
            raise ImageError(
                f"depth is {width}x{height}, the image {size[0]}x{size[1]}: another shape, so it "
                "is not registered to the image; remap 'depth' to the registered topic"
            )
        return cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)


def _nanoseconds(stamp) -> int:
    return stamp.sec * 1_000_000_000 + stamp.nanosec
