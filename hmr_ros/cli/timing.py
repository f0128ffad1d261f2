"""Times of calls that are compared, as rows of ``hmr bench``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

WARM_UP = 3


class Times(NamedTuple):
    """Seconds of each round. clock: what passed. processor: what all threads of the process worked
    for meanwhile, which other load changes less."""

    clock: np.ndarray
    processor: np.ndarray


def timed(
    calls: Mapping[str, Callable], rounds: int, settle: Callable[[], object] = lambda: None
) -> dict[str, Times]:
    """Times of each call, taken in turns so that other load on the machine meets all alike.

    settle: called after each call, out of the time: it waits for what the call has left running,
    which would meet the next one."""
    times = {name: Times(np.empty(rounds), np.empty(rounds)) for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
            settle()
    for n in range(rounds):
        for name, call in calls.items():
            start, worked = time.perf_counter(), time.process_time()
            call()
            times[name].clock[n] = time.perf_counter() - start
            times[name].processor[n] = time.process_time() - worked
            settle()
    return times


def row(name: str, times: Times, units: int = 1) -> dict:
    """units: done by one call."""
    p50, p95, p99 = np.percentile(times.clock, [50, 95, 99])
    return {
        "name": name,
        "p50_ms": 1e3 * p50,
        "p95_ms": 1e3 * p95,
        "p99_ms": 1e3 * p99,
        "processor_ms": 1e3 * np.median(times.processor),
        "per_second": units / p50,
        "bytes": None,
        "versus": "",
        "ratio": None,
    }


def compare(row: dict, other: dict) -> None:
    """Say in ``row`` how many times as many units a second it does as ``other``, of the same
    run."""
    row.update(versus=other["name"], ratio=row["per_second"] / other["per_second"])
