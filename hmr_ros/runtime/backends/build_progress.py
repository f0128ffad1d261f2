"""How far a build has come, from what TensorRT tells of its phases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Progress:
    """step: what is done just now, in words. fraction: of all of it, 0 to 1."""

    step: str
    fraction: float


class Phases:
    """Phases nest: a step of one may be a phase with steps of its own. Any thread may tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Phase] = {}
        self._farthest = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        with self._lock:
            self._open[name] = _Phase(parent, max(steps, 1))

    def step(self, name: str, step: int) -> Progress:
        """``step`` (from 0) of phase ``name`` is done."""
        with self._lock:
            if name in self._open:
                self._open[name].done = min(step + 1, self._open[name].steps)
            roots = [n for n, phase in self._open.items() if phase.parent not in self._open]
            # One root after another comes and goes; a bar that runs back tells nobody anything.
            here = max(map(self._fraction, roots), default=0.0)
            self._farthest = max(self._farthest, here)
            return Progress(name, self._farthest)

    def finish(self, name: str) -> None:
        with self._lock:
            self._open.pop(name, None)

    def _fraction(self, name: str) -> float:
        phase = self._open[name]
        within = [self._fraction(n) for n, p in self._open.items() if p.parent == name]
        return min((phase.done + max(within, default=0.0)) / phase.steps, 1.0)


@dataclass
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


def progress_monitor(
    trt: ModuleType, tell: Callable[[Progress], None], cancelled: Callable[[], bool]
):
    """An ``IProgressMonitor`` that tells and, once ``cancelled``, lets the build end.

    TensorRT calls it from threads of its own and drops what it raises, so an error in ``tell``
    ends the build as well and is kept in ``error``.
    """

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._phases = Phases()
            self.error: BaseException | None = None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._phases.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            try:
                tell(self._phases.step(phase_name, step))
                return self.error is None and not cancelled()
            except BaseException as error:
                self.error = error
                return False

        def phase_finish(self, phase_name: str) -> None:
            self._phases.finish(phase_name)

    return Monitor()
