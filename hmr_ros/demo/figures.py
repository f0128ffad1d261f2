"""The figures of a run, from what was sent and what was received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from hmr_ros.demo.observation import BodiesSeen
from hmr_ros.tracks import TrackState


def figures(
    sent_ns: Sequence[int], bodies: Sequence[BodiesSeen], arrivals: dict[str, list[float]]
) -> dict:
    """Figures as ``docs/demo.md`` describes them, without ``machine``.

    sent_ns: stamps of all images the camera published. An image counts as processed if bodies
    with its stamp were received; so a message lost on the way back counts as a lost frame too.
    """
    answered = {b.stamp_ns for b in bodies}
    processed = sum(stamp in answered for stamp in sent_ns)
    lives = _lives(bodies)
    span_s = (bodies[-1].stamp_ns - bodies[0].stamp_ns) / 1e9 if bodies else 0.0
    return {
        "frames_sent": len(sent_ns),
        "frames_processed": processed,
        "frames_lost": len(sent_ns) - processed,
        "bodies_hz": _round(rate_hz([b.received_ns / 1e9 for b in bodies])),
        "people_median": _round(_median([people_tracked(b.message) for b in bodies])),
        "ids": len(lives),
        "id_lifetime_s_median": _round(_median([last - first for first, last in lives.values()])),
        "ids_per_minute": _round(60 * len(lives) / span_s) if span_s > 0 else None,
        "latency_ms": latencies([b.latency_ms for b in bodies]),
        "outputs": {topic: _round(rate_hz(times)) for topic, times in sorted(arrivals.items())},
    }


def people_tracked(message) -> int:
    """How many people were seen in this very image; those only predicted do not count."""
    return sum(b.tracking_state == TrackState.TRACKED for b in message.bodies)


def rate_hz(times_s: Sequence[float]) -> float | None:
    """Mean rate from the first to the last of ``times_s``; None for less than two."""
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return None
    return (len(times_s) - 1) / (times_s[-1] - times_s[0])


def latencies(values_ms: Sequence[float]) -> dict[str, float | None]:
    """Percentiles 50, 95 and 99."""
    if not len(values_ms):
        return {"p50": None, "p95": None, "p99": None}
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {"p50": _round(p50), "p95": _round(p95), "p99": _round(p99)}


def _lives(bodies: Sequence[BodiesSeen]) -> dict[int, tuple[float, float]]:
    """Id to first and last time it was published, seconds."""
    times = defaultdict(list)
    for seen in bodies:
        for body in seen.message.bodies:
            times[body.id].append(seen.stamp_ns / 1e9)
    return {number: (t[0], t[-1]) for number, t in times.items()}


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)
