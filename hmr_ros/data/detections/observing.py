"""The real front end on rendered pictures: slow, exact, and what the stand-in is fitted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.detections.fitting import Observed
from hmr_ros.data.detections.landmark_truth import landmark_truth
from hmr_ros.data.render.rendered import RenderedImage

MIN_HEIGHT = 48  # pixels of a person's whole silhouette
MIN_SHOWN = 0.25  # share of the silhouette that nothing hides
LOOSE = 0.03  # spread of given boxes, of their longer side
NETWORK_SIZE = 256  # side of the crop in whose pixels a crop's affine map is
WINDOW = 3  # cells on each side of a peak that its spread is taken from

# Image [H, W, 3] and boxes [N, 4] (x, y, width, height) to the front end's ``People`` with maps.
Look = Callable[[np.ndarray, np.ndarray], object]


def wanted(picture: RenderedImage) -> np.ndarray:
    """[P] bool: people large enough and seen enough to ask for."""
    return (picture.boxes[:, 3] > MIN_HEIGHT) & (picture.shown > MIN_SHOWN)


def observe(
    picture: RenderedImage, body: BodyModel, look: Look, rng: np.random.Generator
) -> Observed | None:
    """What the front end says about the wanted people of a picture, boxes given; None for nobody.

    The given boxes are those of the silhouettes, off by a few percent. Who is partly behind the
    camera is left out: a landmark there is nowhere in the picture, and no error can be told of it.
    """
    truth = landmark_truth(picture, body)
    before = np.isfinite(truth.pixels).all((1, 2))
    rows = np.flatnonzero(wanted(picture) & before)
    if not len(rows):
        return None
    boxes = picture.boxes[rows].astype(np.float64)
    boxes += rng.normal(0, LOOSE, boxes.shape) * boxes[:, 2:].max(1, keepdims=True)
    people = look(picture.image, boxes.astype(np.float32))
    peak, spread = peaks(people.heatmaps, people.crops, people.keypoints[..., :2], people.found)
    return Observed(
        **asdict(truth[rows]),
        keypoints=people.keypoints,
        found=people.found,
        peak=peak,
        spread=spread,
        image=np.tile([0.0, 0, *picture.image.shape[1::-1]], (len(rows), 1)),
    )


def peaks(
    heatmaps: np.ndarray | None, crops: np.ndarray | None, points: np.ndarray, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Height [N, K] and spread [N, K] (cells) of the heat-maps around points [N, K, 2] (pixels).

    heatmaps: [N, h, h, >= K] in 0..1. crops: [N, 2, 3], see ``People``. Zero for people not found
    and points outside of the map.
    """
    height, spread = np.zeros(points.shape[:2]), np.zeros(points.shape[:2])
    if heatmaps is None:
        return height, spread
    cells = heatmaps.shape[1]
    near = np.arange(-WINDOW, WINDOW + 1)
    for n in np.flatnonzero(found):
        back = np.linalg.inv(crops[n][:, :2].astype(np.float64))
        place = (points[n] - crops[n][:, 2]) @ back.T * (cells / NETWORK_SIZE)
        for k, (x, y) in enumerate(np.floor(place).astype(int)):
            if not (0 <= x < cells and 0 <= y < cells):
                continue
            rows, columns = np.clip(y + near, 0, cells - 1), np.clip(x + near, 0, cells - 1)
            mass = heatmaps[n, rows[:, None], columns[None], k].astype(np.float64)
            height[n, k] = mass.max()
            total = max(mass.sum(), 1e-9)
            far = near[:, None] ** 2 + near[None] ** 2
            spread[n, k] = np.sqrt((mass * far).sum() / total / 2)
    return height, spread
