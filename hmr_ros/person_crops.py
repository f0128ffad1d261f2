"""What an image network sees of a person: the crop, the evidence in it, and its place in space.

Crops and their view frames: ``hmr_ros.crop_views``. Of a person whom BlazePose looked at and did
not find there are no keypoints, but what it saw still counts: it says more than the box alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.crop_views import SIDE, in_view, squares, views
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import KEYPOINT_SETS, People

# Cells a side of the maps, and of the grid of rays.
CELLS = 32
GRID = 16
LANDMARKS = 33
# Channels and cells a side of the landmark network's features, and what their byte 255 stands for.
FEATURES = (288, 4, 4)
BRIGHTEST = 6.0
# World landmarks further from the hips than this (metres) are a failure of the network.
WORLD_REACH = 3.0
# Names of what a network takes, in its order.
INPUTS = (
    "image",
    "heatmaps",
    "mask",
    "features",
    "keypoints",
    "world",
    "rays",
    "scale",
    "box",
    "view",
)
BYTES = ("image", "heatmaps", "mask", "features")

# Which of BlazePose's landmarks a keypoint set fills.
FILLED = {
    "blazepose33": np.arange(33),
    "coco17": np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]),
}


@dataclass(frozen=True)
class PersonCrops(EqualLength):
    """N people as a network sees them; S = 256 or a fraction of it.

    image:     [N, 3, S, S] uint8 RGB, black outside the picture.
    heatmaps:  [N, 33, 32, 32] uint8, BlazePose's heat-maps (255: certain), the greatest of each
               2 x 2 cells; zeros if it did not look.
    mask:      [N, 1, 32, 32] uint8, BlazePose's person mask (255: certain), means; zeros if it did
               not look.
    features:  [N, 288, 4, 4] uint8, what BlazePose's network sees in the cells of the crop (255:
               6); zeros if it did not look.
    keypoints: [N, 33, 3] float32, x and y in ray coordinates of the view frame over ``scale``, and
               confidence in [0, 1]. Confidence 0 is missing, as of people who were not found: x and
               y are then 0.
    world:     [N, 33, 3] float32 metres, BlazePose's own guess of its landmarks in space about the
               middle of the hips, view frame; zeros if it did not look.
    rays:      [N, 2, 16, 16] float32, x and y of the rays through the centres of a 16 x 16 grid of
               cells of the crop, view frame, over ``scale``; lens distortion removed.
    scale:     [N] float32, half the crop's side as a tangent at its centre, view frame.
    box:       [N, 4] float32, left, top, right and bottom of the person's box, view frame, over
               ``scale``: what the middles of its edges span.
    view:      [N, 3, 3] float32, rotation from the camera's optical frame to the view frame.
    """

    image: np.ndarray
    heatmaps: np.ndarray
    mask: np.ndarray
    features: np.ndarray
    keypoints: np.ndarray
    world: np.ndarray
    rays: np.ndarray
    scale: np.ndarray
    box: np.ndarray
    view: np.ndarray

    def inputs(self, names: Collection[str] = INPUTS) -> dict[str, np.ndarray]:
        """What a network takes: all float32, bytes as 0..1, in the order ``INPUTS``."""
        values = {name: getattr(self, name) for name in INPUTS if name in names}
        return {
            name: np.divide(value, 255, dtype=np.float32) if name in BYTES else value
            for name, value in values.items()
        }


def crops_of(
    image: np.ndarray,
    people: People,
    camera: Camera,
    size: int = SIDE,
    pictured: bool = True,
) -> PersonCrops:
    """What a network sees of ``people`` in ``image`` [H, W, 3] uint8 BGR of ``camera``.

    pictured: False for a network that reads no picture; it is then black and costs nothing.
    Without ``people.heatmaps`` and ``people.masks`` the maps are zeros, and so are the features and
    world landmarks without those. Raises ValueError for a
    ``size`` that does not divide 256, and for a keypoint set that has no place among BlazePose's.
    """
    if size < 1 or SIDE % size:
        raise ValueError(f"size is {size}, expected a divisor of {SIDE}, such as 256 or 128")
    if people.keypoint_set not in FILLED:
        known = ", ".join(FILLED)
        raise ValueError(f"keypoint_set {people.keypoint_set!r} has no crops, only {known}")
    to_image, looked = squares(people)
    view, scale = views(to_image, camera)
    n, k = len(people), KEYPOINT_SETS[people.keypoint_set]
    edges = _edge_middles(people.boxes.astype(np.float64))
    pixels = np.concatenate([people.keypoints[..., :2], _grid(to_image), edges], 1)
    places, ahead = in_view(pixels, camera, view, scale)
    confidence = np.clip(np.nan_to_num(people.keypoints[..., 2]), 0, 1)
    confidence = confidence * people.found[:, None] * ahead[:, :k]
    keypoints = np.zeros((n, LANDMARKS, 3))
    keypoints[:, FILLED[people.keypoint_set], :2] = places[:, :k] * (confidence > 0)[..., None]
    keypoints[:, FILLED[people.keypoint_set], 2] = confidence
    grid, middles = places[:, k : k + GRID * GRID], places[:, k + GRID * GRID :]
    return PersonCrops(
        image=_pictures(image, to_image, size)
        if pictured
        else np.zeros((n, 3, size, size), np.uint8),
        heatmaps=_heatmaps(people.heatmaps, looked),
        mask=_masks(people.masks, looked),
        features=_features(people.features, looked),
        keypoints=keypoints.astype(np.float32),
        world=_world(people.world, looked),
        rays=grid.transpose(0, 2, 1).reshape(n, 2, GRID, GRID).astype(np.float32),
        scale=scale.astype(np.float32),
        box=np.concatenate([middles.min(1), middles.max(1)], 1).astype(np.float32),
        view=view.astype(np.float32),
    )


def _grid(to_image: np.ndarray) -> np.ndarray:
    """Pixels [N, 256, 2] of the image at the centres of the crop's cells, row by row."""
    at = (np.arange(GRID) + 0.5) * (SIDE / GRID) - 0.5
    cells = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    return cells @ to_image[:, :, :2].transpose(0, 2, 1) + to_image[:, None, :, 2]


def _edge_middles(boxes: np.ndarray) -> np.ndarray:
    """[N, 4, 2] of boxes x, y, width, height."""
    at = np.array([[0, 0.5], [1, 0.5], [0.5, 0], [0.5, 1]])
    return boxes[:, None, :2] + boxes[:, None, 2:] * at


def _pictures(image: np.ndarray, to_image: np.ndarray, size: int) -> np.ndarray:
    """[N, 3, size, size] uint8 RGB. Smaller ones are means of the landmark network's own crop."""
    out = np.empty((len(to_image), 3, size, size), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for picture, affine in zip(out, to_image, strict=True):
        crop = cv2.warpAffine(image, affine, (SIDE, SIDE), flags=flags)
        if size != SIDE:
            crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        picture[:] = cv2.split(crop)[::-1]
    return out


def _heatmaps(maps: np.ndarray | None, looked: np.ndarray) -> np.ndarray:
    out = np.zeros((len(looked), LANDMARKS, CELLS, CELLS), np.uint8)
    for n in np.flatnonzero(looked) if maps is not None else ():
        cells = maps[n].shape[0] // CELLS
        rows = maps[n].reshape(CELLS, cells, -1).max(1)
        peaks = rows.reshape(CELLS, CELLS, cells, -1).max(2)[..., :LANDMARKS]
        out[n] = _bytes(peaks).transpose(2, 0, 1)
    return out


def _masks(masks: np.ndarray | None, looked: np.ndarray) -> np.ndarray:
    out = np.zeros((len(looked), 1, CELLS, CELLS), np.uint8)
    for n in np.flatnonzero(looked) if masks is not None else ():
        out[n, 0] = _bytes(cv2.resize(masks[n], (CELLS, CELLS), interpolation=cv2.INTER_AREA))
    return out


def _features(features: np.ndarray | None, looked: np.ndarray) -> np.ndarray:
    if features is None:
        return np.zeros((len(looked), *FEATURES), np.uint8)
    seen = _bytes(features / BRIGHTEST) * looked[:, None, None, None]
    return np.ascontiguousarray(seen.transpose(0, 3, 1, 2))


def _world(world: np.ndarray | None, looked: np.ndarray) -> np.ndarray:
    if world is None:
        return np.zeros((len(looked), LANDMARKS, 3), np.float32)
    near = np.clip(np.nan_to_num(world), -WORLD_REACH, WORLD_REACH)
    return (near * looked[:, None, None]).astype(np.float32)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
