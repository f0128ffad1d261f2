"""Joules that the machine says it has used, where it says so.

Intel and AMD processors count them (RAPL, ``/sys/class/powercap``; readable by root on most
systems); a Jetson measures the watts of its rails (INA sensors, ``/sys/class/hwmon``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

SYSTEM = Path("/sys/class")


class Counters:
    """Sum of the processor packages' counters. Raises OSError if they cannot be read."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self._turns = [int((f / "max_energy_range_uj").read_text()) for f in folders]
        self._last, self._joules = self._read(), 0.0

    def __call__(self) -> float:
        """Joules since the beginning; a counter may have turned over once since the last call."""
        now = self._read()
        steps = zip(now, self._last, self._turns, strict=True)
        self._joules += 1e-6 * sum((a - b) % (turn + 1) for a, b, turn in steps)
        self._last = now
        return self._joules

    def _read(self) -> list[int]:
        return [int((f / "energy_uj").read_text()) for f in self._folders]


def counters(system: Path = SYSTEM) -> Counters | None:
    """The processors' energy, or None where it is not told."""
    # Beside the packages there may be "psys", the whole platform, which holds them once more.
    zones = sorted(system.glob("powercap/*-rapl:[0-9]*"))
    try:
        packages = [z for z in zones if (z / "name").read_text().startswith("package-")]
        return Counters(packages) if packages else None
    except (OSError, ValueError):  # for root alone, or of a shape that is not known
        return None


def board_power(system: Path = SYSTEM) -> Callable[[], float] | None:
    """Watts of the whole board now, by the rail that feeds it (VDD_IN), or None without one."""
    for label in sorted(system.glob("hwmon/hwmon*/in*_label")):
        try:
            rail = label.read_text().strip()
        except OSError:
            continue
        number = label.name.removeprefix("in").removesuffix("_label")
        volts, amperes = (
            label.with_name(f"in{number}_input"),
            label.with_name(f"curr{number}_input"),
        )
        if rail == "VDD_IN" and volts.is_file() and amperes.is_file():
            return lambda: 1e-6 * int(volts.read_text()) * int(amperes.read_text())
    return None


def joules_a_call(
    call: Callable[[], object], seconds: float = 1.0, system: Path = SYSTEM
) -> float | None:
    """Of the whole machine while ``call`` is repeated for so long, over the number of calls; None
    where energy is not told."""
    counted, power = counters(system), board_power(system)
    if counted is None and power is None:
        return None
    begin = last = time.perf_counter()
    calls, joules = 0, 0.0
    while last - begin < seconds:
        call()
        calls += 1
        now = time.perf_counter()
        if counted is None:
            joules += power() * (now - last)
        last = now
    return (counted() if counted is not None else joules) / calls
