"""What the front end saw: people in one image as boxes and 2D keypoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.batch import EqualLength

KEYPOINT_SETS = {"blazepose33": 33, "coco17": 17}
# What the landmark network may tell beyond keypoints, by the name of its field.
EVIDENCE = ("heatmaps", "masks", "world", "features")


@dataclass(frozen=True)
class People(EqualLength):
    """N people in one image.

    boxes:        [N, 4] float32, x, y, width, height in pixels of the full image.
    scores:       [N] float32 in [0, 1], confidence that this is a person.
    keypoints:    [N, K, 3] float32, x, y in pixels of the full image and confidence in [0, 1]
                  (probability that the point is visible and right). Confidence 0 means missing:
                  its x and y carry nothing.
    found:        [N] bool, False where the box was given but no keypoints could be found in it.
    keypoint_set: name in ``KEYPOINT_SETS``; fixes K and the meaning of each point.
    source:       [N] short strings ('blazepose', 'hog', 'onnx', 'track', 'given', 'topic'):
                  which detector proposed the box.
    presence:     optional [N, K] float32 in [0, 1], probability that the point lies inside the
                  image at all, visible or not.
    heatmaps:     optional [N, h, w, K'] float32 of the landmark network, in its rotated crop.
    masks:        optional [N, h, w] float32 person mask in [0, 1], in the same rotated crop.
    crops:        optional [N, 2, 3] float32 affine map: pixel of the heat-map / mask crop (in
                  units of the landmark network's 256x256 input) to pixel of the full image.
    world:        optional [N, 33, 3] float32 metres: the landmark network's guess of its points in
                  space about the middle of the hips, x and y along the crop's sides.
    features:     optional [N, h, w, C] float32 in [0, 6], what the landmark network itself sees in
                  the cells of the same crop.
    """

    boxes: np.ndarray
    scores: np.ndarray
    keypoints: np.ndarray
    found: np.ndarray
    keypoint_set: str
    source: np.ndarray
    presence: np.ndarray | None = None
    heatmaps: np.ndarray | None = None
    masks: np.ndarray | None = None
    crops: np.ndarray | None = None
    world: np.ndarray | None = None
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        points = KEYPOINT_SETS.get(self.keypoint_set)
        if points is None:
            known = ", ".join(KEYPOINT_SETS)
            raise ValueError(f"keypoint_set {self.keypoint_set!r} is unknown; known: {known}")
        if self.keypoints.shape[1:] != (points, 3):
            raise ValueError(
                f"keypoints have shape {self.keypoints.shape}, "
                f"{self.keypoint_set} needs [N, {points}, 3]"
            )


def no_people(keypoint_set: str = "blazepose33") -> People:
    """The empty scene."""
    points = KEYPOINT_SETS[keypoint_set]
    return People(
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        keypoints=np.zeros((0, points, 3), np.float32),
        found=np.zeros(0, bool),
        keypoint_set=keypoint_set,
        source=np.zeros(0, "U9"),
    )
