"""BlazePose's landmark network: 33 keypoints of the person in each region."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import cv2
import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.frontend.carrier import model_path
from hmr_ros.frontend.interpreter import TfliteNetwork
from hmr_ros.frontend.regions import crop, crop_to_image, region_of_points

SIZE = 256
HEATMAP = 64
POINTS = 33
# Points 33 and 34 of the network's 39 are the mid-hip and rim that align the next crop.
ALIGNMENT = (33, 34)
# Landmarks, flag and heat-maps: what keypoints are made of.
OUTPUTS = ((1, 195), (1, 1), (1, HEATMAP, HEATMAP, 39))
# The last features that still know places, before the layers that only tell the landmarks. They are
# results of ReLU6, so within 0..6.
FEATURES = (4, 4, 288)
# Further answers by the name of their field. The mask takes two fifths of the network's time.
FURTHER = {"masks": (1, SIZE, SIZE, 1), "world": (1, 117), "features": (1, *FEATURES)}
KERNEL = 7
# Heat-maps whose peak is below this say nothing about the place (default of MediaPipe's
# RefineLandmarksFromHeatmapCalculator).
MIN_PEAK = 0.5


@dataclass(frozen=True)
class Landmarks(EqualLength):
    """Answers for N regions.

    points:       [N, 33, 2] float32 pixels of the full image.
    visibility:   [N, 33] float32, probability of being seen (in the image and not covered).
    presence:     [N, 33] float32, probability of lying inside the crop.
    flags:        [N] float32, the network's own probability that the region shows a person.
    peaks:        [N] float32 in [0, 1], mean height of the 33 heat-maps' peaks. Far better than
                  ``flags`` at telling a person from a thing shaped like one.
    next_regions: [N, 4] float32, where to look for the same person in the next image.
    crops:        [N, 2, 3] float32, affine maps from pixels of the 256 x 256 crop to the image.
    heatmaps:     [N, 64, 64, 39] float32 in [0, 1] or None.
    masks:        [N, 256, 256] float32 in [0, 1] or None.
    world:        [N, 33, 3] float32 metres about the middle of the hips, x and y along the crop's
                  sides, z away from the camera, or None.
    features:     [N, 4, 4, 288] float32 in [0, 6], the network's own of the crop, or None.
    """

    points: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    flags: np.ndarray
    peaks: np.ndarray
    next_regions: np.ndarray
    crops: np.ndarray
    heatmaps: np.ndarray | None = None
    masks: np.ndarray | None = None
    world: np.ndarray | None = None
    features: np.ndarray | None = None


def no_landmarks(evidence: tuple[str, ...] = ()) -> Landmarks:
    """The answer for no regions."""
    shapes = [(POINTS, 2), (POINTS,), (POINTS,), (), (), (4,), (2, 3)]
    further = {
        "heatmaps": (HEATMAP, HEATMAP, 39),
        "masks": (SIZE, SIZE),
        "world": (POINTS, 3),
        "features": FEATURES,
    }
    return Landmarks(
        *(np.zeros((0, *shape), np.float32) for shape in shapes),
        **{name: np.zeros((0, *further[name]), np.float32) for name in evidence},
    )


class LandmarkNetwork:
    """As many interpreters as threads: people are spread over them (litert releases the GIL). Who
    remains alone is looked at by two threads of one more, which takes two thirds of the time
    (`hmr bench perception`); the numbers are the same to the bit. One thread may call it at a time.

    evidence: which of ``hmr_ros.people.EVIDENCE`` the answers have.
    """

    def __init__(self, threads: int = 1, evidence: tuple[str, ...] = ()) -> None:
        path, shape = model_path("pose_landmark"), (1, SIZE, SIZE, 3)
        self._evidence = evidence
        self._further = [name for name in evidence if name in FURTHER]
        wanted = (*OUTPUTS, *(FURTHER[name] for name in self._further))
        self._threads = threads
        self._free: SimpleQueue[TfliteNetwork] = SimpleQueue()
        for _ in range(threads):
            self._free.put(TfliteNetwork(path, shape, wanted))
        self._wide = TfliteNetwork(path, shape, wanted, 2) if threads > 1 else None
        self._pool = ThreadPoolExecutor(threads, "landmarks")

    def __call__(self, image: np.ndarray, regions: np.ndarray) -> Landmarks:
        """Landmarks in ``image`` [H, W, 3] uint8 BGR of the people in ``regions`` [N, 4]."""
        if not len(regions):
            return no_landmarks(self._evidence)
        maps = crop_to_image(regions, SIZE)
        beside = len(maps) - 1 if self._wide and len(maps) % self._threads == 1 else len(maps)
        found = list(self._pool.map(lambda to_image: self._beside(image, to_image), maps[:beside]))
        found += [self._one(self._wide, image, to_image) for to_image in maps[beside:]]
        return concatenate(found)

    def close(self) -> None:
        """End the threads. Twice does nothing."""
        self._pool.shutdown()

    def _beside(self, image: np.ndarray, to_image: np.ndarray) -> Landmarks:
        network = self._free.get()
        try:
            return self._one(network, image, to_image)
        finally:
            self._free.put(network)

    def _one(self, network: TfliteNetwork, image: np.ndarray, to_image: np.ndarray) -> Landmarks:
        rgb = cv2.cvtColor(crop(image, to_image, SIZE), cv2.COLOR_BGR2RGB)
        network.run((rgb.astype(np.float32) / 255)[None])
        raw = network.output(0).reshape(39, 5)
        flag = network.output(1)[0]
        heatmaps = network.output(2)[0]
        further = {
            name: network.output(len(OUTPUTS) + number) for number, name in enumerate(self._further)
        }
        xy = refined(raw[:, :2], heatmaps)
        on_image = xy @ to_image[:, :2].T + to_image[:, 2]
        centre, rim = on_image[ALIGNMENT[0]], on_image[ALIGNMENT[1]]
        return Landmarks(
            points=on_image[None, :POINTS].astype(np.float32),
            visibility=sigmoid(raw[None, :POINTS, 3]),
            presence=sigmoid(raw[None, :POINTS, 4]),
            flags=flag,
            peaks=sigmoid(heatmaps.max((0, 1)))[:POINTS].mean(keepdims=True),
            next_regions=region_of_points(centre, rim)[None],
            crops=to_image[None],
            heatmaps=sigmoid(heatmaps)[None] if "heatmaps" in self._evidence else None,
            masks=sigmoid(further["masks"][..., 0]) if "masks" in further else None,
            world=further["world"].reshape(1, 39, 3)[:, :POINTS] if "world" in further else None,
            features=further.get("features"),
        )


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -80, 80)))


def refined(points: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Points [K, 2] (crop pixels) moved to the centre of mass of their heat-maps around them.

    heatmaps: [64, 64, K] logits. A point outside the crop, or without a clear peak in the window
    of 7 x 7 cells around it, stays.
    """
    cells = heatmaps.shape[0]
    place = points * (cells / SIZE)
    half = KERNEL // 2
    column, row = np.floor(place).astype(int).T
    inside = (column >= 0) & (column < cells) & (row >= 0) & (row < cells)
    near = np.arange(-half, half + 1)
    rows, columns = row[:, None] + near, column[:, None] + near
    weight_row = (rows >= 0) & (rows < cells)
    weight_column = (columns >= 0) & (columns < cells)
    window = heatmaps[
        np.clip(rows, 0, cells - 1)[:, :, None],
        np.clip(columns, 0, cells - 1)[:, None, :],
        np.arange(len(points))[:, None, None],
    ]
    mass = sigmoid(window) * weight_row[:, :, None] * weight_column[:, None, :]
    clear = inside & (mass.max((1, 2)) >= MIN_PEAK)
    total = np.maximum(mass.sum((1, 2)), 1e-9)
    x = (mass.sum(1) * columns).sum(1) / total
    y = (mass.sum(2) * rows).sum(1) / total
    moved = np.stack([x, y], -1) * (SIZE / cells)
    return np.where(clear[:, None], moved, points).astype(np.float32)
