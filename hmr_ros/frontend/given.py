"""Keypoints of people whose boxes are already known."""

from __future__ import annotations

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.frontend.boxes import around, clipped, iou
from hmr_ros.frontend.landmarks import LandmarkNetwork, Landmarks
from hmr_ros.frontend.pose_detection import PoseDetector
from hmr_ros.frontend.regions import region_of_box

# Agreement above which the first look is good enough.
SURE = 0.7
# A keypoint as likely to be seen as this counts as seen: a given box ends at what is seen.
SEEN = 0.3
# The landmarks leave out the top of the head, the fingers and the toes.
MARGIN = 0.05
# BlazePose's detector is asked on cut-outs that are larger than the box by these factors.
CUTOUTS = (1.3, 2.0)
DETECTIONS = 3
MIN_SCORE = 0.2


def look_in(
    image: np.ndarray,
    boxes: np.ndarray,
    landmarks: LandmarkNetwork,
    detector: PoseDetector | None,
) -> Landmarks:
    """The best answer for each box [N, 4]: sure of a person who fills the box.

    The first look takes the square around the box. Where that does not agree with the box, others
    follow: at the place that the first look points to and, if ``detector`` is given, at the people
    the detector sees in and around the box.
    """
    seen = landmarks(image, region_of_box(boxes))
    owner = np.arange(len(boxes))
    agreement = agreements(seen, boxes, image)
    unsure = np.flatnonzero(agreement < SURE)
    if detector is None or not len(unsure):
        return seen
    regions, who = detected_in(image, boxes[unsure], detector)
    other = landmarks(image, regions)
    again = np.concatenate([seen.next_regions[unsure], other.next_regions])
    owners = np.concatenate([owner, unsure[who], unsure, unsure[who]])
    looks = concatenate([seen, other, landmarks(image, again)])
    agreement = agreements(looks, boxes[owners], image)
    order = np.lexsort((-agreement, owners))
    _, first = np.unique(owners[order], return_index=True)
    return looks[order[first]]


def agreements(seen: Landmarks, boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """[N] in [0, 1]: confidence of a person, times the overlap of what is seen of them with the
    given box."""
    height, width = image.shape[:2]
    confident = seen.visibility * seen.presence >= SEEN
    extents = np.array([around(p[c], MARGIN) for p, c in zip(seen.points, confident, strict=True)])
    extents = clipped(extents.reshape(-1, 4), width, height)
    overlap = np.array([iou(a[None], b[None])[0, 0] for a, b in zip(extents, boxes, strict=True)])
    return seen.flags * overlap


def detected_in(
    image: np.ndarray, boxes: np.ndarray, detector: PoseDetector
) -> tuple[np.ndarray, np.ndarray]:
    """Regions [M, 4] of people in and around each box, and the row [M] of that box."""
    height, width = image.shape[:2]
    regions, rows = [np.zeros((0, 4), np.float32)], []
    for row, box in enumerate(boxes):
        centre = box[:2] + box[2:] / 2
        for factor in CUTOUTS:
            half = factor * max(box[2:]) / 2
            low = np.clip(centre - half, 0, (width, height)).astype(int)
            high = np.clip(centre + half, 0, (width, height)).astype(int)
            cutout = image[low[1] : high[1], low[0] : high[0]]
            found = detector(cutout, MIN_SCORE).regions[:DETECTIONS]
            found[:, :2] += low
            regions.append(found)
            rows += [row] * len(found)
    return np.concatenate(regions), np.array(rows, int)
