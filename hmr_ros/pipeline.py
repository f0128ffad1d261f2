"""Frame in, tracks out: the whole of the perception, with no ROS in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np

from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.frame import Frame
from hmr_ros.frontend.finder import PeopleFinder
from hmr_ros.geometry import lens
from hmr_ros.geometry.camera import guessed_camera
from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.geometry.rotations import nearest_rotation
from hmr_ros.people import People
from hmr_ros.placement import place
from hmr_ros.refinement import refine
from hmr_ros.runtime.estimators import Estimator
from hmr_ros.runtime.serving import Serving
from hmr_ros.runtime.temporal import temporal_of
from hmr_ros.tracking.tracker import Tracker
from hmr_ros.tracks import Tracks

# What must be finite in a body, and what stands there instead in one that is replaced.
INSTEAD = {
    "global_orient": np.eye(3),
    "body_pose": np.eye(3),
    "betas": 0,
    "transl": [0, 0, 5],
    "joints": [0, 0, 5],
    "joint_cov": np.eye(3),
    "joint_tails": 0,
    "transl_cov": np.eye(3),
    "visibility": 0,
}


class Pipeline:
    """People of each frame as smoothed, metrically placed SMPL bodies with stable ids.

    settings: ``hmr_ros.parameters.validated({...})``. Loading fails with an error that names the
    file at fault; after that no image makes it fail, but a device that fails does
    (``backend.BackendError``). Not thread-safe: one thread calls it. serving: what answers now.
    """

    def __init__(self, settings: SimpleNamespace) -> None:
        self.settings = settings
        self.body = load_body_model(settings.body_model_path or None)
        with ExitStack() as opened:  # given back if what follows fails
            self.serving = Serving(settings, self.body)
            opened.callback(self.serving.close)
            self.finder = PeopleFinder(settings, self.serving.estimator.evidence)
            opened.callback(self.finder.close)
            self.over_time = temporal_of(settings, self.body) if settings.temporal else None
            self.tracker = Tracker(settings, self.body, self.over_time)
            self._opened = opened.pop_all()
        self.discarded = 0  # bodies dropped because a value was not finite

    @property
    def estimator(self) -> Estimator:
        """What turns people into bodies: another one once an engine has been built."""
        return self.serving.estimator

    def close(self) -> None:
        """Give back what the backends hold, and end what is being built and all threads. Twice does
        nothing."""
        self._opened.close()

    def reset(self) -> None:
        """Forget all people, as after a jump of the clock."""
        self.finder.reset()
        self.tracker.reset()

    def warm_up(self) -> None:
        """Run everything once on a grey picture and a made person, so that no real image waits
        for compilation or for a network's first run. Nobody is remembered, no id is used up."""
        lens.warm_up()
        width, height = 640, 480
        frame = Frame(
            np.full((height, width, 3), 127, np.uint8), guessed_camera(width, height), 0.0
        )
        self.people(frame, complete=True)
        people = self.finder.keypoints_in(frame.image, np.array([[220, 60, 200, 400]], np.float32))
        bodies = self.bodies(frame, people)
        rotations = bodies.rotations
        points = keypoints(self.body, rotations, bodies.betas, bodies.transl, people.keypoint_set)
        seen = np.concatenate([frame.camera.project(points), np.ones_like(points[..., :1])], -1)
        bodies = self.bodies(
            frame, people.replace(keypoints=seen.astype(np.float32), found=np.ones(1, bool))
        )
        tracker = Tracker(self.settings, self.body, self.over_time)
        for stamp in (0.0, 0.1, 0.2):
            tracker(bodies, frame.camera, stamp)
        self.reset()

    def people(self, frame: Frame, complete: bool = False) -> People:
        """Boxes and keypoints. complete: all detectors at once, for a single picture."""
        return self.finder.find(frame.image, frame.stamp, complete=complete)

    def bodies(self, frame: Frame, people: People) -> Bodies:
        """One body a person, in the same order, placed in the camera frame; no tracking.

        Rotations are projected onto rotations, and a body with a value that is not finite is
        replaced by an unseen one (``found`` False), so that the order is kept.
        """
        if len(people) == 0:
            return no_bodies(self.body.name, people.keypoint_set)
        self.serving.renewed()  # an engine that was built meanwhile answers from here on
        estimated = self.estimator(people, frame.camera, frame.image)
        placed = place(estimated, people, frame.camera, self.body, frame.depth)
        steps = self.settings.refine_steps
        return self._sound(refine(placed, people, frame.camera, self.body, steps))

    def __call__(
        self,
        frame: Frame,
        people: People | None = None,
        boxes: np.ndarray | None = None,
        pose: Callable[[], CameraPose | None] | None = None,
    ) -> Tracks:
        """The people of this frame.

        people: from elsewhere (another node's keypoints); then the front end does not run.
        boxes:  [N, 4] x, y, width, height in pixels; only these are looked at.
        pose:   asked for the camera's pose, in place of ``frame.pose``, not before the bodies are
                known: odometry comes in while the networks run.
        """
        started = time.perf_counter()
        if people is None:
            if boxes is not None:
                # One look a box: a stream has the next image to do better in.
                people = self.finder.keypoints_in(frame.image, boxes, thorough=False)
            else:
                people = self.people(frame)
        found = time.perf_counter()
        bodies = self.bodies(frame, people)
        estimated = time.perf_counter()
        where = frame.pose if pose is None else pose()
        tracks = self.tracker(bodies, frame.camera, frame.stamp, where)
        ended = time.perf_counter()
        tracks.timings_ms.update(
            people=1e3 * (found - started),
            bodies=1e3 * (estimated - found),
            tracking=1e3 * (ended - estimated),
            total=1e3 * (ended - started),
        )
        return tracks

    def _sound(self, bodies: Bodies) -> Bodies:
        values = [getattr(bodies, name) for name in INSTEAD]
        finite = np.all([np.isfinite(v).reshape(len(v), -1).all(1) for v in values], axis=0)
        if not finite.all():
            self.discarded += int((~finite).sum())
            bodies = bodies.replace(
                found=bodies.found & finite,
                **{
                    name: np.where(finite.reshape(-1, *[1] * (v.ndim - 1)), v, fill).astype(v.dtype)
                    for (name, fill), v in zip(INSTEAD.items(), values, strict=True)
                },
                joints_2d=np.where(finite[:, None, None], bodies.joints_2d, 0).astype(np.float32),
            )
        return bodies.replace(
            global_orient=_projected(bodies.global_orient),
            body_pose=_projected(bodies.body_pose),
        )


def _projected(rotations: np.ndarray) -> np.ndarray:
    """Matrices that are no rotations beyond rounding are replaced by the nearest ones."""
    gram = np.swapaxes(rotations, -1, -2) @ rotations
    off = np.abs(gram - np.eye(3, dtype=rotations.dtype)).max((-1, -2)) > 1e-4
    if not off.any():
        return rotations
    mended = rotations.copy()
    mended[off] = nearest_rotation(rotations[off].astype(np.float64))
    return mended
