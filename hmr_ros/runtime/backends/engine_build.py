"""The engine of a graph: out of the cache, or built, judged by its numbers, and kept there."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from hmr_ros.runtime.backends.backend import BackendError, BackendOptions
from hmr_ros.runtime.backends.build_progress import Progress
from hmr_ros.runtime.backends.cuda_device import CudaDevice, cuda_device
from hmr_ros.runtime.backends.engine_cache import (
    KeptEngine,
    RefusedEngine,
    UnusableEngine,
    default_folder,
    keep_engine,
    keep_refusal,
    load_engine,
    lock_path,
    timing_path,
)
from hmr_ros.runtime.backends.engine_key import EngineKey, key_of
from hmr_ros.runtime.backends.engine_session import EngineSession
from hmr_ros.runtime.backends.numeric_gate import Measure, judge
from hmr_ros.runtime.backends.nvidia_libraries import Libraries, libraries
from hmr_ros.runtime.backends.plan_building import BuildCancelled, build_plan
from hmr_ros.runtime.backends.private_files import (
    NotPrivate,
    locked,
    private_folder,
    read_private,
    write_private,
)
from hmr_ros.runtime.graph_file import GraphFile, verify
from hmr_ros.runtime.precisions import in_precision

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """An engine whose numbers are right.

    graph: what it was made from, which is the float32 file of the same network if half precision
    was refused. kept: the plan. built: made now, not found. note: what the user should know.
    """

    graph: GraphFile
    key: EngineKey
    kept: KeptEngine
    built: bool = False
    note: str = ""


def build(
    graph: GraphFile,
    options: BackendOptions,
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    force: bool = False,
) -> Engine:
    """The engine of ``graph``, or of its float32 file if the engine's numbers were wrong.

    Takes minutes if it must be built; may run in any thread. progress: told from other threads.
    cancelled: asked at every step; the builder ends at the next one. force: build even if there is
    one. Another builder of the same engine is waited for, and its engine used.

    Raises BuildCancelled, BackendError for what this machine lacks or TensorRT cannot do and for
    wrong numbers in float32 too, WeightsError for a graph that is damaged or has no reference.
    """
    loaded = libraries()
    device = cuda_device(loaded.cuda)
    folder = _private(options.cache or default_folder())
    builder = _Builder(loaded, device, folder, options, progress, cancelled, force)
    return _first_right(builder.engine, graph, device, options)


def command(graph: GraphFile, options: BackendOptions, force: bool = False) -> str:
    """What builds the engine that ``options`` ask for, to be typed into a shell."""
    words = ["hmr", "build-engine", str(graph.path), "--max-batch", str(options.max_batch)]
    words += ["--workspace-mib", str(options.workspace_mib)]
    words += ["--cache", str(options.cache)] if options.cache else []
    return shlex.join([*words, "--force"] if force else words)


def find(
    loaded: Libraries, device: CudaDevice, graph: GraphFile, options: BackendOptions
) -> Engine | None:
    """The engine from the cache, None if there is none; nothing is written.

    Raises UnusableEngine if its file must not be run, BackendError if the numbers of all were
    found wrong before or the folder is open to others, WeightsError.
    """
    folder = options.cache or default_folder()
    if not folder.is_dir():
        return None
    _private(folder)

    def kept(candidate: GraphFile) -> Engine | None:
        key = _key(loaded, device, candidate, options)
        found = load_engine(folder, key)
        return found and Engine(candidate, key, found)

    return _first_right(kept, graph, device, options)


def _first_right(
    engine_of: Callable[[GraphFile], Engine | None],
    graph: GraphFile,
    device: CudaDevice,
    options: BackendOptions,
) -> Engine | None:
    """What ``engine_of`` gives for the first file of the network that it does not refuse."""
    refused = []
    for candidate in _candidates(graph):
        try:
            engine = engine_of(candidate)
        except RefusedEngine as error:
            refused.append(f"the {candidate.precision} engine has wrong numbers, {error}")
            _log.warning("%s on %s: %s", graph.path.name, device.name, refused[-1])
            continue
        return engine and replace(engine, note="; ".join(filter(None, (*refused, engine.note))))
    raise BackendError(
        f"{graph.path.name} on {device.name}: {'; '.join(refused)}. Set the backend to onnxruntime;"
        f" another TensorRT is tried by itself, this one again by {command(graph, options, True)}"
    )


def _candidates(graph: GraphFile) -> Iterator[GraphFile]:
    """The graph, then what serves if its numbers are wrong. Raises WeightsError, BackendError."""
    if graph.precision == "int8":
        raise BackendError(
            f"{graph.path} is quantised for processors: name its float16 or float32 file"
        )
    verify(graph)
    yield graph
    if graph.precision != "float32":
        single = in_precision(graph, "float32")
        verify(single)
        yield single


@dataclass(frozen=True)
class _Builder:
    """What ``build`` was given."""

    loaded: Libraries
    device: CudaDevice
    folder: Path
    options: BackendOptions
    progress: Callable[[Progress], None]
    cancelled: Callable[[], bool]
    force: bool

    def engine(self, graph: GraphFile) -> Engine:
        """Of exactly this file. Raises RefusedEngine if its numbers are wrong."""
        key = _key(self.loaded, self.device, graph, self.options)
        kept = None if self.force else self._kept(key)
        if kept is not None:
            return Engine(graph, key, kept)
        with ExitStack() as stack:
            waited = self._lock(stack, key)
            # Whoever had the lock before may have built it just now.
            kept = self._kept(key) if waited or not self.force else None
            return Engine(graph, key, kept) if kept else self._built(graph, key)

    def _lock(self, stack: ExitStack, key: EngineKey) -> bool:
        """Whether another had it first."""
        waited = False

        def waiting() -> None:
            nonlocal waited
            waited = True
            self.progress(Progress(f"another process builds {key.network}", 0.0))

        try:
            stack.enter_context(locked(lock_path(self.folder, key), self.cancelled, waiting))
        except InterruptedError as error:
            raise BuildCancelled(str(error)) from error
        except (OSError, NotPrivate) as error:
            raise _no_place(self.folder, error) from error
        return waited

    def _kept(self, key: EngineKey) -> KeptEngine | None:
        """A file that must not be run counts as none, and is replaced."""
        try:
            return load_engine(self.folder, key)
        except UnusableEngine as error:
            _log.warning("%s: it is built anew", error)
            return None

    def _built(self, graph: GraphFile, key: EngineKey) -> Engine:
        """Under the lock."""
        graph.references()  # without them there is nothing to judge by: said now, not after minutes
        timing = timing_path(self.folder, key)
        with self.device.current(f"building {key.network}"):
            plan = build_plan(
                self.loaded.trt,
                graph,
                key,
                self.options.workspace_mib,
                _content(timing),
                self.progress,
                self.cancelled,
            )
        made = KeptEngine(plan.content, self._measured(graph, key, plan.content), None)
        wrong = [str(measure) for measure in made.measures if not measure.passed]
        note = ""
        try:
            if wrong:
                keep_refusal(self.folder, key, made.measures)
            else:
                made = keep_engine(self.folder, key, made)
            write_private(timing, plan.timing)
        except OSError as error:
            note = f"not all could be kept, so the next start builds again: {error}"
            _log.warning("%s: %s", self.folder, note)
        if wrong:
            raise RefusedEngine("; ".join(wrong))
        return Engine(graph, key, made, built=True, note=note)

    def _measured(self, graph: GraphFile, key: EngineKey, plan: bytes) -> tuple[Measure, ...]:
        try:
            session = EngineSession(self.loaded, self.device, plan, graph, key)
        except UnusableEngine as error:
            raise BackendError(f"the engine built just now cannot be used: {error}") from error
        try:
            return judge(session.run, graph, key.profile[-1])
        finally:
            session.close()


def _key(
    loaded: Libraries, device: CudaDevice, graph: GraphFile, options: BackendOptions
) -> EngineKey:
    return key_of(graph, options, loaded.trt.__version__, device.name, device.capability)


def _private(folder: Path) -> Path:
    try:
        return private_folder(folder)
    except (OSError, NotPrivate) as error:
        raise _no_place(folder, error) from error


def _no_place(folder: Path, error: Exception) -> BackendError:
    return BackendError(
        f"engines cannot be kept in {folder} ({error}): name a folder of this user's own, by "
        "--cache or XDG_CACHE_HOME"
    )


def _content(timing: Path) -> bytes:
    try:
        return read_private(timing)
    except (OSError, NotPrivate):
        return b""
