"""A stand-in for the modules ``tensorrt`` and ``pycuda.driver`` where there is no GPU.

Names and signatures are those of the real bindings (test_tensorrt_contract.py compares them).
Engines run their graph by ONNX Runtime, so numbers are real. The device is slow on purpose: what a
stream is asked to do is done only when somebody waits for it, the streams in any order that their
events allow (``Machine.order``), so that whoever overwrites a buffer too early gets wrong numbers.
Memory, contexts and their leaks are counted.
"""

from __future__ import annotations

import contextlib
import enum
import json
import random
import sys
import threading
import types
from collections import deque

import numpy as np
import onnx
import onnx.helper
import onnxruntime

MAGIC = b"PLAN"


class Machine:
    """The device and the knobs of a test.

    memory: bytes that may be allocated. spoil: changes an engine's outputs before they are
    delivered, given the ONNX model. step: called at every step of a build. builds: names of the
    graphs built. fail: CUDA calls by name that raise from now on.
    """

    def __init__(self, version="10.3.0", device="Orin", capability=(8, 7), seed=0):
        self.version, self.name, self.capability = version, device, capability
        self.order = random.Random(seed)
        self.memory = 1 << 30
        self.allocated = {}
        self.pinned = {}
        self.retained = 0
        self.stacks = threading.local()
        self.streams = []
        self.spoil = lambda outputs, model: outputs
        self.step = lambda: None
        self.steps = 4
        self.builds = []
        self.fail = set()
        self.readable = True  # whether deserialisation works
        self.done = []  # what the device did, in its order
        self.next_address = 4096

    def stack(self):
        if not hasattr(self.stacks, "contexts"):
            self.stacks.contexts = []
        return self.stacks.contexts

    def check(self, call):
        """Every call into CUDA needs the primary context."""
        if not self.stack():
            raise LogicError(f"{call} failed: invalid device context")
        if call in self.fail:
            raise LogicError(f"{call} failed: unspecified launch failure")

    def address(self, size):
        self.next_address += size + 256
        return self.next_address

    def view(self, address, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if address not in self.allocated:
            raise LogicError("an illegal memory access was encountered")
        content = self.allocated[address]
        assert size <= len(content), "access beyond the end of an allocation"
        return content[:size].view(dtype).reshape(shape)

    def work_until(self, finished):
        """Do what streams hold until ``finished()``: any stream whose next operation may run."""
        while not finished():
            ready = [s for s in self.streams if s.queue and s.queue[0].ready()]
            assert ready, "deadlock: somebody waits for what nobody was asked to do"
            operation = self.order.choice(ready).queue.popleft()
            operation.act()
            self.done.append(operation.name)

    def leaks(self):
        """What was not given back."""
        return (len(self.allocated), len(self.pinned), self.retained, len(self.stack()))


MACHINE = Machine()


# --- pycuda.driver -------------------------------------------------------------------------------


class Error(Exception):
    pass


class MemoryError(Error):
    pass


class LogicError(Error):
    pass


class event_flags(enum.IntFlag):
    DEFAULT, BLOCKING_SYNC, DISABLE_TIMING = 0, 1, 2


class Device:
    def __init__(self, index):
        if MACHINE.name is None:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    def name(self):
        return MACHINE.name

    def compute_capability(self):
        return MACHINE.capability

    def retain_primary_context(self):
        MACHINE.retained += 1
        return Context()


class Context:
    def push(self):
        if "push" in MACHINE.fail:
            raise LogicError("cuCtxPushCurrent failed")
        MACHINE.stack().append(self)

    @staticmethod
    def pop():
        MACHINE.stack().pop()

    def detach(self):
        assert MACHINE.stack()[-1] is self, "only a current context is released from any thread"
        MACHINE.stack().pop()
        MACHINE.retained -= 1


class _Operation:
    def __init__(self, name, act, ready=lambda: True):
        self.name, self.act, self.ready = name, act, ready


class Stream:
    def __init__(self, flags=0):
        MACHINE.check("cuStreamCreate")
        self.queue = deque()
        MACHINE.streams.append(self)
        self.handle = id(self)

    def put(self, *operation):
        self.queue.append(_Operation(*operation))

    def synchronize(self):
        MACHINE.check("cuStreamSynchronize")
        MACHINE.work_until(lambda: not self.queue)

    def wait_for_event(self, evt):
        MACHINE.check("cuStreamWaitEvent")
        wanted = evt.recorded
        self.put("wait", lambda: None, lambda: evt.reached >= wanted)


class Event:
    def __init__(self, flags=0):
        MACHINE.check("cuEventCreate")
        self.recorded = self.reached = 0

    def record(self, stream=None):
        MACHINE.check("cuEventRecord")
        self.recorded += 1
        wanted = self.recorded
        stream.put("event", lambda: setattr(self, "reached", wanted))
        return self

    def synchronize(self):
        MACHINE.check("cuEventSynchronize")
        wanted = self.recorded
        MACHINE.work_until(lambda: self.reached >= wanted)
        return self


class DeviceAllocation:
    def __init__(self, address):
        self._address = address

    def __int__(self):
        return self._address

    def free(self):
        MACHINE.check("cuMemFree")
        assert not any(s.queue for s in MACHINE.streams), "memory freed under a run"
        del MACHINE.allocated[self._address]


class PagelockedHostAllocation:
    """The base of a page-locked array, which is no longer valid once this is freed."""

    def __init__(self, size):
        self.content = bytearray(size)
        MACHINE.pinned[id(self)] = self

    def free(self):
        MACHINE.check("cuMemFreeHost")
        assert not any(s.queue for s in MACHINE.streams), "memory freed under a run"
        del MACHINE.pinned[id(self)]
        self.content[:] = b"\xff" * len(self.content)


class _Pinned(np.ndarray):
    """An array whose ``base`` is its allocation, as pycuda sets it."""

    allocation = None

    def __array_finalize__(self, source):
        self.allocation = getattr(source, "allocation", None)

    @property
    def base(self):
        return self.allocation


def init(flags=0):
    if "init" in MACHINE.fail:
        raise LogicError("cuInit failed: no CUDA-capable device is detected")


def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
    MACHINE.check("cuMemHostAlloc")
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    allocation = PagelockedHostAllocation(size)
    array = np.frombuffer(allocation.content, dtype).reshape(shape).view(_Pinned)
    array.allocation = allocation
    array[...] = 77  # whatever was in there before
    return array


def mem_alloc(size):
    MACHINE.check("cuMemAlloc")
    if sum(map(len, MACHINE.allocated.values())) + size > MACHINE.memory:
        raise MemoryError("cuMemAlloc failed: out of memory")
    address = MACHINE.address(size)
    MACHINE.allocated[address] = np.full(size, 0x5A, np.uint8)
    return DeviceAllocation(address)


def memcpy_htod_async(dest, src, stream=None):
    MACHINE.check("cuMemcpyHtoDAsync")
    assert isinstance(src, _Pinned) and src.flags.c_contiguous, "not page-locked: copies at once"

    def act():
        MACHINE.view(dest, src.shape, src.dtype)[...] = src

    stream.put("upload", act)


def memcpy_dtoh_async(dest, src, stream=None):
    MACHINE.check("cuMemcpyDtoHAsync")
    assert isinstance(dest, _Pinned) and dest.flags.c_contiguous, "not page-locked: copies at once"

    def act():
        dest[...] = MACHINE.view(src, dest.shape, dest.dtype)

    stream.put("download", act)


# --- tensorrt ------------------------------------------------------------------------------------


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
        MACHINE.check("createInferBuilder")
        self.logger = logger

    def create_network(self, flags=0):
        return INetworkDefinition(flags)

    def create_builder_config(self):
        return IBuilderConfig()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        MACHINE.check("build")
        assert network.flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        assert not config.flags and config.limits[MemoryPoolType.WORKSPACE] > 0
        MACHINE.builds.append(network.model.graph.name)
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, MACHINE.steps)
        for step in range(MACHINE.steps):
            MACHINE.step()
            if not monitor.step_complete("Building", step):
                return None
        monitor.phase_finish("Building")
        if "no kernel" in MACHINE.fail:
            error = "Could not find any implementation for node MatMul"
            self.logger.log(ILogger.Severity.ERROR, error)
            return None
        config.timing.content = b"TIMING" + bytes([len(config.timing.content) + 1])
        header = {
            "version": MACHINE.version,
            "device": MACHINE.name,
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


class Runtime:
    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, serialized_engine):
        MACHINE.check("deserialize")
        head = int.from_bytes(serialized_engine[4:8], "big")
        if serialized_engine[:4] != MAGIC or not MACHINE.readable:
            self.logger.log(ILogger.Severity.ERROR, "Magic tag does not match")
            return None
        header = json.loads(serialized_engine[8 : 8 + head])
        if (header["version"], header["device"]) != (MACHINE.version, MACHINE.name):
            self.logger.log(ILogger.Severity.ERROR, "The engine plan file is not compatible")
            return None
        return ICudaEngine(header, bytes(serialized_engine[8 + head :]))


class ICudaEngine:
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
        MACHINE.check("create_execution_context")
        return None if "context" in MACHINE.fail else IExecutionContext(self)


DTYPES = {
    onnx.TensorProto.FLOAT: DataType.FLOAT,
    onnx.TensorProto.FLOAT16: DataType.HALF,
    onnx.TensorProto.INT64: DataType.INT64,
    onnx.TensorProto.BOOL: DataType.BOOL,
}


class IExecutionContext:
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
        MACHINE.check("execute")
        if "enqueue" in MACHINE.fail:
            return False
        (stream,) = (s for s in MACHINE.streams if s.handle == stream_handle)
        shapes, addresses, engine = dict(self.shapes), dict(self.addresses), self.engine

        def act():
            inputs = {}
            for value in engine.session.get_inputs():
                dtype = onnx.helper.tensor_dtype_to_np_dtype(engine.element(value.name))
                place = addresses[value.name]
                inputs[value.name] = MACHINE.view(place, shapes[value.name], dtype).copy()
            names = [value.name for value in engine.session.get_outputs()]
            outputs = dict(zip(names, engine.session.run(names, inputs), strict=True))
            for name, value in MACHINE.spoil(outputs, engine.model).items():
                MACHINE.view(addresses[name], value.shape, value.dtype)[...] = value

        stream.put("execute", act)
        return True


@contextlib.contextmanager
def installed():
    """A new machine, whose two modules are gone afterwards and which must have lost nothing."""
    modules = ("tensorrt", "pycuda", "pycuda.driver")
    before = {name: sys.modules.pop(name) for name in modules if name in sys.modules}
    machine = install(Machine())
    try:
        yield machine
        assert machine.leaks() == (0, 0, 0, 0), "device and page-locked memory, contexts"
    finally:
        for name in modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def install(machine: Machine) -> Machine:
    """Put both modules, as of ``machine``, where ``import`` finds them."""
    global MACHINE
    MACHINE = machine
    here = globals()
    trt = types.ModuleType("tensorrt")
    trt.__version__ = machine.version
    trt.__dict__.update({name: here[name] for name in TENSORRT})
    cuda = types.ModuleType("pycuda.driver")
    cuda.__dict__.update({name: here[name] for name in PYCUDA})
    package = types.ModuleType("pycuda")
    package.driver = cuda
    sys.modules.update({"tensorrt": trt, "pycuda": package, "pycuda.driver": cuda})
    return machine


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
PYCUDA = (
    "Context",
    "Device",
    "DeviceAllocation",
    "Error",
    "Event",
    "LogicError",
    "MemoryError",
    "PagelockedHostAllocation",
    "Stream",
    "event_flags",
    "init",
    "mem_alloc",
    "memcpy_dtoh_async",
    "memcpy_htod_async",
    "pagelocked_empty",
)
