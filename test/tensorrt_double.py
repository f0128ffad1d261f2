"""A stand-in for ``tensorrt`` on ``gpu_double``'s machine; how it and pycuda's are put in place.

Names and signatures are those of the real bindings (test_tensorrt_contract.py compares them).
Engines run their graph by ONNX Runtime, so numbers are real.
"""

from __future__ import annotations

import contextlib
import enum
import json
import sys
import types
from importlib.machinery import ModuleSpec

import onnx
import onnx.helper
import onnxruntime
import pycuda_double
from gpu_double import Machine, machine, put_to_work

MAGIC = b"PLAN"


class DataType(enum.Enum):
    FLOAT, HALF, INT8, INT32, BOOL, UINT8, INT64 = range(7)


class TensorIOMode(enum.Enum):
    NONE, INPUT, OUTPUT = range(3)


class TensorLocation(enum.Enum):
    DEVICE, HOST = range(2)


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class BuilderFlag(enum.Enum):
    TF32 = 7


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


# ``log`` and the methods of a monitor are pure virtual in the bindings: who derives defines them.
class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self):
        pass

    def log(self, severity, msg):
        raise NotImplementedError


class IProgressMonitor:
    def __init__(self):
        pass

    def phase_start(self, phase_name, parent_phase, num_steps):
        raise NotImplementedError

    def step_complete(self, phase_name, step):
        raise NotImplementedError

    def phase_finish(self, phase_name):
        raise NotImplementedError


class Dims(tuple):
    pass


class IHostMemory(bytes):
    @property
    def nbytes(self):
        return len(self)


class IOptimizationProfile:
    def __init__(self):
        self.shapes = {}

    def set_shape(self, input, min, opt, max):
        self.shapes[input] = [list(min), list(opt), list(max)]


class ITimingCache:
    def __init__(self, content):
        self.content = content

    def serialize(self):
        return IHostMemory(self.content)


class IBuilderConfig:
    def __init__(self):
        self.profiles, self.limits, self.flags = [], {}, {BuilderFlag.TF32}
        self.progress_monitor = self.timing = None

    def set_memory_pool_limit(self, pool, pool_size):
        self.limits[pool] = pool_size

    def clear_flag(self, flag):
        self.flags.discard(flag)

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache):
        return ITimingCache(bytes(serialized_timing_cache))

    def set_timing_cache(self, cache, ignore_mismatch):
        if cache.content and not cache.content.startswith(b"TIMING"):
            return False
        self.timing = cache
        return True

    def get_timing_cache(self):
        return self.timing


class INetworkDefinition:
    def __init__(self, flags):
        self.flags, self.model = flags, None


class Builder:
    def __init__(self, logger):
        machine().check("createInferBuilder")
        self.logger = logger

    def create_network(self, flags=0):
        return INetworkDefinition(flags)

    def create_builder_config(self):
        return IBuilderConfig()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        machine().check("build")
        assert network.flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        assert not config.flags
        machine().workspace = config.limits[MemoryPoolType.WORKSPACE]
        machine().builds.append(network.model.graph.name)
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, machine().steps)
        for step in range(machine().steps):
            machine().step()
            if not monitor.step_complete("Building", step):
                return None
        monitor.phase_finish("Building")
        if "no kernel" in machine().fail:
            error = "Could not find any implementation for node MatMul"
            self.logger.log(ILogger.Severity.ERROR, error)
            return None
        config.timing.content = b"TIMING" + bytes([len(config.timing.content) + 1])
        header = {
            "version": machine().version,
            "device": machine().name,
            "profile": config.profiles[0].shapes,
        }
        head = json.dumps(header).encode()
        content = MAGIC + len(head).to_bytes(4, "big") + head + network.model.SerializeToString()
        return IHostMemory(content)


class OnnxParser:
    def __init__(self, network, logger):
        self.network, self.errors = network, []

    @property
    def num_errors(self):
        return len(self.errors)

    def get_error(self, index):
        return self.errors[index]

    def parse(self, model, path=None):
        loaded = onnx.load_from_string(model)
        for node in loaded.graph.node:
            if node.op_type == "NonZero":
                self.errors.append("In node 0 (NonZero): UNSUPPORTED_NODE")
        self.network.model = loaded
        return not self.errors


class _OnDevice:
    """What holds memory of the device must go while the context is current."""

    def __del__(self):
        machine().orphans += not machine().stack()


class Runtime(_OnDevice):
    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, serialized_engine):
        machine().check("deserialize")
        head = int.from_bytes(serialized_engine[4:8], "big")
        if serialized_engine[:4] != MAGIC or not machine().readable:
            self.logger.log(ILogger.Severity.ERROR, "Magic tag does not match")
            return None
        header = json.loads(serialized_engine[8 : 8 + head])
        if (header["version"], header["device"]) != (machine().version, machine().name):
            self.logger.log(ILogger.Severity.ERROR, "The engine plan file is not compatible")
            return None
        return ICudaEngine(header, bytes(serialized_engine[8 + head :]))


class ICudaEngine(_OnDevice):
    def __init__(self, header, content):
        self.header, self.model = header, onnx.load_from_string(content)
        self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        graph = self.model.graph
        self.tensors = {v.name: (v, TensorIOMode.INPUT) for v in graph.input}
        self.tensors |= {v.name: (v, TensorIOMode.OUTPUT) for v in graph.output}

    @property
    def num_io_tensors(self):
        return len(self.tensors)

    def get_tensor_name(self, index):
        return list(self.tensors)[index]

    def get_tensor_mode(self, name):
        return self.tensors[name][1]

    def get_tensor_dtype(self, name):
        return DTYPES[self.element(name)]

    def element(self, name):
        return self.tensors[name][0].type.tensor_type.elem_type

    def get_tensor_shape(self, name):
        dims = self.tensors[name][0].type.tensor_type.shape.dim
        return Dims(-1 if d.dim_param else d.dim_value for d in dims)

    def get_tensor_location(self, name):
        return TensorLocation.DEVICE

    def get_tensor_profile_shape(self, name, profile_index):
        return [Dims(shape) for shape in self.header["profile"][name]]

    def create_execution_context(self):
        machine().check("create_execution_context")
        return None if "context" in machine().fail else IExecutionContext(self)


DTYPES = {
    onnx.TensorProto.FLOAT: DataType.FLOAT,
    onnx.TensorProto.FLOAT16: DataType.HALF,
    onnx.TensorProto.INT64: DataType.INT64,
    onnx.TensorProto.BOOL: DataType.BOOL,
}


class IExecutionContext(_OnDevice):
    def __init__(self, engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name, shape):
        low, _, high = self.engine.header["profile"][name]
        if not all(a <= n <= b for a, n, b in zip(low, shape, high, strict=True)):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name, memory):
        self.addresses[name] = memory
        return name in self.engine.tensors

    def execute_async_v3(self, stream_handle):
        machine().check("execute")
        if "enqueue" in machine().fail:
            return False
        (stream,) = (s for s in machine().streams if s.handle == stream_handle)
        shapes, addresses, engine = dict(self.shapes), dict(self.addresses), self.engine

        def act():
            inputs = {}
            for value in engine.session.get_inputs():
                dtype = onnx.helper.tensor_dtype_to_np_dtype(engine.element(value.name))
                place = addresses[value.name]
                inputs[value.name] = machine().view(place, shapes[value.name], dtype).copy()
            names = [value.name for value in engine.session.get_outputs()]
            outputs = dict(zip(names, engine.session.run(names, inputs), strict=True))
            for name, value in machine().spoil(outputs, engine.model).items():
                machine().view(addresses[name], value.shape, value.dtype)[...] = value

        stream.put("execute", act)
        return True


@contextlib.contextmanager
def installed():
    """A new machine, whose two modules are gone afterwards and which must have lost nothing."""
    modules = ("tensorrt", "pycuda", "pycuda.driver")
    before = {name: sys.modules.pop(name) for name in modules if name in sys.modules}
    new = install(Machine())
    try:
        yield new
        assert new.leaks() == (0, 0, 0, 0), "memory, contexts retained, contexts current, orphans"
    finally:
        for name in modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def install(new: Machine) -> Machine:
    """Put both modules, as of ``new``, where ``import`` finds them; the same ones each time."""
    put_to_work(new)
    if not new.modules:
        here = globals()
        trt = types.ModuleType("tensorrt")
        trt.__version__ = new.version
        trt.__dict__.update({name: here[name] for name in TENSORRT})
        cuda = types.ModuleType("pycuda.driver")
        cuda.__dict__.update({name: getattr(pycuda_double, name) for name in pycuda_double.NAMES})
        package = types.ModuleType("pycuda")
        package.driver = cuda
        new.modules = {"tensorrt": trt, "pycuda": package, "pycuda.driver": cuda}
        for name, module in new.modules.items():  # whoever looks for a module asks for this
            module.__spec__ = ModuleSpec(name, None)
    sys.modules.update(new.modules)
    return new


TENSORRT = (
    "BuilderFlag",
    "Builder",
    "DataType",
    "Dims",
    "IBuilderConfig",
    "ICudaEngine",
    "IExecutionContext",
    "IHostMemory",
    "ILogger",
    "INetworkDefinition",
    "IOptimizationProfile",
    "IProgressMonitor",
    "ITimingCache",
    "MemoryPoolType",
    "NetworkDefinitionCreationFlag",
    "OnnxParser",
    "Runtime",
    "TensorIOMode",
    "TensorLocation",
)
