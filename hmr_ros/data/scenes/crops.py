"""Square pictures around one person, cut out of a robot's view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.projection import projected
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.backdrops import resampled
from hmr_ros.data.scenes.scene import Scene
from hmr_ros.geometry.camera import Camera


def crop_camera(camera: Camera, box: np.ndarray, size: int) -> Camera:
    """The camera whose ``size`` x ``size`` image is the square ``box`` of another's image.

    box: left, top, side in pixels; the outer edge of the top left pixel is (-0.5, -0.5). The lens
    is the same, so a place in the crop and the same place in the full image have the same ray.
    """
    left, top, side = (float(v) for v in box)
    scale = size / side
    return replace(
        camera,
        width=size,
        height=size,
        fx=camera.fx * scale,
        fy=camera.fy * scale,
        cx=(camera.cx - left) * scale - 0.5,
        cy=(camera.cy - top) * scale - 0.5,
    )


def crop_window(
    camera: Camera, box: np.ndarray, size: int
) -> tuple[float, float, float, float] | None:
    """Edges (left, top, right, bottom) of the full image in pixels of the crop, outer edges of its
    pixels; None if the crop lies within it."""
    left, top, side = (float(v) for v in box)
    scale = size / side
    window = (
        (-0.5 - left) * scale - 0.5,
        (-0.5 - top) * scale - 0.5,
        (camera.width - 0.5 - left) * scale - 0.5,
        (camera.height - 0.5 - top) * scale - 0.5,
    )
    inside = window[0] <= -0.5 and window[1] <= -0.5
    inside = inside and window[2] >= size - 0.5 and window[3] >= size - 0.5
    return None if inside else window


def crop_of(scene: Scene, box: np.ndarray, size: int) -> Scene:
    """The same scene seen through a square window.

    box: left, top, side in pixels of ``scene``'s camera, possibly over its border. The background
    is resampled.
    """
    full = scene.view.camera
    camera = crop_camera(full, box, size)
    scale = full.fx / camera.fx
    x, y = full.cx - scale * camera.cx, full.cy - scale * camera.cy
    image = resampled(scene.background, (x, y), (scale, scale), size, size)
    return replace(
        scene,
        view=replace(scene.view, camera=camera),
        background=image,
        window=crop_window(full, box, size),
    )


@reproducible
def _extent(pixels):
    """Least and greatest x and y, but for what a lens folds back (NaN)."""
    low, high = np.full(2, np.nan), np.full(2, np.nan)
    for n in range(len(pixels)):
        for a in range(2):
            at = pixels[n, a]
            if not at >= low[a]:
                low[a] = low[a] if np.isnan(at) else at
            if not at <= high[a]:
                high[a] = high[a] if np.isnan(at) else at
    return low, high


def person_box(
    rng: np.random.Generator, camera: Camera, points: np.ndarray, scale: tuple[float, float]
) -> np.ndarray | None:
    """Left, top, side of a jittered square around the part of a person that is in the image.

    points: [N, 3] of the skin, optical frame. scale: of the box's longer side. None if the person
    is outside, or hardly inside.
    """
    front = points[points[:, 2] > 0.1]
    if len(front) < 8:
        return None
    pixels = projected(front, camera)
    low, high = _extent(pixels)
    size = np.array([camera.width, camera.height])
    # A detector frames what it sees, and guesses a little beyond the border.
    over = rng.uniform(0.0, 0.25)
    reach = over * (high - low)
    low = np.maximum(low, np.minimum(-0.5, -reach))
    high = np.minimum(high, np.maximum(size - 0.5, size + reach))
    shown = np.minimum(high, size) - np.maximum(low, 0)
    if not (shown.min() >= 12 and shown.max() >= 40):
        return None
    side = (high - low).max() * rng.uniform(*scale)
    middle = (low + high) / 2 + rng.normal(0, 0.04, 2) * side
    return rounded([*(middle - side / 2), side], 16)
