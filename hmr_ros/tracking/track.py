"""One person over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.tracking.association import NEAREST_M
from hmr_ros.tracking.ego_motion import EgoMotion, ego_motion
from hmr_ros.tracking.one_euro import OneEuro, OneEuroRotation
from hmr_ros.tracking.rollout import Rollout
from hmr_ros.walk import Walk

DRIFT_STD_M_S = 0.6  # how fast the whereabouts of an unseen person become unknown
VELOCITY_DECAY_S = 0.4  # an unseen person is expected to slow down, not to walk on for ever
STEADIER = 1.7  # what is corrected over time needs that much less smoothing (a higher cut-off)
SHAPE_MEMORY = 60  # images over which betas are averaged


@dataclass
class Track:
    """State of one person. ``body`` is one row: the latest smoothed body.

    All is told in the camera's frame at ``last_stamp``; ``pose``: of the camera then, if known.
    root: [3], from ``transl`` to the pelvis.
    """

    id: int
    first_stamp: float
    last_stamp: float
    body: Bodies
    hits: int = 1
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))
    rotations: OneEuroRotation | None = None
    position: OneEuro | None = None
    distance: OneEuro | None = None
    rollout: Rollout | None = None
    pose: CameraPose | None = None
    root: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))

    def predicted(self, stamp: float, pose: CameraPose | None = None) -> Bodies:
        """One row: where a camera at ``pose`` may expect the person.

        Constant velocity that dies away while nothing is seen. Where either pose is not known the
        camera is taken to be at rest.
        """
        dt = max(0.0, stamp - self.last_stamp)
        travel = VELOCITY_DECAY_S * (1 - np.exp(-dt / VELOCITY_DECAY_S))
        step = (self.velocity * travel).astype(np.float32)
        # Whoever walks up to the camera is not expected behind it.
        step[2] = max(step[2], NEAREST_M - self.body.transl[0, 2])
        moved = self.body.replace(transl=self.body.transl + step, joints=self.body.joints + step)
        motion = ego_motion(self.pose, pose)
        return moved if motion is None else motion.bodies(moved, self.root)

    def update(
        self,
        body: Bodies,
        stamp: float,
        walk: Walk | None = None,
        pose: CameraPose | None = None,
    ) -> None:
        """Take in this image's measurement (one row), and how the person walks and where the
        camera is if that is known."""
        self._go_along(pose)
        self.root = body.joints[0, 0] - body.transl[0]
        dt = stamp - self.last_stamp
        betas = self._averaged_betas(body)
        rotations = body.rotations
        transl = body.transl
        if self.rotations is not None:
            rotations = self.rotations(rotations.astype(np.float64), dt).astype(np.float32)
        if self.rollout is not None and walk.known:
            transl = self.rollout(rotations[0], betas[0], transl[0], walk, stamp)[None]
        if self.position is not None:
            transl = self._filtered_transl(transl, dt)
        if dt > 0:
            gain = min(1.0, dt / 0.3)
            step = np.clip((transl[0] - self.body.transl[0]) / dt, -4, 4)
            self.velocity = (1 - gain) * self.velocity + gain * step
        self.body = body.replace(
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:],
            betas=betas,
            transl=transl,
        )
        self.hits += 1
        self.last_stamp = stamp

    def coasted(self, stamp: float, pose: CameraPose | None = None) -> Bodies:
        """One row for a moment at which nobody saw the person: moved on, and less certain."""
        there = self.predicted(stamp, pose)
        drift = (DRIFT_STD_M_S * max(0.0, stamp - self.last_stamp)) ** 2 * np.eye(
            3, dtype=np.float32
        )
        return there.replace(
            transl_cov=there.transl_cov + drift,
            joint_cov=there.joint_cov + 0.25 * drift,
            visibility=np.zeros_like(there.visibility),
            found=np.zeros_like(there.found),
        )

    def _go_along(self, pose: CameraPose | None) -> None:
        """Tell everything anew in the frame of the camera as it is now: then what differs between
        two images is what the person did."""
        motion, self.pose = ego_motion(self.pose, pose), pose
        if motion is None:
            return
        if self.rotations is not None:
            # Steps of this filter are told in the joints' own axes, so its speed stays as it is.
            self.rotations.value[:, 0] = motion.turn @ self.rotations.value[:, 0]
        before = self.body.transl[0].astype(np.float64)
        self.body = motion.bodies(self.body, self.root)
        self.velocity = (motion.turn @ self.velocity).astype(np.float32)
        if self.position is not None:
            self._turn_filters(motion, before)

    def _turn_filters(self, motion: EgoMotion, before: np.ndarray) -> None:
        """``_filtered_transl`` sees directions and log distances: both, and how fast they change,
        from ``before`` [3] to where the body is now."""
        now = self.body.transl[0].astype(np.float64)
        if not now[2] >= NEAREST_M:  # it has no direction any more (or is no number)
            self.position.restart()
            self.distance.restart()
            return
        sideways = np.broadcast_to(self.position.velocity, (1, 3))[0]
        away = np.broadcast_to(self.distance.velocity, (1, 1))[0, 0]
        speed = motion.turn @ (before[2] * sideways + before * away)
        self.position.value = np.array([[now[0] / now[2], now[1] / now[2], 0]])
        self.distance.value = np.log(now[None, 2:])
        self.position.velocity = (speed - self.position.value * speed[2]) / now[2]
        self.position.velocity[0, 2] = 0
        self.distance.velocity = speed[None, 2:] / now[2]

    def _averaged_betas(self, body: Bodies) -> np.ndarray:
        """A person's shape does not change: running mean, weighted towards well-seen images."""
        weight = 1 / min(self.hits + 1, SHAPE_MEMORY)
        weight *= float(0.2 + 0.8 * body.visibility.mean())
        return (self.body.betas + weight * (body.betas - self.body.betas)).astype(np.float32)

    def _filtered_transl(self, transl: np.ndarray, dt: float) -> np.ndarray:
        # Direction and log distance: in these the noise of a monocular camera is even, and the
        # distance, which is the noisy one, does not shake the direction.
        ray = np.array([transl[0, 0] / transl[0, 2], transl[0, 1] / transl[0, 2], 0])
        metres = float(transl[0, 2])
        direction = self.position(ray[None], dt, unit=metres)[0]
        z = float(np.exp(self.distance(np.log(transl[:, 2:]), dt, unit=metres)[0, 0]))
        return np.array([[direction[0] * z, direction[1] * z, z]], np.float32)


def new_track(
    id: int,
    body: Bodies,
    stamp: float,
    smoothing: bool,
    cutoff_hz: float,
    speed_gain: float,
    rollout: Rollout | None = None,
    walk: Walk | None = None,
    pose: CameraPose | None = None,
) -> Track:
    """A track that starts with one measurement (one row)."""
    root = body.joints[0, 0] - body.transl[0]
    track = Track(id, stamp, stamp, body, rollout=rollout, root=root)
    if rollout is not None:
        cutoff_hz *= STEADIER
    if smoothing:
        track.rotations = OneEuroRotation(cutoff_hz, speed_gain)
        # A walker must not trail behind the picture by a visible part of a body, hence the gain;
        # the distance shakes most, and its true speed is seldom seen.
        track.position = OneEuro(cutoff_hz, 12 * speed_gain)
        track.distance = OneEuro(0.4 * cutoff_hz, 1.2 * speed_gain)
    if smoothing or rollout is not None:
        track.update(body, stamp, walk, pose)
        track.hits = 1
    track.pose = pose
    return track
