"""Where new people may be: the detectors behind one interface, in bounded shares of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.frontend.hog import HogDetector, scales, shares
from hmr_ros.frontend.onnx_detector import OnnxDetector
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.regions import box_of_region, region_of_box

# Heights of people that HOG looks for, as fractions of the image height.
HOG_SMALLEST, HOG_LARGEST, HOG_STEP = 0.1, 0.4, 1.3
# Side of BlazePose's tiles relative to the image.
TILE = 0.6
# MediaPipe's own least score.
BLAZEPOSE_SCORE = 0.5


@dataclass(frozen=True)
class Proposals(EqualLength):
    """N places where a person may be, most likely first.

    regions: [N, 4] float32 for the landmark network (see ``regions``).
    boxes:   [N, 4] float32, x, y, width, height.
    scores:  [N] float32 in [0, 1].
    source:  [N] the detector.
    """

    regions: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray


def proposals(regions: np.ndarray, boxes: np.ndarray, scores: np.ndarray, source: str) -> Proposals:
    """All from one detector."""
    return Proposals(
        np.asarray(regions, np.float32).reshape(-1, 4),
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(scores, np.float32),
        np.full(len(boxes), source, "U9"),
    )


# (image, share, number of shares) -> Proposals; ``share`` None means all of the work at once.
Proposer = Callable[[np.ndarray, "int | None", int], Proposals]


def no_proposals(image: np.ndarray, share: int | None, count: int) -> Proposals:
    """For boxes and keypoints that come from another node."""
    return proposals([], [], [], "topic")


def blazepose(detector: PoseDetector) -> Proposer:
    """BlazePose's own detector: the whole image first, then overlapping tiles for smaller people,
    one a share."""

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        height, width = image.shape[:2]
        views = tiles(width, height)
        found = [proposals([], [], [], "blazepose")]
        for x, y, w, h in views if share is None else views[share::count]:
            people = detector(image[y : y + h, x : x + w], BLAZEPOSE_SCORE)
            regions = people.regions + np.array([x, y, 0, 0], np.float32)
            found.append(proposals(regions, box_of_region(regions), people.scores, "blazepose"))
        return concatenate(found)

    return propose


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The whole image and its four overlapping corners: x, y, width, height."""
    w, h = round(width * TILE), round(height * TILE)
    corners = [(x, y, w, h) for y in (0, height - h) for x in (0, width - w)]
    return [(0, 0, width, height), *corners]


def hog() -> Proposer:
    """OpenCV's HOG detector: a share is some rows of some scales."""
    detector = HogDetector()

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        height, width = image.shape[:2]
        plan = shares(width, height, scales(height, HOG_SMALLEST, HOG_LARGEST, HOG_STEP), count)
        bands = plan[share] if share is not None else sum(plan, [])
        boxes, margins = detector(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), bands)
        return proposals(region_of_box(boxes), boxes, 1 / (1 + np.exp(-margins)), "hog")

    return propose


def own_onnx(settings: SimpleNamespace) -> Proposer:
    """The user's ONNX detector: all of it in the first share."""
    detector = OnnxDetector(settings.detector_onnx)

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        if share:
            return proposals([], [], [], "onnx")
        boxes, scores = detector(image, settings.min_score)
        return proposals(region_of_box(boxes), boxes, scores, "onnx")

    return propose


def together(proposers: list[Proposer]) -> Proposer:
    """Several detectors in one sweep."""

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        return concatenate([each(image, share, count) for each in proposers])

    return propose


def proposer(settings: SimpleNamespace, detector: PoseDetector) -> Proposer:
    """The detector named by ``settings.detector``."""
    name = settings.detector
    if name == "topic":
        return no_proposals
    if name == "onnx":
        return own_onnx(settings)
    if name == "hog":
        return hog()
    if name == "blazepose":
        return blazepose(detector)
    return together([blazepose(detector), hog()])
