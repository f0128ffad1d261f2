"""Skeletons and labels as lines, dots and text."""

from __future__ import annotations

import cv2
import numpy as np

VISIBLE = 0.5  # least probability at which a joint is drawn as seen
_FRACTION_BITS = 4  # OpenCV's fixed-point sub-pixel coordinates


def draw_skeleton(
    image: np.ndarray,
    joints_2d: np.ndarray,
    visibility: np.ndarray,
    parents: np.ndarray,
    colour: tuple[int, int, int],
    size: float,
) -> None:
    """Bones and joints of one body, in place.

    joints_2d: [24, 2] pixels, NaN where a joint has none. visibility: [24] in [0, 1]; joints below
    ``VISIBLE`` are hollow and bones to them thin. size: height of the person in pixels.
    """
    seen = visibility >= VISIBLE
    width = max(1, round(size / 160))
    radius = max(2, round(size / 90))
    fixed, drawable = _fixed_point(joints_2d, image.shape)
    for joint, parent in enumerate(parents):
        if parent >= 0 and drawable[joint] and drawable[parent]:
            thick = width if seen[joint] and seen[parent] else 1
            cv2.line(
                image, fixed[parent], fixed[joint], (250, 250, 250), thick, cv2.LINE_AA,
                _FRACTION_BITS,
            )  # fmt: skip
    for joint in range(len(parents)):
        if not drawable[joint]:
            continue
        circle = (image, fixed[joint], radius << _FRACTION_BITS)
        if seen[joint]:
            cv2.circle(*circle, (250, 250, 250), cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)
        cv2.circle(*circle, colour, 1, cv2.LINE_AA, _FRACTION_BITS)


def draw_label(
    image: np.ndarray, text: str, at: tuple[float, float], colour: tuple[int, int, int]
) -> None:
    """``text`` on a filled box whose lower edge is centred on ``at``, kept inside the image."""
    height, width = image.shape[:2]
    scale = 0.38 if width < 1000 else 0.38 * width / 1000
    (w, h), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = round(np.clip(at[0] - w / 2, 2, max(2, width - w - 2)))
    y = round(np.clip(at[1] - base, h + 3, max(h + 3, height - base - 1)))
    cv2.rectangle(image, (x - 2, y - h - 3), (x + w + 1, y + base), colour, cv2.FILLED)
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] > 128
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)


def _fixed_point(points: np.ndarray, shape: tuple[int, ...]) -> tuple[list, np.ndarray]:
    """Pixels as OpenCV's sub-pixel integers, and which of them can be drawn at all."""
    far = 4 * max(shape[:2])  # beyond it the fixed-point numbers would overflow
    drawable = np.isfinite(points).all(-1) & (np.abs(np.nan_to_num(points)) < far).all(-1)
    scaled = np.round(np.where(drawable[:, None], points, 0) * (1 << _FRACTION_BITS))
    return [tuple(p) for p in scaled.astype(int).tolist()], drawable
