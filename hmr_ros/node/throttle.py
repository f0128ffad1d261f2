"""Which warnings are worth saying again."""

from __future__ import annotations

import re
import time

PAUSE_S = 10.0
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


class Throttle:
    """Lets each kind of text through once in ``PAUSE_S``: one that comes with every image must not
    hide the others. Of one kind are texts that differ in numbers alone.

    (rclpy throttles by the line of code, so that all that is said there counts as one.)
    """

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, text: str) -> bool:
        """True if the text is to be said now."""
        now, kind = time.monotonic(), NUMBER.sub("0", text)
        self._said = {k: t for k, t in self._said.items() if now - t < PAUSE_S}
        if kind in self._said:
            return False
        self._said[kind] = now
        return True
