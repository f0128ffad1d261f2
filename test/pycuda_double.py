"""A stand-in for ``pycuda.driver`` on ``gpu_double``'s machine: what the backend uses of it."""

from __future__ import annotations

import enum
from collections import deque

import numpy as np
from gpu_double import Error, LogicError, MemoryError, machine  # noqa: F401 - of the module


class event_flags(enum.IntFlag):
    DEFAULT, BLOCKING_SYNC, DISABLE_TIMING = 0, 1, 2


class Device:
    def __init__(self, index):
        if machine().name is None:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    def name(self):
        return machine().name

    def compute_capability(self):
        return machine().capability

    def retain_primary_context(self):
        machine().retained += 1
        return Context()


class Context:
    def push(self):
        if "push" in machine().fail:
            raise LogicError("cuCtxPushCurrent failed")
        machine().stack().append(self)

    @staticmethod
    def pop():
        machine().stack().pop()

    def detach(self):
        machine().stack().pop()
        machine().retained -= 1


class _Operation:
    def __init__(self, name, act, ready=lambda: True):
        self.name, self.act, self.ready = name, act, ready


class Stream:
    def __init__(self, flags=0):
        machine().check("cuStreamCreate")
        self.queue = deque()
        machine().streams.append(self)
        self.handle = id(self)

    def put(self, *operation):
        self.queue.append(_Operation(*operation))

    def synchronize(self):
        machine().check("cuStreamSynchronize")
        machine().work_until(lambda: not self.queue)

    def wait_for_event(self, evt):
        machine().check("cuStreamWaitEvent")
        wanted = evt.recorded
        self.put("wait", lambda: None, lambda: evt.reached >= wanted)


class Event:
    def __init__(self, flags=0):
        machine().check("cuEventCreate")
        self.recorded = self.reached = 0

    def record(self, stream=None):
        machine().check("cuEventRecord")
        self.recorded += 1
        wanted = self.recorded
        stream.put("event", lambda: setattr(self, "reached", wanted))
        return self

    def synchronize(self):
        machine().check("cuEventSynchronize")
        wanted = self.recorded
        machine().work_until(lambda: self.reached >= wanted)
        return self


class DeviceAllocation:
    def __init__(self, address):
        self._address = address

    def __int__(self):
        return self._address

    def free(self):
        machine().check("cuMemFree")
        assert not any(s.queue for s in machine().streams), "memory freed under a run"
        del machine().allocated[self._address]


class PagelockedHostAllocation:
    """The base of a page-locked array, which is no longer valid once this is freed."""

    def __init__(self, size):
        self.content = bytearray(size)
        machine().pinned[id(self)] = self

    def free(self):
        machine().check("cuMemFreeHost")
        assert not any(s.queue for s in machine().streams), "memory freed under a run"
        del machine().pinned[id(self)]
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
    if "init" in machine().fail:
        raise LogicError("cuInit failed: no CUDA-capable device is detected")


def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
    machine().check("cuMemHostAlloc")
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    allocation = PagelockedHostAllocation(size)
    array = np.frombuffer(allocation.content, dtype).reshape(shape).view(_Pinned)
    array.allocation = allocation
    array[...] = 77  # whatever was in there before
    return array


def mem_alloc(size):
    machine().check("cuMemAlloc")
    if sum(map(len, machine().allocated.values())) + size > machine().memory:
        raise MemoryError("cuMemAlloc failed: out of memory")
    address = machine().address(size)
    machine().allocated[address] = np.full(size, 0x5A, np.uint8)
    return DeviceAllocation(address)


def memcpy_htod_async(dest, src, stream=None):
    machine().check("cuMemcpyHtoDAsync")
    assert isinstance(src, _Pinned) and src.flags.c_contiguous, "not page-locked: copies at once"

    def act():
        machine().view(dest, src.shape, src.dtype)[...] = src

    stream.put("upload", act)


def memcpy_dtoh_async(dest, src, stream=None):
    machine().check("cuMemcpyDtoHAsync")
    assert isinstance(dest, _Pinned) and dest.flags.c_contiguous, "not page-locked: copies at once"

    def act():
        dest[...] = machine().view(src, dest.shape, dest.dtype)

    stream.put("download", act)


NAMES = (
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
