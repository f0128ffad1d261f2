"""Graphs in ONNX Runtime: on the CPU, or on a GPU by its CUDA and TensorRT providers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from hmr_ros.runtime.backends.backend import BackendError, BackendOptions
from hmr_ros.runtime.backends.tensors import check_signature, rows_of, zeros
from hmr_ros.runtime.graph_file import MEND, GraphFile, Tensor, WeightsError

# What a provider is called by ONNX Runtime, and what runs the nodes that it cannot.
CALLED = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
}
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


def open_graph(graph: GraphFile, options: BackendOptions) -> OnnxBackend:
    """See ``backend.open_backend``. With the provider "tensorrt" the first run of a new graph
    builds an engine, which takes minutes."""
    wanted = CALLED[options.provider]
    there = onnxruntime.get_available_providers()
    if wanted[0] not in there:
        raise BackendError(
            f"provider {options.provider!r} needs {wanted[0]}, which onnxruntime "
            f"{onnxruntime.__version__} here was built without (it has {', '.join(there)}): "
            "install onnxruntime-gpu in its place, or set provider to cpu"
        )
    session = _session(graph.path, options, [name for name in wanted if name in there])
    used = session.get_providers()
    if used[0] != wanted[0]:  # it goes on without a provider that cannot start
        raise BackendError(
            f"onnxruntime cannot start {wanted[0]} and would use {used[0]}: are CUDA, cuDNN and "
            "the driver there, in the versions that this onnxruntime was built for?"
        )
    signature = (
        {v.name: _tensor(v) for v in values}
        for values in (session.get_inputs(), session.get_outputs())
    )
    check_signature(graph, *signature)
    backend = OnnxBackend(graph, session, options.max_batch)
    backend.run(zeros(graph, 1))
    return backend


class OnnxBackend:
    """A ``backend.Backend``. Outputs are new arrays on the CPU; on a GPU they are copied out of
    buffers that stay in its memory, one set for each number of rows."""

    name = "onnxruntime"

    def __init__(
        self, graph: GraphFile, session: onnxruntime.InferenceSession, max_batch: int
    ) -> None:
        self._graph, self._session, self._most = graph, session, max_batch
        self.provider = session.get_providers()[0]
        self._on_gpu = self.provider != CALLED["cpu"][0]
        self.device = "CUDA device 0" if self._on_gpu else "CPU"
        self.precision = graph.precision
        if graph.precision == "float16" and not self._on_gpu:
            # Its CPU provider stores half floats, but puts casts about every layer and computes
            # in single precision.
            self.precision = "float32"
        self._bound: dict[int, _Bound] = {}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See ``backend.Backend``."""
        rows = rows_of(self._graph, inputs, self._most)
        if self._session is None:
            raise BackendError(f"{self._graph.path.name} was closed")
        names = list(self._graph.outputs)
        try:
            if self._on_gpu:
                if rows not in self._bound:
                    self._bound[rows] = _Bound(self._session, self._graph, rows)
                found = self._bound[rows].run(inputs)
            else:
                found = self._session.run(names, dict(inputs))
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise BackendError(
                f"onnxruntime failed on {self.device} with {rows} people: {error}"
            ) from error
        return dict(zip(names, found, strict=True))

    def close(self) -> None:
        """See ``backend.Backend``."""
        self._bound.clear()
        self._session = None


class _Bound:
    """Buffers on the GPU for so many rows: nothing is allocated there in a run."""

    def __init__(self, session, graph: GraphFile, rows: int) -> None:
        self._session, self._binding = session, session.io_binding()
        self._inputs = {name: _on_gpu(t, rows) for name, t in graph.inputs.items()}
        self._outputs = {name: _on_gpu(t, rows) for name, t in graph.outputs.items()}
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        for name, value in self._inputs.items():
            value.update_inplace(np.ascontiguousarray(inputs[name]))
        self._binding.synchronize_inputs()
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        return [value.numpy() for value in self._outputs.values()]


def _on_gpu(tensor: Tensor, rows: int):
    dtype = np.dtype(tensor.dtype).type
    return onnxruntime.OrtValue.ortvalue_from_shape_and_type(tensor.sized(rows), dtype, "cuda")


def _session(
    path: Path, options: BackendOptions, providers: list[str]
) -> onnxruntime.InferenceSession:
    """Raises WeightsError for a file that ONNX Runtime cannot read."""
    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads = options.threads
    how.log_severity_level = 3
    # Threads that wait for the next run must not do so at full speed: the cores are others' too.
    how.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path),
            how,
            providers=providers,
            provider_options=_provider_options(options, providers),
        )
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path} is no usable ONNX file ({reason}): {MEND}") from error


def _provider_options(options: BackendOptions, providers: list[str]) -> list[dict[str, str]]:
    """Options of each provider."""
    of_tensorrt = {"trt_max_workspace_size": str(options.workspace_mib << 20)}
    if options.cache is not None:
        of_tensorrt |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(options.cache),
        }
    return [of_tensorrt if name == CALLED["tensorrt"][0] else {} for name in providers]


def _tensor(value) -> Tensor:
    """An input or output of a session as the manifest would describe it."""
    shape = tuple(None if isinstance(n, str) else n for n in value.shape)
    return Tensor(shape, DTYPES.get(value.type, value.type))
