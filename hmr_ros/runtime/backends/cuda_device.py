"""The CUDA device, its primary context, and what goes wrong there in words."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from hmr_ros.runtime.backends.backend import BackendError


@cache
def cuda_device(cuda: ModuleType) -> CudaDevice:
    """The first visible device; cuda: ``pycuda.driver``. Raises BackendError if there is none.

    Its context is kept until the process ends. CUDA's runtime in TensorRT does the same, so giving
    it back earlier would free nothing, and pycuda leaves it on the thread's stack then.
    """
    device = CudaDevice(cuda)
    atexit.register(device.give_back)
    return device


class CudaDevice:
    """A device with its primary context, the one that torch and TensorRT use too: a context of our
    own would hide their memory from us, and cost a switch each call. Any thread may use it.

    name: in words. capability: such as "8.7".
    """

    def __init__(self, cuda: ModuleType) -> None:
        self._cuda = cuda
        try:
            cuda.init()
            device = cuda.Device(0)
            self.name = device.name()
            self.capability = ".".join(map(str, device.compute_capability()))
            self._primary = device.retain_primary_context()
        except cuda.Error as error:
            raise BackendError(
                f"no CUDA device can be used ({error}): is the driver loaded (nvidia-smi, or "
                "tegrastats on a Jetson), and is the device passed into this container?"
            ) from error

    @contextmanager
    def current(self, doing: str) -> Iterator[None]:
        """The primary context is current inside, and what was current before is afterwards.

        doing: for the error. Errors of CUDA become BackendError.
        """
        try:
            self._primary.push()
            try:
                yield
            finally:
                self._cuda.Context.pop()
        except self._cuda.Error as error:
            raise BackendError(f"{doing} on {self.name}: {_in_words(self._cuda, error)}") from error

    def give_back(self) -> None:
        """At the end of the process. By itself pycuda would end it as if it were no primary one."""
        self._primary.push()
        self._primary.detach()


def _in_words(cuda: ModuleType, error: Exception) -> str:
    if isinstance(error, cuda.MemoryError):
        return (
            f"out of device memory ({error}); make max_batch or the workspace smaller, or stop "
            "what else uses the GPU"
        )
    return str(error)
