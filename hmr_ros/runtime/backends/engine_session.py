"""A deserialised engine with its buffers and streams, checked against the graph's manifest."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType

import numpy as np

from hmr_ros.runtime.backends.backend import BackendError
from hmr_ros.runtime.backends.cuda_buffers import Buffers
from hmr_ros.runtime.backends.cuda_device import CudaDevice
from hmr_ros.runtime.backends.engine_cache import UnusableEngine
from hmr_ros.runtime.backends.engine_key import EngineKey
from hmr_ros.runtime.backends.nvidia_libraries import Libraries
from hmr_ros.runtime.backends.tensorrt_log import tensorrt_log
from hmr_ros.runtime.backends.tensors import check_signature, rows_of
from hmr_ros.runtime.graph_file import GraphFile, Tensor, WeightsError

# While the device works on one run, the next one's inputs are copied.
AT_ONCE = 2
DTYPES = {
    "float32": "FLOAT",
    "float16": "HALF",
    "int8": "INT8",
    "uint8": "UINT8",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
}


class EngineSession:
    """Runs an engine. One stream computes and brings answers back; inputs go up on a second one,
    or the copy would wait for the run before it. Two sets of buffers take turns.

    Raises UnusableEngine for a plan that cannot be deserialised or is another graph's,
    BackendError if the device has too little memory.
    """

    def __init__(
        self,
        libraries: Libraries,
        device: CudaDevice,
        plan: bytes,
        graph: GraphFile,
        key: EngineKey,
    ) -> None:
        self._trt, self._cuda = libraries.trt, libraries.cuda
        self._device, self._graph, self._most = device, graph, key.profile[-1]
        self._free: deque[Buffers] = deque()
        self._running: deque[tuple[Buffers, int]] = deque()
        self._broken = ""
        self._shaped_for = 0  # rows that the execution context is set to
        self._log = tensorrt_log(self._trt)
        self._runtime = self._engine = self._context = self._stream = self._uploads = None
        with device.current(f"loading {graph.path.name}"):
            try:
                self._open(plan, key)
            except BaseException as error:
                # What the traceback still holds would be destroyed after the context is gone.
                traceback.clear_frames(error.__traceback__)
                self._drop()
                raise

    def _open(self, plan: bytes, key: EngineKey) -> None:
        trt, cuda = self._trt, self._cuda
        runtime = self._runtime = trt.Runtime(self._log)
        engine = self._engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise UnusableEngine(
                f"TensorRT {trt.__version__} cannot read the engine of {self._graph.path.name}: "
                f"{self._log.take_errors()}"
            )
        check_engine(trt, engine, self._graph, key)
        self._context = engine.create_execution_context()
        if self._context is None:
            raise BackendError(
                f"no room on {self._device.name} to run {self._graph.path.name} "
                f"({self._log.take_errors()}): make max_batch smaller"
            )
        self._stream, self._uploads = cuda.Stream(), cuda.Stream()
        tensors = {**self._graph.inputs, **self._graph.outputs}
        for _ in range(AT_ONCE):
            self._free.append(Buffers(cuda, tensors, self._most))

    def submit(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Start on N rows and return; they may be overwritten then. At most two runs at once: the
        second is copied while the first is computed.

        Raises ValueError for inputs that are not as the manifest says, RuntimeError if two runs
        wait to be collected, BackendError if the device fails.
        """
        rows = rows_of(self._graph, inputs, self._most)
        self._refuse_if_broken()
        if not self._free:
            raise RuntimeError(f"{AT_ONCE} runs were submitted: collect one before the next")
        buffers = self._free.popleft()
        self._running.append((buffers, rows))
        with self._using_device(rows):
            self._start(buffers, rows, inputs)

    def _start(self, buffers: Buffers, rows: int, inputs: Mapping[str, np.ndarray]) -> None:
        # No local name for the execution context: the traceback of an error would keep it beyond
        # ``close``.
        cuda = self._cuda
        for name in self._graph.inputs:
            host = buffers.host[name][:rows]
            host[...] = inputs[name]
            cuda.memcpy_htod_async(buffers.address(name), host, self._uploads)
        buffers.uploaded.record(self._uploads)
        self._stream.wait_for_event(buffers.uploaded)
        if rows != self._shaped_for:
            for name, tensor in self._graph.inputs.items():
                if not self._context.set_input_shape(name, tensor.sized(rows)):
                    self._fail(f"refuses {rows} rows of {name}", rows)
            self._shaped_for = rows
        for name in buffers.host:
            if not self._context.set_tensor_address(name, buffers.address(name)):
                self._fail(f"refuses the buffer of {name}", rows)
        if not self._context.execute_async_v3(self._stream.handle):
            self._fail("does not start", rows)
        for name in self._graph.outputs:
            cuda.memcpy_dtoh_async(buffers.host[name][:rows], buffers.address(name), self._stream)
        buffers.done.record(self._stream)

    def collect(self) -> dict[str, np.ndarray]:
        """Outputs of the oldest run that was submitted and not collected; waits for it.

        They are arrays of the caller's own: page-locked memory goes with the session, and reading
        it afterwards would end the process. Raises RuntimeError if nothing was submitted,
        BackendError if the device fails.
        """
        self._refuse_if_broken()
        if not self._running:
            raise RuntimeError("nothing was submitted")
        buffers, rows = self._running[0]
        with self._using_device(rows):
            buffers.done.synchronize()
        found = {name: buffers.host[name][:rows].copy() for name in self._graph.outputs}
        self._free.append(self._running.popleft()[0])
        return found

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """``submit`` and ``collect`` at once; errors as theirs."""
        self._refuse_if_broken()
        if self._running:
            raise RuntimeError("a run was submitted: collect it first")
        self.submit(inputs)
        return self.collect()

    def close(self) -> None:
        """Give everything on the device back, after what still runs there. Twice does nothing."""
        if self._engine is None:
            return
        self._broken = self._broken or "it was closed"
        # A device that has failed cannot even free; the process has lost it then.
        with suppress(BackendError), self._device.current("closing"):
            self._drop()

    def _drop(self) -> None:
        """In this order: memory is freed when no run uses it, contexts before their engine."""
        with suppress(self._cuda.Error):  # failed before; its memory is still ours to give back
            for stream in filter(None, (self._uploads, self._stream)):
                stream.synchronize()
        for buffers in (*self._free, *(buffers for buffers, _ in self._running)):
            buffers.free()
        self._free.clear()
        self._running.clear()
        self._stream = self._uploads = None
        self._context = None
        self._engine = None
        self._runtime = None

    def _doing(self, rows: int) -> str:
        return f"{self._graph.path.name} with {rows} people"

    def _fail(self, what: str, rows: int) -> None:
        raise BackendError(f"TensorRT {what} ({self._doing(rows)}): {self._log.take_errors()}")

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise BackendError(
                f"{self._graph.path.name} cannot run any more: {self._broken}; open it anew"
            )

    @contextmanager
    def _using_device(self, rows: int) -> Iterator[None]:
        """After an error nobody knows what is in the buffers, so the session is over then."""
        try:
            with self._device.current(self._doing(rows)):
                yield
        except BaseException as error:
            self._broken = str(error) or type(error).__name__
            raise


def check_engine(trt: ModuleType, engine, graph: GraphFile, key: EngineKey) -> None:
    """Raises UnusableEngine unless the engine has the graph's tensors, with its shapes and types,
    and the profile of its key."""
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    sides = {trt.TensorIOMode.INPUT: {}, trt.TensorIOMode.OUTPUT: {}}
    for name in names:
        sides[engine.get_tensor_mode(name)][name] = _tensor(trt, engine, name)
        if engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise UnusableEngine(f"the engine wants {name} in the memory of the host")
    try:
        check_signature(graph, sides[trt.TensorIOMode.INPUT], sides[trt.TensorIOMode.OUTPUT])
    except WeightsError as error:
        raise UnusableEngine(f"the engine of {graph.path.name}: {error}") from error
    for name, tensor in graph.inputs.items():
        found = [tuple(shape) for shape in engine.get_tensor_profile_shape(name, 0)]
        wanted = [tensor.sized(rows) for rows in key.profile]
        if found != wanted:
            raise UnusableEngine(
                f"the engine of {graph.path.name} takes {found} for {name}, not {wanted}"
            )


def _tensor(trt: ModuleType, engine, name: str) -> Tensor:
    dtypes = {getattr(trt.DataType, theirs): ours for ours, theirs in DTYPES.items()}
    dtype = engine.get_tensor_dtype(name)
    shape = tuple(None if n == -1 else n for n in engine.get_tensor_shape(name))
    return Tensor(shape, dtypes.get(dtype, str(dtype)))
