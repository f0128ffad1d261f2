"""Where new people may be: the detectors behind one interface, in bounded shares of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.frontend.hog import HogDetector, scales, shares
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.regions import box_of_region, region_of_box

# Heights of people that HOG looks for, as fractions of the image height.
HOG_SMALLEST, HOG_LARGEST = 0.09, 0.4


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


def blazepose(detector: PoseDetector, min_score: float) -> Proposer:
    """BlazePose's own detector on the whole image: all of it in the first share."""

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        if share:
            return proposals([], [], [], "blazepose")
        found = detector(image, min_score)
        boxes = box_of_region(found.regions)
        return proposals(found.regions, boxes, found.scores, "blazepose")

    return propose


def hog() -> Proposer:
    """OpenCV's HOG detector: a share is some rows of some scales."""
    detector = HogDetector()

    def propose(image: np.ndarray, share: int | None, count: int) -> Proposals:
        height, width = image.shape[:2]
        plan = shares(width, height, scales(height, HOG_SMALLEST, HOG_LARGEST), count)
        bands = plan[share] if share is not None else sum(plan, [])
        boxes, margins = detector(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), bands)
        return proposals(region_of_box(boxes), boxes, 1 / (1 + np.exp(-margins)), "hog")

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
        from hmr_ros.frontend.onnx_detector import onnx

        return onnx(settings.detector_onnx, settings.threads, settings.min_score)
    if name == "hog":
        return hog()
    if name == "blazepose":
        return blazepose(detector, settings.min_score)
    return together([blazepose(detector, settings.min_score), hog()])
