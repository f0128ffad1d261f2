"""The end of a run in words."""

from __future__ import annotations

from collections.abc import Iterable


def summary_lines(figures: dict) -> Iterable[str]:
    """Lines for the terminal; ``figures`` as written by ``--json``."""
    f, latency = figures, figures["latency_ms"]
    yield (
        f"images        {f['frames_sent']} sent, {f['frames_processed']} processed, "
        f"{f['frames_lost']} lost"
    )
    yield f"bodies        {_number(f['bodies_hz'])} Hz"
    yield (
        f"people        median {_number(f['people_median'])} at once; {f['ids']} ids, each for "
        f"{_number(f['id_lifetime_s_median'])} s (median)"
    )
    yield (
        f"latency       p50 {_number(latency['p50'])}  p95 {_number(latency['p95'])}  "
        f"p99 {_number(latency['p99'])} ms from image to bodies"
    )
    for topic, rate in f["outputs"].items():
        yield f"{topic:<22}{_number(rate)} Hz"
    for name, percent in f["cpu_percent"].items():
        yield f"cpu {name:<10}{percent:.0f} % of one core"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
