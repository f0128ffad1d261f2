"""What is seen where nothing stands: photographs, a sky, or coloured noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.geometry.camera import Camera


@lru_cache(maxsize=96)
def photo(path: str | Path) -> np.ndarray:
    """[h, w, 3] uint8 BGR, read only; the last 96 are kept.

    Raises ValueError for a file that is not a picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: cannot be read as a picture; remove it from the folder")
    largest = max(image.shape[:2])
    if largest > 1280:  # finer than any picture drawn before it
        size = (image.shape[1] * 1280 // largest, image.shape[0] * 1280 // largest)
        image = cv2.resize(image, (max(1, size[0]), max(1, size[1])), interpolation=cv2.INTER_AREA)
    image.setflags(write=False)
    return image


@lru_cache(maxsize=96)
def thumbnail(path: str | Path) -> np.ndarray:
    """A photo of 160 to 319 pixels along its longer side, read only."""
    image = photo(path)
    step = max(1, max(image.shape[:2]) // 160)
    small = np.ascontiguousarray(image[::step, ::step])
    small.setflags(write=False)
    return small


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A picture behind a full camera of ``width`` x ``height`` pixels.

    image: [h, w, 3] uint8 BGR. left, top, scale: pixel x of the camera is column
    ``left + scale * (x + 0.5) - 0.5`` of the picture, or, mirrored, that from its right end.
    """

    image: np.ndarray
    left: float
    top: float
    scale: tuple[float, float]
    mirrored: bool
    camera: Camera

    def drawn(self, camera: Camera) -> np.ndarray:
        """[H, W, 3] uint8 as ``camera`` sees it, a crop of the full one; border pixels repeat."""
        full = self.camera
        zoom = (full.fx / camera.fx, full.fy / camera.fy)
        # From a pixel of the crop to one of the full camera, to one of the picture.
        sx, sy = self.scale[0] * zoom[0], self.scale[1] * zoom[1]
        x0 = self.scale[0] * (full.cx - zoom[0] * camera.cx + 0.5) + self.left - 0.5
        y0 = self.scale[1] * (full.cy - zoom[1] * camera.cy + 0.5) + self.top - 0.5
        image = self.image
        if self.mirrored:
            sx, x0 = -sx, image.shape[1] - 1 - x0
        shrink = int(min(abs(sx), abs(sy)))
        if shrink >= 2:  # average before picking, or fine detail flickers
            h, w = image.shape[0] // shrink, image.shape[1] // shrink
            image = cv2.resize(
                image[: h * shrink, : w * shrink], (w, h), interpolation=cv2.INTER_AREA
            )
            x0, y0 = (x0 + 0.5) / shrink - 0.5, (y0 + 0.5) / shrink - 0.5
            sx, sy = sx / shrink, sy / shrink
        return resampled(image, (x0, y0), (sx, sy), camera.width, camera.height)


def resampled(
    image: np.ndarray,
    start: tuple[float, float],
    step: tuple[float, float],
    width: int,
    height: int,
) -> np.ndarray:
    """[height, width, 3] uint8, linear between pixels: pixel (x, y) is the picture at column
    ``start[0] + step[0] * x`` and row ``start[1] + step[1] * y``; border pixels repeat."""
    out = np.empty((height, width, 3), np.uint8)
    _resample(image, *start, *step, out)
    return out


@reproducible
def _resample(image, x0, y0, sx, sy, out):
    height, width = image.shape[:2]
    left = np.empty(out.shape[1], np.int64)
    right = np.empty(out.shape[1], np.int64)
    share = np.empty(out.shape[1], np.int32)  # in 1/256
    for x in range(out.shape[1]):
        at = min(max(x0 + sx * x, 0.0), width - 1.0)
        left[x] = int(at)
        right[x] = min(left[x] + 1, width - 1)
        share[x] = np.int32(256 * (at - left[x]))
    first, last = min(left[0], left[-1]), max(right[0], right[-1])
    line = np.empty((last + 1 - first, 3), np.int32)  # between two rows of the picture
    for x in range(out.shape[1]):
        left[x] -= first
        right[x] -= first
    done, before = -1, -1
    for y in range(out.shape[0]):
        at = min(max(y0 + sy * y, 0.0), height - 1.0)
        top = int(at)
        low = min(top + 1, height - 1)
        down = np.int32(256 * (at - top))
        up = np.int32(256) - down
        if top != done or down != before:
            done, before = top, down
            for k in range(len(line)):
                for c in range(3):
                    one, two = image[top, first + k, c], image[low, first + k, c]
                    line[k, c] = np.int32(one) * up + np.int32(two) * down
        if width == 1:  # a sky: all of the row is alike
            for c in range(3):
                out[y, 0, c] = (line[0, c] * np.int32(256) + np.int32(32768)) >> np.int32(16)
            for x in range(1, out.shape[1]):
                for c in range(3):
                    out[y, x, c] = out[y, 0, c]
            continue
        for x in range(out.shape[1]):
            a, b, w = np.uintp(left[x]), np.uintp(right[x]), share[x]
            for c in range(3):
                mixed = line[a, c] * (np.int32(256) - w) + line[b, c] * w
                out[y, x, c] = (mixed + np.int32(32768)) >> np.int32(16)


def photo_backdrop(rng: np.random.Generator, camera: Camera, photos: tuple[Path, ...]) -> Backdrop:
    """A part of a photograph in the camera's shape, mirrored half of the time."""
    image = photo(photos[rng.integers(len(photos))])
    height, width = image.shape[:2]
    across = min(width, height * camera.width / camera.height) * rng.uniform(0.6, 1)
    scale = across / camera.width
    left = rng.uniform(0, max(width - across, 0))
    top = rng.uniform(0, max(height - scale * camera.height, 0))
    return Backdrop(image, left, top, (scale, scale), bool(rng.random() < 0.5), camera)


def noise_backdrop(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """Coloured clouds of four sizes."""
    size = 64
    total = np.zeros((size, size, 3))
    for cells, strength in ((2, 0.5), (5, 0.3), (13, 0.15), (60, 0.08)):
        coarse = rng.random((cells, cells, 3))
        total += strength * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)
    image = (255 * np.clip(total * rng.uniform(0.5, 1.0), 0, 1)).astype(np.uint8)
    return _stretched(image, camera)


def sky_backdrop(rng: np.random.Generator, camera: Camera, horizon: float) -> Backdrop:
    """From a pale horizon (at row ``horizon`` of the camera) up to a deeper blue or grey."""
    rows = np.linspace(0, 1, 64)
    top = np.array([rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.75), rng.uniform(0.3, 0.65)])
    if rng.random() < 0.4:  # overcast
        top = np.full(3, rng.uniform(0.6, 0.85))
    low = np.clip(top + rng.uniform(0.05, 0.35), 0, 0.97)
    level = np.clip(horizon / camera.height, 0.05, 1.5)
    mix = np.clip(rows / level, 0, 1)[:, None, None] ** 1.5
    image = top + (low - top) * mix
    return _stretched((255 * image).astype(np.uint8), camera)


def _stretched(image: np.ndarray, camera: Camera) -> Backdrop:
    scale = (image.shape[1] / camera.width, image.shape[0] / camera.height)
    return Backdrop(image, 0.0, 0.0, scale, False, camera)
