"""Pictures at the pace they were taken at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hmr_ros.sources.source import Picture, Source

LONGEST_PAUSE_S = 2.0


def in_real_time(
    source: Source,
    loop: bool = False,
    rate_hz: float | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[tuple[int, Picture]]:
    """(number within the source, picture), each given when it is due.

    Due times follow the stamps, or ``rate_hz`` if given; pauses in a recording are cut to 2 s. A
    reader that falls behind by more than a picture does not get a burst to catch up: the schedule
    moves. ``wait`` sleeps for so many seconds. Pictures of a live source are given as they come.
    """
    due = None
    while True:
        before = None
        for number, picture in enumerate(source):
            if not source.live:
                if rate_hz is not None or before is None:
                    period = 1 / (rate_hz or source.rate_hz)
                else:
                    period = min(max(picture.stamp - before, 0.0), LONGEST_PAUSE_S)
                now = time.monotonic()
                due = now if due is None or now > due + 2 * period else due + period
                if due > now:
                    wait(due - now)
            before = picture.stamp
            yield number, picture
        if not loop:
            return
