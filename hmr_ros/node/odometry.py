"""Where the camera was when an image was taken: its pose in the odometry frame, out of ``/tf``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.node.health import Health
from hmr_ros.node.transform_buffer import FramePose, TransformBuffer, TransformError, bare

# When the images start anew, transforms up to so much later than the first may be of the new run.
AHEAD_NS = 500_000_000
# An image that is too new for all transforms waits so long for the next one, if the last one came
# not longer ago: who publishes no more makes nobody wait.
WAIT_S, ALIVE_NS = 0.02, 500_000_000
# Odometry that lags steadily is not worth it: after so many images that were too new in a row, only
# one of so many waits (the lag may have become less).
PATIENCE, TRY_AGAIN = 5, 30


class Odometry:
    """Takes in messages of ``/tf`` in one thread and answers for images in another.

    settings: odometry_frame (REP-105: it drifts but never jumps) and odometry_tolerance_s of the
    parameter table.
    """

    def __init__(
        self, settings: SimpleNamespace, health: Health, warn: Callable[[str], None]
    ) -> None:
        self._settings, self._health, self._warn = settings, health, warn
        self._buffer = TransformBuffer()
        self._too_new = 0  # images in a row
        self._arrival = threading.Condition()

    def take(self, message, static: bool) -> None:
        """Everything in a ``tf2_msgs/TFMessage``; static: of ``/tf_static``."""
        for t in message.transforms:
            p, q, stamp = t.transform.translation, t.transform.rotation, t.header.stamp
            self._buffer.add(
                t.header.frame_id,
                t.child_frame_id,
                stamp.sec * 1_000_000_000 + stamp.nanosec,
                (p.x, p.y, p.z),
                (q.x, q.y, q.z, q.w),
                static,
            )
        with self._arrival:
            self._arrival.notify_all()

    def clear(self) -> None:
        """Forget everything, as when the subscriptions end."""
        self._buffer.clear()
        self._too_new = 0

    def starts_anew(self, stamp_ns: int) -> None:
        """The clock went back to ``stamp_ns``: forget what was told for later moments."""
        self._buffer.forget_after(stamp_ns + AHEAD_NS)

    def pose(self, camera_frame: str, stamp_ns: int) -> CameraPose | None:
        """Of the camera at that moment; None if it cannot be told, and then ``Health`` says why.

        camera_frame: ``header.frame_id`` of the image. If that is newer than all transforms, the
        newest is taken within the tolerance; beyond it the next is waited for, ``WAIT_S`` at most,
        unless that was in vain ``PATIENCE`` times in a row.
        """
        health = self._health
        try:
            if not camera_frame:
                raise TransformError("header.frame_id of the image is empty")
            frame = self._settings.odometry_frame
            if bare(camera_frame) == bare(frame):  # in itself it never moves
                raise TransformError(
                    f"odometry_frame is {frame!r}, the image's own frame: name the frame in which "
                    "the odometry tells the robot's way (odom)"
                )
            found = self._found(camera_frame, stamp_ns)
        except TransformError as error:
            health.unposed += 1
            health.pose_problem = str(error)
            self._warn(f"the camera is taken to be at rest: {error}")
            return None
        health.posed += 1
        health.pose_held += found.held_ns > 0
        return CameraPose(np.ascontiguousarray(found.rotation.T), found.position)

    def _found(self, camera_frame: str, stamp_ns: int) -> FramePose:
        tolerance_ns = round(self._settings.odometry_tolerance_s * 1e9)
        asked = self._settings.odometry_frame, camera_frame, stamp_ns, tolerance_ns
        patient = self._too_new < PATIENCE or self._too_new % TRY_AGAIN == 0
        until = time.monotonic() + WAIT_S * patient
        with self._arrival:
            while True:
                try:
                    found = self._buffer.lookup(*asked)
                except TransformError as error:
                    alive = 0 < error.behind_ns <= ALIVE_NS
                    if not alive or not self._arrival.wait(max(0.0, until - time.monotonic())):
                        self._too_new += alive
                        raise
                else:
                    self._too_new = 0
                    return found
