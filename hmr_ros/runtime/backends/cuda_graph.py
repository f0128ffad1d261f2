"""A torch function recorded for one number of rows, with its buffers: a run is two copies and one
launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from hmr_ros.runtime.graph_file import GraphFile, Tensor

WARM_UPS = 3  # before recording: libraries choose kernels and allocate in the first runs
ALIGNMENT = 256  # bytes, of each tensor in a buffer


class CudaGraph:
    """answers: from tensors by name, on the GPU, to tensors by name; of so many ``rows``.

    All inputs lie in one page-locked block and one on the GPU, so do all outputs. The launches are
    recorded on a stream of its own; pool: memory shared with the recordings for other sizes, which
    never run at the same time.
    """

    def __init__(
        self,
        answers: Callable[[Mapping[str, torch.Tensor]], dict[str, torch.Tensor]],
        graph: GraphFile,
        rows: int,
        device: torch.device,
        pool: tuple[int, int],
    ) -> None:
        self._in, self._out = Block(graph.inputs, rows, device), Block(graph.outputs, rows, device)
        self._stream = torch.cuda.Stream(device)
        self._graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream(device))
        # Single precision is what it says: no TF32 in convolutions (matrix products have none).
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), exact, torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                answers(self._in.device)
            self._stream.synchronize()
            # Other threads, such as one that builds an engine, may use CUDA meanwhile.
            how = {"pool": pool, "stream": self._stream, "capture_error_mode": "thread_local"}
            with torch.cuda.graph(self._graph, **how):
                for name, value in answers(self._in.device).items():
                    self._out.device[name].copy_(value)
        self._stream.synchronize()

    def run(self, inputs: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
        """Answers to the first ``rows`` rows, in page-locked memory that the next run overwrites.

        Raises RuntimeError for what goes wrong on the GPU.
        """
        for name, place in self._in.host.items():
            place[:rows] = inputs[name]
        with torch.cuda.stream(self._stream):
            self._in.upload()
            self._graph.replay()
            self._out.download()
        self._stream.synchronize()
        return {name: place[:rows] for name, place in self._out.host.items()}


class Block:
    """Tensors one after the other in a block of the host (page-locked if the device is a GPU) and
    in one of the device: ``host`` and ``device`` are views into them, by name."""

    def __init__(self, tensors: Mapping[str, Tensor], rows: int, device: torch.device) -> None:
        starts, end = [], 0
        for tensor in tensors.values():
            starts.append(end)
            size = int(np.prod(tensor.sized(rows))) * np.dtype(tensor.dtype).itemsize
            end += -(-size // ALIGNMENT) * ALIGNMENT
        pinned = device.type == "cuda"
        self._host = torch.zeros(end, dtype=torch.uint8, pin_memory=pinned)
        self._device = torch.zeros(end, dtype=torch.uint8, device=device)
        self.host: dict[str, np.ndarray] = {}
        self.device: dict[str, torch.Tensor] = {}
        for (name, tensor), start in zip(tensors.items(), starts, strict=True):
            shape, dtype = tensor.sized(rows), getattr(torch, tensor.dtype)
            stop = start + int(np.prod(shape)) * dtype.itemsize
            self.host[name] = self._host[start:stop].view(dtype).view(shape).numpy()
            self.device[name] = self._device[start:stop].view(dtype).view(shape)

    def upload(self) -> None:
        """Host to device, on the current stream; it returns before all is there."""
        self._device.copy_(self._host, non_blocking=True)

    def download(self) -> None:
        """Device to host, on the current stream; it returns before all is there."""
        self._host.copy_(self._device, non_blocking=True)
