"""What the stamps of the images tell: a new one, the same again, or a clock that jumped back."""

from __future__ import annotations

from enum import Enum

# A frame this much older than the last one is late, not the start of a new run; several in a row
# are a new run all the same (a short bag that loops).
LATE_S = 0.5
LATE_IN_A_ROW = 3


class Arrival(Enum):
    NEW = "new"
    DUPLICATE = "duplicate"  # same stamp as the last one: nothing new, and tf must not repeat it
    LATE = "late"  # overtaken by a newer frame
    JUMP = "jump"  # time starts anew, as when a bag loops


class ImageClock:
    """Judges each stamp against the one before."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Take the next image as the first."""
        self._last_ns: int | None = None
        self._late = 0

    def arrival(self, stamp_ns: int) -> Arrival:
        """Kind of this image; a NEW or a JUMP becomes the one that later ones are compared with."""
        last = self._last_ns
        if last is not None and stamp_ns == last:
            return Arrival.DUPLICATE
        if last is not None and stamp_ns < last:
            self._late += 1
            if last - stamp_ns <= LATE_S * 1e9 and self._late < LATE_IN_A_ROW:
                return Arrival.LATE
        jumped = last is not None and stamp_ns < last
        self._last_ns, self._late = stamp_ns, 0
        return Arrival.JUMP if jumped else Arrival.NEW
