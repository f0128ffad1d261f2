"""A build in a thread of its own, for a caller that has something else to do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from hmr_ros.runtime.backends.build_progress import Progress

Made = TypeVar("Made")
Tell, Cancelled = Callable[[Progress], None], Callable[[], bool]


class BackgroundBuild(Generic[Made]):
    """Starts ``work(tell, cancelled)`` at once. progress: the newest that was told. future: of what
    ``work`` returns or raises; it is never cancelled itself. Any thread may ask.

    The main thread of a program should build this way as well: a signal that arrived inside
    TensorRT would be lost there.
    """

    def __init__(self, work: Callable[[Tell, Cancelled], Made]) -> None:
        self.progress = Progress("its engine is being built", 0.0)
        self.future: Future[Made] = Future()
        self._cancelled = threading.Event()
        # Not an executor's: those are waited for when the program ends.
        threading.Thread(target=self._run, args=(work,), name="engine build", daemon=True).start()

    def cancel(self) -> None:
        """Ask it to end; it does at TensorRT's next step."""
        self._cancelled.set()

    def _run(self, work: Callable[[Tell, Cancelled], Made]) -> None:
        try:
            made = work(self._tell, self._cancelled.is_set)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(made)

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
