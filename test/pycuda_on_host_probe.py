"""Run with the real pycuda on tools/pycuda_on_host's driver: the backend on it, TensorRT played.

Prints one JSON object: what is not given back, by stage (the driver's counts), and what was said.
"""

import ctypes
import json
import sys
import threading
from pathlib import Path

import gpu_double
import numpy as np
import pycuda.driver as cuda
import tensorrt_double
from small_graphs import some_inputs, write_small_graph

from hmr_ros.runtime.backends.backend import BackendError, BackendOptions, open_backend
from hmr_ros.runtime.backends.cuda_device import cuda_device
from hmr_ros.runtime.graph_description import answers

COUNTS = ("device", "page_locked", "streams", "events", "retained", "depth")
driver = ctypes.CDLL(None)  # the driver is preloaded
stages = {}


class HostMachine(gpu_double.Machine):
    """What the stand-in of TensorRT works on: addresses and streams are pycuda's."""

    def stack(self):
        context = cuda.Context.get_current()
        return [] if context is None else [context]

    def view(self, address, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = (ctypes.c_char * size).from_address(address)
        return np.frombuffer(memory, dtype).reshape(shape)

    @property
    def streams(self):
        return AnyStream()

    @streams.setter
    def streams(self, value):
        pass


class AnyStream:
    """Whatever handle is asked for; does at once what it is given."""

    def __iter__(self):
        return iter([self])

    @property
    def handle(self):
        return Whatever()

    def put(self, name, act):
        act()


class Whatever:
    def __eq__(self, other):
        return isinstance(other, int)


def note(stage):
    counts = (ctypes.c_int * len(COUNTS))()
    driver.host_driver_report(counts)
    stages[stage] = dict(zip(COUNTS, counts, strict=True))


def check(found, inputs):
    expected = answers(graph.path, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)


def in_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


machine = tensorrt_double.install(HostMachine(device="Host"))
sys.modules["pycuda.driver"] = sys.modules["pycuda"].driver = cuda
graph = write_small_graph(Path(sys.argv[1]))
options = BackendOptions(max_batch=4, cache=Path(sys.argv[1]) / "engines")

for round_ in range(3):
    backend = open_backend("tensorrt", graph, options)
    for people in (1, 4, 2):
        inputs = some_inputs(people, seed=people)
        check(backend.run(inputs), inputs)
    frames = [some_inputs(2, seed=n) for n in (5, 6)]
    for frame in frames:
        backend.submit(frame)
    kept = [backend.collect() for _ in frames]
    note(f"open {round_}")
    backend.close()
    note(f"closed {round_}")
    for frame, found in zip(frames, kept, strict=True):
        check(found, frame)

box = {}


def use():
    box["answer"] = box["backend"].run(some_inputs(3))
    note("used in a second thread")


def close():
    box["backend"].close()
    note("closed in a third thread")


in_thread(lambda: box.update(backend=open_backend("tensorrt", graph, options)))
in_thread(use)
in_thread(close)
check(box["answer"], some_inputs(3))

device = cuda_device(cuda)
said = {"device": [device.name, device.capability]}
try:
    with device.current("allocating"):
        cuda.mem_alloc(1 << 31)
except BackendError as error:
    said["memory"] = str(error)
note("end")
print(json.dumps({"stages": stages, "said": said}))
