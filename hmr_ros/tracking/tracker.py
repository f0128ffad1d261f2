"""From the bodies of each image to people with stable ids."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.tracking.association import match
from hmr_ros.tracking.track import Track, new_track
from hmr_ros.tracks import Tracks, TrackState


class Tracker:
    """Keeps the tracks; the only state the pipeline has besides the front end's.

    settings: min_hits, coast_s, forget_s, smoothing, smoothing_cutoff_hz, smoothing_speed of the
    parameter table; read at every image, so that they may change in flight.
    """

    def __init__(self, settings: SimpleNamespace, body: BodyModel) -> None:
        self.settings, self.body = settings, body
        self.tracks: list[Track] = []
        self.next_id = 1
        self.last_stamp = -np.inf

    def reset(self) -> None:
        """Forget everybody. Ids go on counting, so none is used twice within a run."""
        self.tracks = []
        self.last_stamp = -np.inf

    def __call__(self, bodies: Bodies, camera: Camera, stamp: float) -> Tracks:
        """Tracks of the image taken at ``stamp`` seconds. A stamp in the past resets first.

        Bodies that were not found in the image (``found`` False) are nobody's measurement.
        """
        bodies = bodies[bodies.found]
        if stamp < self.last_stamp:
            self.reset()
        self.last_stamp = stamp
        self._forget(stamp)
        pairs = self._match(bodies, camera, stamp)
        for t, b in pairs:
            self.tracks[t].update(bodies[b], stamp)
        taken = {b for _, b in pairs}
        s = self.settings
        for b in range(len(bodies)):
            if b not in taken:
                start = (s.smoothing, s.smoothing_cutoff_hz, s.smoothing_speed)
                self.tracks.append(new_track(self.next_id, bodies[b], stamp, *start))
                self.next_id += 1
        return self._published(bodies, camera, stamp)

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
        moved = np.stack([t.predicted_transl(stamp) for t in self.tracks])
        relative = np.concatenate([t.body.joints - t.body.transl[:, None] for t in self.tracks])
        joints = relative + moved[:, None]
        unseen_s = np.array([stamp - t.last_stamp for t in self.tracks])
        seen = bodies.joints_2d, bodies.transl[:, 2]
        return match(camera.project(joints), moved[:, 2], unseen_s, *seen)

    def _published(self, bodies: Bodies, camera: Camera, stamp: float) -> Tracks:
        s = self.settings
        rows, states = [], []
        shown: list[Track] = []
        for track in self.tracks:
            unseen_s = stamp - track.last_stamp
            if track.hits < s.min_hits or unseen_s > s.coast_s:
                continue
            shown.append(track)
            rows.append(track.body if unseen_s == 0 else track.coasted(stamp))
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
        """Joints anew, so that they belong to the smoothed rotations, shape and position."""
        rotations = bodies.rotations
        rest = rest_joints(self.body, bodies.betas)
        joints, _ = forward_kinematics(rotations, rest, self.body.parents)
        joints = (joints + bodies.transl[:, None]).astype(np.float32)
        return bodies.replace(joints=joints, joints_2d=camera.project(joints).astype(np.float32))
