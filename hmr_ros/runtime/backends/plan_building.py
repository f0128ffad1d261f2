"""From an ONNX file to a serialised engine, by TensorRT 10.3 or newer.

Networks are strongly typed: each tensor has the type that the ONNX file gives it. There is no flag
by which the builder may choose half precision, because TensorRT 11 has none any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from hmr_ros.runtime.backends.backend import BackendError
from hmr_ros.runtime.backends.build_progress import Progress, progress_monitor
from hmr_ros.runtime.backends.engine_key import EngineKey
from hmr_ros.runtime.backends.tensorrt_log import tensorrt_log
from hmr_ros.runtime.graph_file import GraphFile


class BuildCancelled(RuntimeError):
    """The caller asked for the build to end."""


@dataclass(frozen=True)
class Plan:
    """content: the serialised engine. timing: the timing cache as it is now."""

    content: bytes
    timing: bytes


def build_plan(
    trt: ModuleType,
    graph: GraphFile,
    key: EngineKey,
    workspace_mib: int,
    timing: bytes = b"",
    tell: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Plan:
    """Takes minutes on an embedded device; the device's context must be current.

    timing: the timing cache so far; one that does not serve here is left out.

    Raises BuildCancelled, or BackendError with what TensorRT said.
    """
    log = tensorrt_log(trt)
    try:
        builder = trt.Builder(log)
    except TypeError as error:  # what the bindings make of a null pointer
        raise BackendError(
            f"TensorRT {trt.__version__} cannot start ({log.take_errors()}): do its version and "
            "the driver's fit this device? `hmr doctor`"
        ) from error
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph.path.read_bytes()):
        said = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise BackendError(
            f"TensorRT {trt.__version__} cannot take {graph.path} ({said}): set the backend to "
            "onnxruntime for this network"
        )
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mib << 20)
    # Set by default: it would keep ten bits of what the graph calls float32.
    config.clear_flag(trt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    for name, tensor in graph.inputs.items():
        profile.set_shape(name, *map(tensor.sized, key.profile))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError(f"TensorRT refuses the profile {key.profile}: {log.take_errors()}")
    _start_timing(config, timing)
    monitor = progress_monitor(trt, tell, cancelled)
    config.progress_monitor = monitor
    built = builder.build_serialized_network(network, config)
    if monitor.error is not None:
        raise monitor.error
    if cancelled():
        raise BuildCancelled(f"the build of {key.network} was stopped")
    if built is None:
        raise BackendError(
            f"TensorRT {trt.__version__} could not build {graph.path.name} for {key.device}: "
            f"{log.take_errors()}; with too little memory a smaller max_batch or another workspace "
            f"(now {workspace_mib} MiB) helps"
        )
    measured = config.get_timing_cache()
    return Plan(bytes(built), bytes(measured.serialize()))


def _start_timing(config, timing: bytes) -> None:
    """Begin with the timings measured before, or with none."""
    for content in (timing, b""):
        measured = config.create_timing_cache(content)
        if measured is not None and config.set_timing_cache(measured, False):
            return
