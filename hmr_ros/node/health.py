"""What the node knows about how it is doing; the diagnostics are made of it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

WINDOW = 200  # frames over which latencies are judged
NOBODY_NEW = "the search for new people fails"


@dataclass
class Health:
    """Counters since the node was configured, and the latest of what went wrong.

    Each field is written by one thread only, so no lock is needed: ``received``, ``camera_infos``,
    ``lost`` and ``fault`` by the executor's, the rest by the worker's.

    received:     images that reached the node.
    camera_infos: camera_info messages that reached the node.
    lost:         images that the middleware reports as lost on the way.
    fault:        why the node could not be configured.
    processed:    images that became bodies.
    refused:      images that could not be used (encoding, size, broken data).
    duplicates:   images with the stamp of the one before.
    late:         images older than the one before.
    jumps:        times the clock went back and everything was forgotten.
    failed:       images on which the pipeline or an output failed.
    idle:         images not looked at because nobody subscribes.
    people:       in the latest image; image_size: its width and height in pixels; metric: whether
                  their distances are in true metres.
    last_error:   text of the last refusal; last_error_at: its time.monotonic().
    failure:      text of the last failure.
    search_problem: why the search for new people fails, while known ones are followed; '' if not.
    posed, unposed: images whose camera has a pose in the odometry frame, and those without.
    pose_held:    of the posed, those that got a transform older than themselves.
    pose_problem: why the last image without a pose has none.
    camera_problem, input_problem: what is wrong now with camera_info, and with depth, stamps or
                  external people; '' if nothing.
    latencies_ms: image to bodies, of the latest frames.
    """

    received: int = 0
    camera_infos: int = 0
    lost: int = 0
    fault: str = ""
    processed: int = 0
    refused: int = 0
    duplicates: int = 0
    late: int = 0
    jumps: int = 0
    failed: int = 0
    idle: int = 0
    people: int = 0
    image_size: tuple[int, int] = (0, 0)
    last_error: str = ""
    failure: str = ""
    search_problem: str = ""
    last_error_at: float = float("-inf")
    posed: int = 0
    unposed: int = 0
    pose_held: int = 0
    pose_problem: str = ""
    camera_problem: str = ""
    input_problem: str = ""
    metric: bool = False
    latencies_ms: deque = field(default_factory=lambda: deque(maxlen=WINDOW))

    def error(self, text: str) -> None:
        self.last_error, self.last_error_at = text, time.monotonic()

    def seconds_since_error(self) -> float:
        return time.monotonic() - self.last_error_at
