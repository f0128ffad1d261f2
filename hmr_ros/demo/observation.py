"""What a planner has seen of a run: bodies with their times, and how often each topic came."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BodiesSeen:
    """One message of ``~/bodies``.

    stamp_ns:    of its image.
    received_ns: when the planner had it, by the same clock.
    message:     the ``SmplBodyArray``.
    """

    stamp_ns: int
    received_ns: int
    message: object

    @property
    def latency_ms(self) -> float:
        return (self.received_ns - self.stamp_ns) / 1e6


@dataclass
class Observation:
    """Everything received since the start.

    sent_ns:  stamps of the images the camera says it has taken (by its camera_info).
    bodies:   messages of ``~/bodies`` in order of arrival.
    arrivals: topic to arrival times, seconds of a steady clock.
    """

    sent_ns: list[int] = field(default_factory=list)
    bodies: list[BodiesSeen] = field(default_factory=list)
    arrivals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def unanswered(self) -> int:
        """Images taken for which no bodies have come yet."""
        return len(set(self.sent_ns) - {b.stamp_ns for b in self.bodies})
