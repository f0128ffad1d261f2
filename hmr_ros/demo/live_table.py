"""The demo in the terminal: a table of the people now, and how the system is doing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hmr_ros.demo.figures import latencies, rate_hz
from hmr_ros.demo.observation import Observation
from hmr_ros.demo.person_rows import PersonRow, PersonRows

LINE_EVERY_S = 3.0
WINDOW = 100  # images that the latency and the rates are taken over


def live_view(title: str, rows: list[PersonRow], observed: Observation, waiting: int) -> Group:
    """What is shown now; ``waiting``: images still in work or lost."""
    return Group(
        Text(title, style="bold"), _people(rows), _rates(observed), _health(observed, waiting)
    )


def _people(rows: list[PersonRow]) -> Table:
    table = Table(expand=False)
    for name in ("id", "seen for", "distance", "right, down, ahead", "speed", "hidden joints", "±"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row.id),
            f"{row.age_s:.1f} s",
            f"{row.distance:.2f} m" if row.metric else f"~{row.distance:.1f} m",
            "{:+.2f} {:+.2f} {:+.2f}".format(*row.position),
            "" if row.speed is None else f"{row.speed:.1f} m/s",
            f"{row.hidden} of 24",
            _spread(row),
            style="dim" if row.coasting else "",
        )
    if not rows:
        table.add_row("", "", "nobody", "in view", "", "", "")
    return table


def _spread(row: PersonRow) -> str:
    """Uncertainty of the joints in centimetres: of the seen ones, of the hidden ones."""
    parts = ((row.spread_seen, "seen"), (row.spread_hidden, "hidden"))
    return ", ".join(f"{100 * s:.0f} cm {what}" for s, what in parts if s is not None)


def _rates(observed: Observation) -> Text:
    rates = {topic: rate_hz(times[-WINDOW:]) for topic, times in observed.arrivals.items()}
    return Text("   ".join(f"{t} {r or 0:.1f} Hz" for t, r in sorted(rates.items())))


def _health(observed: Observation, waiting: int) -> Text:
    recent = [b.latency_ms for b in observed.bodies[-WINDOW:]]
    text = f"images {len(observed.sent_ns)}   lost or in work {waiting}   "
    if recent:
        text += "latency p50 {p50:.0f}  p95 {p95:.0f}  p99 {p99:.0f} ms".format(**latencies(recent))
    return Text(text, style="green" if waiting <= 1 else "yellow")


def headless_line(
    rows: list[PersonRow], observed: Observation, waiting: int, started: float
) -> str:
    """The same in one line, for logs. started: time.monotonic() of the beginning."""
    people = ", ".join(f"{r.id} at {r.distance:.1f} m" for r in rows if not r.coasting)
    return (
        f"{time.monotonic() - started:5.1f} s  {_health(observed, waiting).plain}   "
        f"people: {people or 'none'}"
    )


@contextmanager
def display(title: str, headless: bool) -> Iterator[Callable[[Observation, int], None]]:
    """Gives a function that shows the newest state: a live table, or a line every few seconds."""
    people, started, last = PersonRows(), time.monotonic(), -math.inf
    taken, rows = 0, []

    def newest(observed: Observation) -> list[PersonRow]:
        nonlocal taken, rows
        for seen in observed.bodies[taken:]:
            rows = people.update(seen.message)
        taken = len(observed.bodies)
        return rows

    def line(observed: Observation, waiting: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_EVERY_S:
            last = now
            print(headless_line(newest(observed), observed, waiting, started), flush=True)

    if headless:
        yield line
        return
    with Live(auto_refresh=False) as live:
        yield lambda observed, waiting: live.update(
            live_view(title, newest(observed), observed, waiting), refresh=True
        )
