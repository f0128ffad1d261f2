"""Which backend answers: the one asked for, or another until it can be had, and saying so."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from hmr_ros.body.model import BodyModel
from hmr_ros.runtime.backends.backend import Backend, BackendError, BackendOptions
from hmr_ros.runtime.backends.background_build import BackgroundBuild, Cancelled, Tell
from hmr_ros.runtime.backends.build_progress import Progress
from hmr_ros.runtime.backends.engine_build import build
from hmr_ros.runtime.backends.engine_cache import UnusableEngine
from hmr_ros.runtime.estimators import Estimator, close, graphs_of, load_estimator
from hmr_ros.runtime.sampling import NO_SAMPLES, Sampling, sampling_of

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
        self._build: BackgroundBuild[Estimator] | None = None
        try:
            self.estimator = self._loaded(settings.backend, settings.provider, settings.precision)
        except BackendError as error:
            if settings.require_backend:
                raise UnservedError(f"{error} (require_backend allows no other)") from error
            self._note = f"instead of {settings.backend}: {error}"
            # A float16 file serves GPUs: on the CPU it is computed in float32 (``OnnxBackend``).
            precision = "int8" if settings.precision == "int8" else "float32"
            self.estimator = self._loaded("onnxruntime", "cpu", precision)
            if settings.backend == "tensorrt":
                self._build = BackgroundBuild(self._with_engines)

    @property
    def served(self) -> Served:
        """What answers now. Any thread may ask."""
        build = self._build
        note = self._note if build is None else f"instead of tensorrt: {_told(build)}"
        return served_by(self.estimator.backends, note)

    def renewed(self) -> bool:
        """Whether ``estimator`` is another one from now on. To be asked between two images, by the
        thread that calls the estimator: the one before is closed."""
        build = self._build
        if build is None or not build.future.done() or build.future.exception():
            return False
        close(self.estimator.backends)
        self.estimator, self._build, self._note = build.future.result(), None, ""
        return True

    def close(self) -> None:
        """End a build and give back what the backends hold. Twice does nothing."""
        build, self._build = self._build, None
        if build is not None:
            build.cancel()
            wait([build.future], END_S)
            build.future.add_done_callback(_close_made)  # now, or when it comes too late
        close(self.estimator.backends)

    def _options(self, provider: str) -> BackendOptions:
        settings = self._settings
        return BackendOptions(
            threads=settings.threads,
            provider=provider,
            max_batch=settings.max_batch,
            cache=Path(settings.engine_cache).expanduser() if settings.engine_cache else None,
            workspace_mib=settings.workspace_mib,
            build=False,  # for minutes, before the node answers: see _with_engines
        )

    def _sampling(self) -> Sampling:
        # Over time, samples are those of the network that looks back.
        return NO_SAMPLES if self._settings.temporal else sampling_of(self._settings)

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

    def _with_engines(self, tell: Tell, cancelled: Cancelled) -> Estimator:
        """Build what is missing, then load it. An engine that is there but that TensorRT cannot
        read is only noticed by loading it; then all are built anew, once."""
        settings, graphs = self._settings, self._graphs()
        for force in (False, True):
            for number, (graph, options) in enumerate(graphs):

                def tell_all(of_one: Progress, number: int = number, name=graph.path.name) -> None:
                    step = f"the engine of {name} is being built"
                    tell(Progress(step, (number + of_one.fraction) / len(graphs)))

                build(graph, options, tell_all, cancelled, force)
            try:
                return self._loaded("tensorrt", settings.provider, settings.precision)
            except UnusableEngine:
                if force:
                    raise


def _told(build: BackgroundBuild) -> str:
    """How far it is, or why it failed, in words."""
    if not build.future.done():
        return f"{build.progress.step}, {build.progress.fraction:.0%}"
    error = build.future.exception()
    return "its engine serves from the next image on" if error is None else str(error)


def _close_made(future: Future[Estimator]) -> None:
    if future.exception() is None:
        close(future.result().backends)
