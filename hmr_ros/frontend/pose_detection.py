"""BlazePose's person detector: every person that its anchors answer to, not only the best one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.frontend.anchors import ssd_anchors
from hmr_ros.frontend.boxes import suppressed
from hmr_ros.frontend.carrier import model_path
from hmr_ros.frontend.interpreter import TfliteNetwork
from hmr_ros.frontend.letterbox import letterboxed
from hmr_ros.frontend.regions import region_of_points

SIZE = 224
ANCHORS = 2254
OVERLAP = 0.3


@dataclass(frozen=True)
class Detections(EqualLength):
    """N people as the detector sees them.

    faces:   [N, 4] float32 boxes of the faces, x, y, width, height.
    points:  [N, 4, 2] float32: mid-hip, rim of the whole body, mid-shoulder, rim of the upper body.
    scores:  [N] float32 in [0, 1].
    """

    faces: np.ndarray
    points: np.ndarray
    scores: np.ndarray

    @property
    def regions(self) -> np.ndarray:
        """[N, 4] where the landmark network should look (see ``regions``)."""
        return region_of_points(self.points[:, 0], self.points[:, 1])


class PoseDetector:
    """The network, its anchors and its thresholds. Source: MediaPipe's pose_detection graph."""

    def __init__(self, threads: int = 1) -> None:
        shape = (1, SIZE, SIZE, 3)
        outputs = ((1, ANCHORS, 12), (1, ANCHORS, 1))
        self._network = TfliteNetwork(model_path("pose_detection"), shape, outputs, threads)
        self._anchors = ssd_anchors(SIZE)

    def __call__(self, image: np.ndarray, min_score: float = 0.5) -> Detections:
        """People in ``image`` [H, W, 3] uint8 BGR, in its pixels, best first."""
        canvas, placed = letterboxed(image, SIZE, SIZE)
        rgb = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB).astype(np.float32)
        self._network.run((rgb / 127.5 - 1)[None])
        raw, logits = self._network.output(0)[0], self._network.output(1)[0, :, 0]
        found = decode(raw, logits, self._anchors, min_score)
        return found.replace(
            faces=placed.boxes(found.faces * SIZE), points=placed.points(found.points * SIZE)
        )


def decode(
    raw: np.ndarray, logits: np.ndarray, anchors: np.ndarray, min_score: float
) -> Detections:
    """Network outputs to people in units of the network's input.

    raw: [A, 12] box centre and size, then four points, in input pixels relative to the anchor;
    logits: [A]; anchors: [A, 2]. Answers of neighbouring anchors that overlap are averaged by
    score, as in the original graph.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
    rows = np.flatnonzero(scores >= min_score)
    values = (raw[rows] / SIZE).reshape(len(rows), 6, 2)
    values[:, 0] += anchors[rows]
    values[:, 2:] += anchors[rows, None]
    scores = scores[rows]
    values[:, 0] -= values[:, 1] / 2
    groups = suppressed(values[:, :2].reshape(-1, 4), scores, OVERLAP)
    merged = [np.average(values[g], axis=0, weights=scores[g]) for g in groups]
    merged = np.array(merged, np.float32).reshape(-1, 6, 2)
    best = np.array([scores[g[0]] for g in groups], np.float32)
    return Detections(merged[:, :2].reshape(-1, 4).copy(), merged[:, 2:], best)
