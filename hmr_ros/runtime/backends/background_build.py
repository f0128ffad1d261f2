"""A build in a thread of its own, for a caller that has something else to do meanwhile."""

from __future__ import annotations

import threading

from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.backends.build_progress import Progress
from hmr_ros.runtime.backends.engine_build import Engine, build
from hmr_ros.runtime.graph_file import GraphFile


class BackgroundBuild:
    """Starts at once. progress: the newest. Any thread may ask.

    The main thread of a program should build this way as well: a signal that arrived inside
    TensorRT would be lost there.
    """

    def __init__(self, graph: GraphFile, options: BackendOptions, force: bool = False) -> None:
        self.progress = Progress("starting", 0.0)
        self._cancelled, self._done = threading.Event(), threading.Event()
        self._engine: Engine | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(graph, options, force), name="engine build", daemon=True
        )
        self._thread.start()

    def _run(self, graph: GraphFile, options: BackendOptions, force: bool) -> None:
        try:
            self._engine = build(graph, options, self._tell, self._cancelled.is_set, force)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def _tell(self, progress: Progress) -> None:
        self.progress = progress

    @property
    def done(self) -> bool:
        """It has ended, well or not."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Ask it to end; it does at TensorRT's next step."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended within so many seconds."""
        return self._done.wait(seconds)

    def result(self) -> Engine:
        """Waits for the end. Raises what ``engine_build.build`` raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._engine
