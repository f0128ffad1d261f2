"""A GPU for tests, where there is none: what stand-ins of pycuda and TensorRT work on.

The device is slow on purpose: what a stream is asked to do is done only when somebody waits for it,
the streams in any order that their events allow, so that whoever overwrites a buffer too early gets
wrong numbers. Memory and contexts are counted, and every call needs a current context.
"""

from __future__ import annotations

import random
import threading

import numpy as np


class Error(Exception):
    pass


class MemoryError(Error):
    pass


class LogicError(Error):
    pass


class Machine:
    """The device and the knobs of a test.

    memory: bytes that may be allocated. spoil: changes an engine's outputs before they are
    delivered, given the ONNX model. step: called at every step of a build. builds: names of the
    graphs built. workspace: bytes that the last build might use. fail: CUDA calls by name that
    raise from now on.
    """

    def __init__(self, version="10.3.0", device="Orin", capability=(8, 7), seed=0):
        self.version, self.name, self.capability = version, device, capability
        self.order = random.Random(seed)
        self.modules = {}  # that import finds while this is at work
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
        self.workspace = 0
        self.fail = set()
        self.orphans = 0  # objects that were destroyed without a context
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
        """What was not given back; the primary context is kept, but once."""
        kept = len(self.allocated) + len(self.pinned)
        return (kept, max(self.retained - 1, 0), len(self.stack()), self.orphans)


_now = [Machine()]


def machine() -> Machine:
    """The one at work."""
    return _now[0]


def put_to_work(another: Machine) -> Machine:
    _now[0] = another
    return another
