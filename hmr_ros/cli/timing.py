"""Times of calls that are compared, as rows of ``hmr bench``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

WARM_UP = 3


def timed(calls: Mapping[str, Callable], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each call, taken in turns so that other load on the machine meets all alike."""
    return timed_twice(calls, rounds)[0]


def timed_twice(
    calls: Mapping[str, Callable], rounds: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """As ``timed``, and the seconds of processor time that all threads of the process took
    meanwhile, which other load changes less."""
    seconds = {name: np.empty(rounds) for name in calls}
    worked = {name: np.empty(rounds) for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    for n in range(rounds):
        for name, call in calls.items():
            start, processor = time.perf_counter(), time.process_time()
            call()
            seconds[name][n] = time.perf_counter() - start
            worked[name][n] = time.process_time() - processor
    return seconds, worked


def row(
    name: str, seconds: np.ndarray, units: int = 1, versus: str = "", ratio: float | None = None
) -> dict:
    """units: done by one call. versus: what ``ratio``, its median time over this one's, is to."""
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return {
        "name": name,
        "p50_ms": 1e3 * p50,
        "p95_ms": 1e3 * p95,
        "p99_ms": 1e3 * p99,
        "per_second": units / p50,
        "bytes": None,
        "versus": versus,
        "ratio": ratio,
    }
