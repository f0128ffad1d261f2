"""A thread that always works on the newest item."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class Worker:
    """Runs ``work(item)`` in its own thread, one item at a time; the newest item wins.

    ``put`` never blocks: an item that waits is replaced by the next one and counted in
    ``dropped``. An exception of ``work`` goes to ``on_error`` and the thread goes on.
    """

    def __init__(
        self,
        work: Callable[[Any], None],
        on_error: Callable[[Exception], None],
        name: str = "worker",
    ) -> None:
        self._work, self._on_error = work, on_error
        self._ready = threading.Condition()
        self._item: Any = None
        self._busy = self._accepting = self._stopping = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def accept(self) -> None:
        """From now on ``put`` takes items."""
        with self._ready:
            self._accepting = True

    def pause(self, timeout_s: float) -> bool:
        """Take no more items, forget the waiting one, wait for the current one to end.

        Returns False if it has not ended in time; it still ends by itself later.
        """
        deadline = time.monotonic() + timeout_s
        with self._ready:
            self._accepting = False
            self._item = None
            while self._busy:
                if not self._ready.wait(max(0.0, deadline - time.monotonic())):
                    return not self._busy
            return True

    def put(self, item: Any) -> None:
        with self._ready:
            if not self._accepting:
                return
            self.dropped += self._item is not None
            self._item = item
            self._ready.notify_all()

    def stop(self, timeout_s: float) -> bool:
        """End the thread. Returns False if the current item did not end in time."""
        with self._ready:
            self._stopping, self._accepting, self._item = True, False, None
            self._ready.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._busy = False
                self._ready.notify_all()
                self._ready.wait_for(lambda: self._stopping or self._item is not None)
                if self._stopping:
                    return
                item, self._item, self._busy = self._item, None, True
            try:
                self._work(item)
            except Exception as error:
                self._on_error(error)
            del item  # an image must not stay alive while the thread waits for the next
