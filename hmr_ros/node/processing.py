"""What happens to one image in the worker's thread: from the message to the outputs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from hmr_ros.frame import Frame
from hmr_ros.node.camera_info import CameraSource
from hmr_ros.node.depth_image import DepthBuffer
from hmr_ros.node.external_people import PeopleError, boxes_from_detections, people_from_message
from hmr_ros.node.health import NOBODY_NEW, Health
from hmr_ros.node.image_clock import Arrival, ImageClock
from hmr_ros.node.image_decoding import ImageError
from hmr_ros.node.odometry import Odometry
from hmr_ros.people import no_people
from hmr_ros.runtime.backends.backend import BackendError

# Beyond this, the stamp is of another clock than the node's (a bag without use_sim_time, a camera
# that counts from its start), and the age of the image is counted from its arrival instead.
PLAUSIBLE_AGE_S = (-0.05, 10.0)


@dataclass(frozen=True)
class Job:
    """One image to work on.

    image:      the message, still encoded.
    arrived_s:  time.monotonic() when it reached the node.
    age_s:      node clock minus stamp at that moment.
    now:        the node clock then, as a stamp; takes the place of a stamp that is zero.
    people:     message of another node that belongs to the image, or None.
    """

    image: Any
    arrived_s: float
    age_s: float
    now: Any
    people: Any = None


class Processing:
    """Called with one job after the other; never by two threads at once."""

    def __init__(
        self,
        pipeline,
        settings: SimpleNamespace,
        decode: Callable,
        camera: CameraSource,
        depth: DepthBuffer,
        odometry: Odometry | None,
        outputs,
        health: Health,
        warn: Callable[[str], None],
        tell_broken: Callable[[], None],
    ) -> None:
        """odometry: None if the camera is taken to be at rest. tell_broken: called in the worker's
        thread when the device of the backend has failed; ``broken`` is True from then on."""
        self._pipeline, self._settings, self._decode = pipeline, settings, decode
        self._camera, self._depth, self._odometry = camera, depth, odometry
        self._outputs = outputs
        self._health, self._warn, self._tell_broken = health, warn, tell_broken
        self._clock = ImageClock()
        self._restart = self.broken = False

    def restart(self) -> None:
        """Forget all people before the next image, and that a device failed. May be called from any
        thread."""
        self._restart, self.broken = True, False

    def __call__(self, job: Job) -> None:
        health = self._health
        if self._restart:
            self._restart = False
            self._forget()
        if self._settings.idle_without_subscribers and not self._outputs.wanted():
            health.idle += 1
            return
        header = job.image.header
        problems = self._stamped(header, job)
        arrival = self._clock.arrival(_nanoseconds(header.stamp))
        if arrival is Arrival.DUPLICATE:
            health.duplicates += 1
            return
        if arrival is Arrival.LATE:
            health.late += 1
            return
        if arrival is Arrival.JUMP:
            health.jumps += 1
            self._pipeline.reset()
            self._depth.clear()
            if self._odometry is not None:
                self._odometry.starts_anew(_nanoseconds(header.stamp))
        try:
            image = self._decode(job.image, self._settings.max_image_pixels)
        except ImageError as error:
            self._refuse(str(error))
            return
        frame = self._frame(job, image, problems)
        given = self._given_people(job)
        if given is None:
            return
        if self._odometry is not None:
            # Asked for when the bodies are known: by then the odometry has had time to arrive.
            stamp_ns = _nanoseconds(header.stamp)
            given["pose"] = partial(self._odometry.pose, header.frame_id, stamp_ns)
        tracks = self._pipeline(frame, **given)
        health.search_problem = self._pipeline.finder.search_problem
        if health.search_problem:
            self._warn(f"{NOBODY_NEW}: {health.search_problem}")
        self._outputs.publish(header, frame, tracks, lambda: 1e3 * _age_s(job))
        health.processed += 1
        health.people = len(tracks)
        health.image_size = (frame.camera.width, frame.camera.height)
        health.metric = frame.camera.metric
        health.latencies_ms.append(1e3 * _age_s(job))
        health.input_problem = "; ".join(problems)

    def failed(self, error: Exception) -> None:
        """An exception that nobody expected: the image is lost, the node goes on; but not with a
        device that has failed, whose memory may be lost as well."""
        self._health.failed += 1
        self._health.failure = f"inference failed: {type(error).__name__}: {error}"
        self._warn(self._health.failure)
        if isinstance(error, BackendError):
            self.broken = True
            self._tell_broken()

    def _forget(self) -> None:
        self._clock.restart()
        self._pipeline.reset()

    def _stamped(self, header, job: Job) -> list[str]:
        """Gives an image without a stamp the time of its arrival; says what is odd about it."""
        problems = []
        if header.stamp.sec == 0 and header.stamp.nanosec == 0:
            header.stamp = job.now
            problems.append(
                "header.stamp of the image is zero: the time of arrival is used; mend the driver"
            )
        elif not PLAUSIBLE_AGE_S[0] < job.age_s < PLAUSIBLE_AGE_S[1]:
            problems.append(
                f"header.stamp of the image is {job.age_s:.1f} s behind the node's clock: set "
                "use_sim_time for a bag with --clock, or synchronise the clocks"
            )
        if not header.frame_id:
            problems.append(
                "header.frame_id of the image is empty: tf cannot place the people; set the frame "
                "in the camera driver"
            )
        return problems

    def _frame(self, job: Job, image, problems: list[str]) -> Frame:
        header, settings = job.image.header, self._settings
        height, width = image.shape[:2]
        camera, problem = self._camera.camera_for(
            width, height, header.frame_id, settings.default_fov_deg
        )
        self._health.camera_problem = problem
        if problem:
            self._warn(problem)
        stamp_ns, depth = _nanoseconds(header.stamp), None
        if settings.use_depth:
            try:
                depth = self._depth.nearest(
                    stamp_ns, settings.depth_tolerance_s, (width, height), settings.max_image_pixels
                )
                if depth is None:
                    problems.append(
                        f"no depth image within {settings.depth_tolerance_s} s of the image"
                    )
            except ImageError as error:
                problems.append(str(error))
        return Frame(image, camera, stamp_ns * 1e-9, depth)

    def _given_people(self, job: Job) -> dict | None:
        """Arguments for the pipeline: none, people or boxes. None if the message was refused."""
        if job.people is None:
            return {}
        if hasattr(job.people, "detections"):
            boxes = boxes_from_detections(job.people, self._settings)
            return {"boxes": boxes} if len(boxes) else {"people": no_people()}
        try:
            people, boxes = people_from_message(job.people, self._settings)
        except PeopleError as error:
            self._refuse(str(error))
            return None
        return {"people": people} if boxes is None else {"boxes": boxes}

    def _refuse(self, text: str) -> None:
        self._health.refused += 1
        self._health.error(text)
        self._warn(text)


def _age_s(job: Job) -> float:
    waited = time.monotonic() - job.arrived_s
    plausible = PLAUSIBLE_AGE_S[0] < job.age_s < PLAUSIBLE_AGE_S[1]
    return waited + (job.age_s if plausible else 0.0)


def _nanoseconds(stamp) -> int:
    return stamp.sec * 1_000_000_000 + stamp.nanosec
