"""The interface of all backends, and how one is opened by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from hmr_ros.runtime.graph_file import GraphFile

# Module whose ``open_graph(graph, options)`` gives the backend; imported only when asked for.
BACKENDS = {
    "onnxruntime": "hmr_ros.runtime.backends.onnx_backend",
    "torch": "hmr_ros.runtime.backends.torch_backend",
    "tensorrt": "hmr_ros.runtime.backends.tensorrt_backend",
}


class BackendError(RuntimeError):
    """A backend cannot be had on this machine, or failed; the text says which and what to do."""


@dataclass(frozen=True)
class BackendOptions:
    """threads: on the CPU. provider: of onnxruntime, "cpu", "cuda" or "tensorrt". max_batch: most
    rows of one run, the top of an engine's profile. cache: folder of TensorRT engines, None for the
    user's own. workspace_mib: what an engine's build may use. build: whether a missing engine is
    built."""

    threads: int = 2
    provider: str = "cpu"
    max_batch: int = 8
    cache: Path | None = None
    workspace_mib: int = 1024
    build: bool = True


class Backend(Protocol):
    """A graph that is ready to run. Not thread-safe: one thread calls it.

    name: of ``BACKENDS``. device: in words, such as "CPU" or a GPU's name. provider: what really
    runs it. precision: of the arithmetic as it really is, one of ``graph_file.PRECISIONS``.
    """

    name: str
    device: str
    provider: str
    precision: str

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs by name for N rows; arrays that stay valid until the next run.

        Inputs are as the manifest says, all with the same N >= 1. Raises BackendError if the
        device fails.
        """
        ...

    def close(self) -> None:
        """Give back the device's memory. Closing twice does nothing."""
        ...


def open_backend(
    name: str, graph: GraphFile, options: BackendOptions = BackendOptions()
) -> Backend:
    """The backend ``name`` for a graph, warmed up.

    Raises ValueError for a name that is not known, BackendError if the machine lacks what it
    needs, ``graph_file.WeightsError`` for a file that cannot be used.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend {name!r} is unknown; known: {', '.join(BACKENDS)}")
    try:
        module = import_module(BACKENDS[name])
    except ImportError as error:
        raise BackendError(f"backend {name!r} cannot be loaded here: {error}") from error
    return module.open_graph(graph, options)
