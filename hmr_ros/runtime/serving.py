"""Which backend answers: the one asked for, or another until it can be had, and saying so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from hmr_ros.body.model import BodyModel
from hmr_ros.runtime.backends.backend import Backend, BackendError, BackendOptions
from hmr_ros.runtime.estimators import Estimator, close, graphs_of, load_estimator
from hmr_ros.runtime.sampling import Sampling

END_S = 3.0  # how long a build that is told to end is waited for


class UnservedError(BackendError, ValueError):
    """The parameters ask for a backend that cannot be had, and allow no other."""


@dataclass(frozen=True)
class Served:
    """What answers now. device, provider, precision: as it really is (see ``Backend``). note: why
    it is not what was asked for, and how far a build has come; empty if all is as wished."""

    backend: str
    device: str
    provider: str
    precision: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.backend} ({self.device}, {self.provider}, {self.precision})"


def served_by(backends: Sequence[Backend], note: str = "") -> Served:
    """What an estimator's backends are. note: before what they have to say themselves."""
    first, notes = backends[0], [note, *(getattr(b, "note", "") for b in backends)]
    precisions = " and ".join(dict.fromkeys(b.precision for b in backends))
    note = "; ".join(filter(None, notes))
    return Served(first.name, first.device, first.provider, precisions, note)


class Serving:
    """The estimator of ``settings`` (``hmr_ros.parameters``) on the backend that they name.

    If that cannot be had, ``onnxruntime`` on the CPU takes its place and ``served`` says why;
    with ``require_backend`` UnservedError is raised instead. TensorRT engines that are missing are
    built in a thread of their own meanwhile: ``renewed`` then gives the estimator that runs them.

    Raises what ``load_estimator`` does.
    """

    def __init__(self, settings: SimpleNamespace, body: BodyModel) -> None:
        self._settings, self._body = settings, body
        self._note = ""
        self._build: Build | None = None
        try:
            self.estimator = self._loaded(settings.backend, settings.provider, settings.precision)
        except BackendError as error:
            if settings.require_backend:
                raise UnservedError(f"{error} (require_backend allows no other)") from error
            self._note = f"instead of {settings.backend}: {error}"
            # In half precision the CPU would be slow: the file serves GPUs.
            precision = "int8" if settings.precision == "int8" else "float32"
            self.estimator = self._loaded("onnxruntime", "cpu", precision)
            if settings.backend == "tensorrt":
                self._build = Build(self._graphs(), self._with_engines)

    @property
    def served(self) -> Served:
        """What answers now. Any thread may ask."""
        build = self._build
        note = self._note if build is None else f"instead of tensorrt: {build.told}"
        return served_by(self.estimator.backends, note)

    def renewed(self) -> bool:
        """Whether ``estimator`` is another one from now on. To be asked between two images, by the
        thread that calls the estimator: the one before is closed."""
        build = self._build
        if build is None or build.made is None:
            return False
        close(self.estimator.backends)
        self.estimator, self._build, self._note = build.made, None, ""
        return True

    def close(self) -> None:
        """End a build and give back what the backends hold. Twice does nothing."""
        build, self._build = self._build, None
        if build is not None:
            build.end()
        close(self.estimator.backends)

    def _options(self, provider: str) -> BackendOptions:
        settings = self._settings
        return BackendOptions(
            threads=settings.threads,
            provider=provider,
            max_batch=settings.max_batch,
            cache=Path(settings.engine_cache).expanduser() if settings.engine_cache else None,
            workspace_mib=settings.workspace_mib,
            build=False,  # for minutes, before the node answers: see Build
        )

    def _sampling(self) -> Sampling:
        settings = self._settings
        return Sampling(settings.n_samples, settings.sample_steps, settings.guidance)

    def _loaded(self, backend: str, provider: str, precision: str) -> Estimator:
        settings = self._settings
        return load_estimator(
            settings.estimator,
            self._body,
            settings.weights_path,
            backend,
            self._options(provider),
            precision,
            self._sampling(),
        )

    def _graphs(self) -> list:
        settings = self._settings
        return graphs_of(
            settings.estimator,
            settings.weights_path,
            settings.precision,
            self._options(settings.provider),
            self._sampling(),
        )

    def _with_engines(self) -> Estimator:
        settings = self._settings
        return self._loaded("tensorrt", settings.provider, settings.precision)


class Build:
    """Builds the engines of ``graphs`` in a thread of its own, then calls ``load`` there.

    told: how far it is, or why it failed, in words. made: what ``load`` gave, None until then. A
    build that is told to end leaves nothing half written: files take their place when complete.
    """

    def __init__(self, graphs: list, load: Callable[[], Estimator]) -> None:
        self.told = "its engine is built"
        self.made: Estimator | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(graphs, load), name="engine build", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Ask it to end, wait a while, and give back what it has made."""
        self._ended.set()
        self._thread.join(END_S)
        if self.made is not None:
            close(self.made.backends)

    def _run(self, graphs: list, load: Callable[[], Estimator]) -> None:
        try:
            from hmr_ros.runtime.backends.engine_build import build

            for graph, options in graphs:
                name = graph.path.name

                def tell(progress, name: str = name) -> None:
                    self.told = f"the engine of {name} is built, {progress.fraction:.0%}"

                build(graph, options, tell, self._ended.is_set)
            self.made = load()
        except Exception as error:  # whatever it is, another backend serves and says so
            self.told = str(error)
            return
        if self._ended.is_set():  # it came too late
            close(self.made.backends)
