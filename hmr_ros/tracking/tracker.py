"""From the bodies of each image to people with stable ids."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Protocol

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose, pose_between
from hmr_ros.tracking.association import expected_pixels, match
from hmr_ros.tracking.carried_box import carried_boxes
from hmr_ros.tracking.rollout import Rollout
from hmr_ros.tracking.track import Track, new_track
from hmr_ros.tracks import Tracks, TrackState
from hmr_ros.walk import Walk


class OverTime(Protocol):
    """Corrects bodies by what the same people did before (``hmr_ros.runtime.temporal``)."""

    def reset(self) -> None: ...

    def keep_only(self, ids: np.ndarray) -> None: ...

    def __call__(
        self,
        bodies: Bodies,
        ids: np.ndarray,
        camera: Camera,
        stamp: float,
        pose: CameraPose | None = None,
    ) -> tuple[Bodies, Walk]: ...


class Tracker:
    """Keeps the tracks; the only state the pipeline has besides the front end's.

    over_time: corrects the bodies of an image by what each person did before, if given.

    settings: min_hits, coast_s, forget_s, smoothing, smoothing_cutoff_hz, smoothing_speed of the
    parameter table; read at every image, so that they may change in flight.
    """

    def __init__(
        self, settings: SimpleNamespace, body: BodyModel, over_time: OverTime | None = None
    ) -> None:
        self.settings, self.body, self.over_time = settings, body, over_time
        self.tracks: list[Track] = []
        self.next_id = 1
        self.last_stamp = -np.inf
        self.pose: CameraPose | None = None  # the last one known
        self.posed_stamp = -np.inf

    def reset(self) -> None:
        """Forget everybody. Ids go on counting, so none is used twice within a run."""
        self.tracks = []
        self.last_stamp = -np.inf
        self.pose = None
        if self.over_time is not None:
            self.over_time.reset()

    def __call__(
        self, bodies: Bodies, camera: Camera, stamp: float, pose: CameraPose | None = None
    ) -> Tracks:
        """Tracks of the image taken at ``stamp`` seconds, by a camera at ``pose`` if that is known.
        If not, it is taken to have stayed where it was last, until the next pose tells on which way
        it was. A stamp in the past resets first.

        Bodies that were not found in the image (``found`` False) are nobody's measurement.
        """
        bodies = bodies[bodies.found]
        if stamp < self.last_stamp:
            self.reset()
        self.last_stamp = stamp
        if pose is not None:
            self._take(pose, stamp)
        self._forget(stamp)
        known = {b: self.tracks[t] for t, b in self._match(bodies, camera, stamp)}
        ids = np.zeros(len(bodies), np.int64)
        for b in range(len(bodies)):
            if b in known:
                ids[b] = known[b].id
            else:
                ids[b], self.next_id = self.next_id, self.next_id + 1
        walk = None
        if self.over_time is not None:
            self.over_time.keep_only(np.array([*(t.id for t in self.tracks), *ids]))
            bodies, walk = self.over_time(bodies, ids, camera, stamp, pose)
        for b in range(len(bodies)):
            own = None if walk is None else walk[b]
            if b in known:
                known[b].update(bodies[b], stamp, own, self.pose)
                known[b].pose = pose  # nobody knows yet where the measurement was made
            else:
                self.tracks.append(self._new(int(ids[b]), bodies[b], stamp, own, pose))
        return self._published(bodies, camera, stamp)

    def _take(self, pose: CameraPose, stamp: float) -> None:
        """Whoever was seen last without a pose was seen on the way from the last one known to this
        one; up to the first the camera was at rest."""
        for track in self.tracks:
            if track.pose is None and self.pose is None:
                track.pose = pose
            elif track.pose is None:
                share = (track.last_stamp - self.posed_stamp) / (stamp - self.posed_stamp)
                track.pose = pose_between(self.pose, pose, share)
        self.pose, self.posed_stamp = pose, stamp

    def _new(
        self, id: int, body: Bodies, stamp: float, walk: Walk | None, pose: CameraPose | None
    ) -> Track:
        s = self.settings
        smoothing = (s.smoothing, s.smoothing_cutoff_hz, s.smoothing_speed)
        rollout = None if walk is None else Rollout(self.body)
        return new_track(id, body, stamp, *smoothing, rollout, walk, pose)

    def _forget(self, stamp: float) -> None:
        limit = self.settings.forget_s
        # A track that was never confirmed was most likely no person: it gets no second chance.
        self.tracks = [
            t
            for t in self.tracks
            if stamp - t.last_stamp <= (limit if t.hits >= self.settings.min_hits else 0.35)
        ]

    def _match(self, bodies: Bodies, camera: Camera, stamp: float) -> list[tuple[int, int]]:
        if not self.tracks:
            return []
        there = concatenate([t.predicted(stamp, self.pose) for t in self.tracks])
        unseen_s = np.array([stamp - t.last_stamp for t in self.tracks])
        seen = bodies.joints_2d, bodies.transl[:, 2]
        return match(expected_pixels(there.joints, camera), there.transl[:, 2], unseen_s, *seen)

    def _published(self, bodies: Bodies, camera: Camera, stamp: float) -> Tracks:
        s = self.settings
        rows, states = [], []
        shown: list[Track] = []
        for track in self.tracks:
            unseen_s = stamp - track.last_stamp
            if track.hits < s.min_hits or unseen_s > s.coast_s:
                continue
            shown.append(track)
            rows.append(track.body if unseen_s == 0 else track.coasted(stamp, self.pose))
            states.append(TrackState.TRACKED if unseen_s == 0 else TrackState.COASTING)
        joined = self._posed(concatenate(rows), camera) if rows else bodies[:0]
        return Tracks(
            bodies=joined,
            ids=np.array([t.id for t in shown], np.int64),
            states=np.array(states, np.uint8),
            ages_s=np.array([stamp - t.first_stamp for t in shown], np.float32),
            stamp=stamp,
        )

    def _posed(self, bodies: Bodies, camera: Camera) -> Bodies:
        """Joints anew, so that they belong to the smoothed rotations, shape and position; the boxes
        of those who were not seen go along."""
        rotations = bodies.rotations
        rest = rest_joints(self.body, bodies.betas)
        joints, _ = forward_kinematics(rotations, rest, self.body.parents)
        joints = (joints + bodies.transl[:, None]).astype(np.float32)
        joints_2d = camera.project(joints).astype(np.float32)
        boxes, hidden = bodies.boxes.copy(), ~bodies.found
        if hidden.any():
            there = expected_pixels(joints[hidden], camera)
            boxes[hidden] = carried_boxes(boxes[hidden], bodies.joints_2d[hidden], there)
        return bodies.replace(joints=joints, joints_2d=joints_2d, boxes=boxes)
