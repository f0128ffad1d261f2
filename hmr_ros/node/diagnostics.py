"""/diagnostics at 1 Hz: three lines for the input, the camera model and the inference.

``diagnostic_updater`` is not asked for: the message is small, and that package does not exist
everywhere the node runs.
"""

from __future__ import annotations

import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from hmr_ros.node.health import NOBODY_NEW, Health
from hmr_ros.runtime.serving import Served

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
STOPPED_S = 3.0  # silence of the camera from which it is an error
ERROR_SHOWN_S = 5.0  # how long the last error keeps the status from being OK
COUNTERS = (
    "received",
    "lost",
    "processed",
    "refused",
    "duplicates",
    "late",
    "jumps",
    "failed",
    "idle",
    "posed",
    "unposed",
)
LOST_REMEDY = (
    "images get lost on the way: start the camera driver with FASTRTPS_DEFAULT_PROFILES_FILE set "
    "to config/fastdds_shm.xml of hmr_ros, or let it publish reliably"
)


class Diagnostics:
    """Turns ``Health`` into rates over the time between two calls of ``message``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._then, self._before = time.monotonic(), _counts(Health(), 0)
        self._heard = self._then

    def message(
        self,
        stamp,
        state: str,
        health: Health,
        dropped: int,
        source: str,
        served: Served | None,
        image_problem: str,
    ) -> DiagnosticArray:
        """state: of the lifecycle. dropped: frames replaced by newer ones while the node was busy.
        source: estimator and body model in words. served: by what; None while unconfigured."""
        now, counts = time.monotonic(), _counts(health, dropped)
        seconds = max(now - self._then, 1e-3)
        # Counters start anew when the node is configured again.
        rates = {k: max(0, n - self._before[k]) / seconds for k, n in counts.items()}
        self._then, self._before = now, counts
        if rates["received"] > 0:
            self._heard = now
        active = state == "active"
        message = DiagnosticArray()
        message.header.stamp = stamp
        message.status = [
            self._images(health, counts, rates, image_problem, active),
            self._camera(health, counts, rates, active),
            self._inference(health, counts, rates, state, source, served),
        ]
        return message

    def _images(
        self, health: Health, counts: dict, rates: dict, problem: str, active: bool
    ) -> DiagnosticStatus:
        level, text = OK, f"{rates['received']:.1f} images/s"
        if not active:
            text = "not subscribed"
        elif problem:
            level, text = WARN, problem
        elif rates["lost"] > 0:
            level, text = WARN, LOST_REMEDY
        elif counts["received"] == 0:
            level, text = WARN, "no image yet"
        elif time.monotonic() - self._heard > STOPPED_S:
            level, text = ERROR, "images have stopped"
        else:
            recent = health.seconds_since_error() < ERROR_SHOWN_S
            problems = [p for p in (recent and health.last_error, health.input_problem) if p]
            if problems:
                level, text = WARN, "; ".join(problems)
        return self._status(
            "images",
            level,
            text,
            image_rate_hz=f"{rates['received']:.2f}",
            image_size="{}x{}".format(*health.image_size),
            received=counts["received"],
            lost_in_transport=counts["lost"],
            refused=counts["refused"],
            duplicate_stamps=counts["duplicates"],
            late=counts["late"],
            clock_jumps=counts["jumps"],
            last_error=health.last_error,
        )

    def _camera(self, health: Health, counts: dict, rates: dict, active: bool) -> DiagnosticStatus:
        level, text = OK, "intrinsics known"
        asked = counts["posed"] + counts["unposed"]
        if asked:
            text += ", and where it is"
        if not active or not health.processed:
            text = "not needed yet"
        else:
            problems = [health.camera_problem] if health.camera_problem else []
            if rates["unposed"] > 0:
                problems.append(
                    f"taken to be at rest in {counts['unposed']} of {asked} images: "
                    f"{health.pose_problem}"
                )
            if problems:
                level, text = WARN, "; ".join(problems)
        return self._status(
            "camera",
            level,
            text,
            metric=health.metric,
            camera_info_received=health.camera_infos,
            images_with_pose=counts["posed"],
            images_with_older_pose=health.pose_held,
            images_without_pose=counts["unposed"],
            last_pose_problem=health.pose_problem,
        )

    def _inference(
        self,
        health: Health,
        counts: dict,
        rates: dict,
        state: str,
        source: str,
        served: Served | None,
    ) -> DiagnosticStatus:
        latencies = list(health.latencies_ms)
        p50, p95 = np.percentile(latencies, (50, 95)) if latencies else (0.0, 0.0)
        level, text = OK, f"{health.people} people, {rates['processed']:.1f} Hz, {p50:.0f} ms"
        if health.fault:
            level, text = ERROR, health.fault
        elif state != "active":
            text = state
        elif rates["failed"] > 0:
            level, text = ERROR, health.failure
        elif rates["idle"] > 0:
            text = "idle: nobody subscribes"
        elif health.search_problem:
            level, text = ERROR, f"{NOBODY_NEW}: {health.search_problem}"
        if level == OK and served is not None and served.note:
            level, text = WARN, f"{text}; {served.note}"
        return self._status(
            "inference",
            level,
            text,
            state=state,
            source=f"{source}: {served}" if served else source,
            backend=served.backend if served else "",
            device=served.device if served else "",
            provider=served.provider if served else "",
            precision=served.precision if served else "",
            backend_note=served.note if served else "",
            people=health.people,
            processed_rate_hz=f"{rates['processed']:.2f}",
            processed=counts["processed"],
            latency_p50_ms=f"{p50:.1f}",
            latency_p95_ms=f"{p95:.1f}",
            dropped_while_busy=counts["dropped"],
            failed=counts["failed"],
            last_failure=health.failure,
            search_problem=health.search_problem,
            idle=counts["idle"],
        )

    def _status(self, part: str, level: bytes, text: str, **values) -> DiagnosticStatus:
        return DiagnosticStatus(
            name=f"{self._name}: {part}",
            hardware_id="hmr_ros",
            level=level,
            message=text,
            values=[KeyValue(key=k, value=str(v)) for k, v in values.items()],
        )


def _counts(health: Health, dropped: int) -> dict[str, int]:
    return {**{name: getattr(health, name) for name in COUNTERS}, "dropped": dropped}
