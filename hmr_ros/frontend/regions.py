"""Regions [N, 4]: the rotated squares that the landmark network looks at.

One region is (x and y of the centre, side, angle): pixels of the full image, and radians by which
the person leans clockwise in the image (0: head up).
"""

from __future__ import annotations

import cv2
import numpy as np

# The networks put the centre on the mid-hip and the second point on the circle around the whole
# body; the crop is a quarter larger (MediaPipe's pose_detection_to_roi and pose_landmarks_to_roi).
MARGIN = 1.25
# A standing adult is about this much narrower than tall.
BODY_ASPECT = 0.45


def region_of_points(centre: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Regions [N, 4] from the two alignment points [N, 2], mid-hip and rim, in image pixels."""
    to_rim = np.asarray(rim, np.float64) - centre
    side = 2 * MARGIN * np.linalg.norm(to_rim, axis=-1)
    angle = np.arctan2(to_rim[..., 0], -to_rim[..., 1])
    return np.concatenate([centre, side[..., None], angle[..., None]], -1).astype(np.float32)


def region_of_box(boxes: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """Upright regions [N, 4] around the centres of tight person boxes [N, 4]."""
    boxes = np.asarray(boxes, np.float32)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    side = margin * boxes[:, 2:].max(1, keepdims=True)
    return np.concatenate([centre, side, np.zeros_like(side)], 1)


def box_of_region(regions: np.ndarray) -> np.ndarray:
    """Upright boxes [N, 4] around a slim standing body that fills its region."""
    x, y, side, angle = np.asarray(regions, np.float32).T
    height = side / MARGIN
    width = BODY_ASPECT * height
    c, s = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    w, h = c * width + s * height, s * width + c * height
    return np.stack([x - w / 2, y - h / 2, w, h], -1)


def crop_to_image(regions: np.ndarray, size: int) -> np.ndarray:
    """Affine maps [N, 2, 3] from pixels of a ``size`` x ``size`` crop to pixels of the image."""
    x, y, side, angle = np.asarray(regions, np.float64).T
    c, s = side / size * np.cos(angle), side / size * np.sin(angle)
    half = size / 2
    rows = [c, -s, x - half * (c - s), s, c, y - half * (s + c)]
    return np.stack(rows, -1).reshape(-1, 2, 3).astype(np.float32)


def crop(image: np.ndarray, to_image: np.ndarray, size: int) -> np.ndarray:
    """The crop [size, size, 3] uint8 under one affine map; black outside the image."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, to_image, (size, size), flags=flags)
