"""Memory for one run of an engine: page-locked on the host, and its twin on the device."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import numpy as np

from hmr_ros.runtime.graph_file import Tensor


class Buffers:
    """Buffers for up to ``rows`` rows of every tensor, and the two events of a run in them.

    host: arrays by name, page-locked, so that the device copies them by itself. device: where
    each lies there. uploaded, done: recorded when the inputs have arrived, and when the outputs
    are back. The context must be current here and in ``free``; raises ``cuda.Error``.
    """

    def __init__(self, cuda: ModuleType, tensors: Mapping[str, Tensor], rows: int) -> None:
        self.host: dict[str, np.ndarray] = {}
        self.device: dict = {}
        # A thread that waits sleeps: on an embedded board its core has other work.
        flags = cuda.event_flags.BLOCKING_SYNC | cuda.event_flags.DISABLE_TIMING
        try:
            for name, tensor in tensors.items():
                self.host[name] = cuda.pagelocked_empty(tensor.sized(rows), np.dtype(tensor.dtype))
                self.device[name] = cuda.mem_alloc(self.host[name].nbytes)
            self.uploaded, self.done = cuda.Event(flags), cuda.Event(flags)
        except cuda.Error:
            self.free()
            raise

    def address(self, name: str) -> int:
        """Of a tensor on the device."""
        return int(self.device[name])

    def free(self) -> None:
        """Give all memory back at once, whoever still looks at ``host``."""
        for allocation in self.device.values():
            allocation.free()
        for array in self.host.values():
            array.base.free()
        self.device, self.host = {}, {}
        self.uploaded = self.done = None
