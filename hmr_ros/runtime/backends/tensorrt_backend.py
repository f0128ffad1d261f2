"""Graphs as TensorRT engines on a CUDA device, with pycuda. See docs/tensorrt.md."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmr_ros.runtime.backends.backend import BackendError, BackendOptions
from hmr_ros.runtime.backends.cuda_device import CudaDevice, cuda_device
from hmr_ros.runtime.backends.engine_build import Engine, build, command, find
from hmr_ros.runtime.backends.engine_cache import UnusableEngine
from hmr_ros.runtime.backends.engine_session import EngineSession
from hmr_ros.runtime.backends.nvidia_libraries import Libraries, libraries
from hmr_ros.runtime.backends.tensors import zeros
from hmr_ros.runtime.graph_file import GraphFile


def open_graph(graph: GraphFile, options: BackendOptions) -> TensorRtBackend:
    """See ``backend.open_backend``. An engine that is missing or must not be run is built if the
    options allow it, which takes minutes; once, then the error says why."""
    loaded = libraries()
    device = cuda_device(loaded.cuda)
    try:
        engine = _engine(loaded, device, graph, options)
        session = _session(loaded, device, engine)
    except UnusableEngine as error:
        if not options.build:
            again = command(graph, options, force=True)
            raise UnusableEngine(f"{error}; build it anew: {again}") from error
        engine = build(graph, options, force=True)
        session = _session(loaded, device, engine)
    backend = TensorRtBackend(loaded, device, session, engine)
    try:
        for rows in (1, options.max_batch):  # each number of rows is prepared at its first run
            backend.run(zeros(graph, rows))
    except BaseException:
        backend.close()
        raise
    return backend


class TensorRtBackend:
    """A ``backend.Backend``; ``submit`` and ``collect`` beside ``run`` keep the device busy while
    the next inputs are copied (see ``engine_session.EngineSession``).

    note: what the user should know of the engine, such as that half precision was refused.
    """

    name = "tensorrt"

    def __init__(
        self, libraries: Libraries, device: CudaDevice, session: EngineSession, engine: Engine
    ) -> None:
        self._session = session
        self.device, self.note = device.name, engine.note
        self.provider = f"TensorRT {libraries.trt.__version__}"
        self.precision = engine.graph.precision
        self.submit, self.collect = session.submit, session.collect

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See ``backend.Backend``; the arrays are the caller's own."""
        return self._session.run(inputs)

    def close(self) -> None:
        """See ``backend.Backend``."""
        self._session.close()


def _engine(
    loaded: Libraries, device: CudaDevice, graph: GraphFile, options: BackendOptions
) -> Engine:
    if options.build:
        return build(graph, options)
    engine = find(loaded, device, graph, options)
    if engine is None:
        raise BackendError(
            f"there is no TensorRT engine of {graph.path.name} for {device.name} and up to "
            f"{options.max_batch} people: {command(graph, options)}"
        )
    return engine


def _session(loaded: Libraries, device: CudaDevice, engine: Engine) -> EngineSession:
    return EngineSession(loaded, device, engine.kept.plan, engine.graph, engine.key)
