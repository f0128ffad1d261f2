"""The keypoint lifter at run time: people and camera through the exported network to bodies.

The network takes rays and does all normalisation itself, so nothing of training is repeated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.person_crops import FILLED
from hmr_ros.runtime.answers import (
    OUTPUTS,
    Opened,
    answered,
    bodies_of,
    check_serves,
    in_batches,
    native_body,
)
from hmr_ros.runtime.backends.backend import Backend, BackendOptions
from hmr_ros.runtime.calibration import Calibration, calibration_of
from hmr_ros.runtime.graph_file import read_graph
from hmr_ros.runtime.precisions import in_precision
from hmr_ros.runtime.sampling import Sampling

KEYPOINTS = 33
INPUTS = {"keypoints": (None, KEYPOINTS, 3), "box": (None, 4), "image": (None, 4)}
# Rays further out than this (84 degrees) come from a failed undistortion or a border at infinity.
FARTHEST_RAY = 10.0


def graphs(path: Path, precision: str, options: BackendOptions, sampling: Sampling) -> list[Opened]:
    """See ``estimators.ESTIMATORS``. On one thread, whatever the options say; what more would bring
    tells ``hmr bench networks --model lifter --threads 2``."""
    return [(in_precision(read_graph(path, "lifter"), precision), replace(options, threads=1))]


def made(
    body_model: BodyModel,
    graphs: Sequence[Opened],
    backends: tuple[Backend, ...],
    sampling: Sampling,
) -> Lifter:
    """See ``estimators.ESTIMATORS``."""
    ((graph, options),) = graphs
    check_serves(graph, INPUTS, OUTPUTS)
    native = native_body(graph.path, graph.manifest, body_model)
    calibration = calibration_of(graph.path, graph.manifest)
    return Lifter(backends, native, body_model, options.max_batch, calibration)


class Lifter:
    """An estimator (see ``hmr_ros.runtime.estimators``) that does without the picture.

    native, target, calibration: see ``bodies_of``. at_once: most people in one run.
    """

    evidence = ()

    def __init__(
        self,
        backends: tuple[Backend, ...],
        native: BodyModel,
        target: BodyModel,
        at_once: int,
        calibration: Calibration,
    ) -> None:
        self.backends, self._at_once, self._calibration = backends, at_once, calibration
        self._native, self._target = native, target

    def __call__(self, people: People, camera: Camera, image: np.ndarray | None = None) -> Bodies:
        def estimate(some: People) -> Bodies:
            outputs = answered(self.backends[0].run(network_inputs(some, camera)))
            models = self._native, self._target
            return bodies_of(outputs, some, camera, *models, self._calibration)

        return in_batches(people, self._at_once, self._target, estimate)


def network_inputs(people: People, camera: Camera) -> dict[str, np.ndarray]:
    """``keypoints`` [N, 33, 3], ``box`` [N, 4] and ``image`` [N, 4], all as rays, float32.

    Rays are x, y on the plane at z = 1 with distortion removed. Keypoints of people that were not
    found, and landmarks that the keypoint set lacks, have confidence 0. Raises ValueError for a
    keypoint set that has no place among the network's landmarks.
    """
    if people.keypoint_set not in FILLED:
        known = ", ".join(FILLED)
        raise ValueError(f"the lifter cannot read {people.keypoint_set!r} keypoints, only {known}")
    n = len(people)
    rays = _rays(camera, people.keypoints[..., :2])
    confidence = np.clip(np.nan_to_num(people.keypoints[..., 2]), 0, 1) * people.found[:, None]
    confidence = confidence * np.isfinite(camera.rays(people.keypoints[..., :2])).all(-1)
    keypoints = np.zeros((n, KEYPOINTS, 3), np.float32)
    keypoints[:, FILLED[people.keypoint_set], :2] = rays
    keypoints[:, FILLED[people.keypoint_set], 2] = confidence
    keypoints[keypoints[..., 2] == 0] = 0
    corners = people.boxes[:, [0, 1, 0, 1]] + people.boxes[:, [2, 3, 2, 3]] * [0, 0, 1, 1]
    box = _rays(camera, corners.reshape(n, 2, 2)).reshape(n, 4)
    right, bottom = camera.width - 0.5, camera.height - 0.5
    # Borders are read at the middle of each edge: distorted corners may have no ray.
    edges = _rays(
        camera,
        np.array([[-0.5, bottom / 2], [right, bottom / 2], [right / 2, -0.5], [right / 2, bottom]]),
    )
    image = np.array([edges[0, 0], edges[2, 1], edges[1, 0], edges[3, 1]])
    return {
        "keypoints": keypoints,
        "box": box.astype(np.float32),
        "image": np.tile(image.astype(np.float32), (n, 1)),
    }


def _rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    rays = camera.rays(pixels.astype(np.float64))
    # A place beyond the reach of the lens is as far out as can be, on its side.
    side = np.nan_to_num(np.sign(pixels - [camera.cx, camera.cy])) * FARTHEST_RAY
    return np.clip(np.where(np.isnan(rays), side, rays), -FARTHEST_RAY, FARTHEST_RAY)
