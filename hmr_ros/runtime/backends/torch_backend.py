"""The torch network behind a graph: eager on the CPU, as CUDA graphs on a GPU.

Where ONNX Runtime has no GPU provider and TensorRT is not installed, this is the way onto the GPU.
The weights are the ``.safetensors`` beside the ONNX file; the reference answers of the manifest say
whether both are of the same network.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn

from hmr_ros.body.model import load_body_model
from hmr_ros.models import lifter_weights, weights
from hmr_ros.models.factorized import Moving, Telling
from hmr_ros.models.merging import fused
from hmr_ros.runtime.answers import native_body
from hmr_ros.runtime.backends.backend import BackendError, BackendOptions
from hmr_ros.runtime.backends.cuda_graph import CudaGraph
from hmr_ros.runtime.backends.tensors import rows_of, zeros
from hmr_ros.runtime.graph_file import MEND, GraphFile, WeightsError, variant_path
from hmr_ros.runtime.precisions import FIELD, FLOAT32_PARTS

# Largest difference to the reference answers of a file: far beyond what rounding does, far below
# what other weights give.
SAME_NETWORK = 0.05


def open_graph(graph: GraphFile, options: BackendOptions) -> TorchBackend:
    """See ``backend.open_backend``. A GPU is used where there is one; with the provider "cuda" it
    must be there. The number of threads on the CPU is that of the whole process."""
    if graph.precision == "int8":
        raise BackendError(
            f"{graph.path.name} is quantised, which only onnxruntime runs: set backend to "
            "onnxruntime, or precision to float32"
        )
    on_gpu = torch.cuda.is_available()
    if options.provider == "cuda" and not on_gpu:
        raise BackendError(
            f"torch {torch.__version__} finds no CUDA device: install a driver and a CUDA build of "
            "torch, or set provider to cpu"
        )
    device = torch.device("cuda" if on_gpu else "cpu")
    if not on_gpu:
        torch.set_num_threads(options.threads)
    backend = TorchBackend(graph, network_of(graph), device, options.max_batch)
    _same_network(graph, backend)
    return backend


def network_of(graph: GraphFile) -> nn.Module:
    """The network behind a graph, ready for use: called with its inputs in the graph's order, it
    returns its outputs in the graph's order.

    Raises WeightsError if its weights are missing or damaged, or for another body model than the
    shipped one; BackendError for a graph that is no network.
    """
    name, body = graph.manifest["estimator"], load_body_model()
    native = native_body(graph.path, graph.manifest, body)
    whose = name.removesuffix(FIELD)
    stem = variant_path(graph.path, "float32").stem.removesuffix(FIELD)
    path = graph.path.with_name(f"{stem}.safetensors")
    try:
        if name == "lifter":
            return fused(lifter_weights.load(path, native))
        if whose not in weights.NETWORKS:
            raise BackendError(f"no torch network is behind {graph.path.name} ({name})")
        network = fused(weights.load(path, native, whose))
    except ValueError as error:
        raise WeightsError(f"{error}; {graph.path.name} needs it in torch") from error
    if name != whose:
        return Moving(network)
    return Telling(network) if network.generative else network


def _halve(network: nn.Module) -> None:
    """Keep the weights of layers as autocast would cast them anew in every run; in place."""
    for path, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and not FLOAT32_PARTS & {*path.split(".")}:
            module.half()


def _same_network(graph: GraphFile, backend: TorchBackend) -> None:
    """Raises WeightsError if the answers are not those of the ONNX file."""
    if graph.reference is None:
        return
    inputs, outputs = graph.references()
    row = {name: value[:1] for name, value in inputs.items()}
    for name, found in backend.run(row).items():
        off = float(np.abs(found - outputs[name][:1].astype(np.float32)).max())
        if not off <= SAME_NETWORK:
            raise WeightsError(
                f"{graph.path} and the .safetensors beside it are not the same network: {name} "
                f"differs by {off:.2g}; {MEND}"
            )


class TorchBackend:
    """A ``backend.Backend``. network: see ``network_of``. On a GPU a run is padded to the next of
    the sizes 1, 2, 4, ... ``max_batch``, for each of which all launches are recorded once."""

    name = "torch"

    def __init__(
        self, graph: GraphFile, network: nn.Module, device: torch.device, max_batch: int
    ) -> None:
        self._graph, self._most = graph, max_batch
        self.precision = graph.precision
        self._half = graph.precision == "float16"
        self._network = network.eval().requires_grad_(False).to(device)
        if self._half:
            _halve(self._network)
        self._on_gpu = device.type == "cuda"
        self._recorded: dict[int, CudaGraph] = {}
        if self._on_gpu:
            self.device, self.provider = torch.cuda.get_device_name(device), "CUDA graph"
            self._record(device)
        else:
            self.device, self.provider = "CPU", "eager"
            self.run(zeros(graph, 1))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See ``backend.Backend``."""
        rows = rows_of(self._graph, inputs, self._most)
        if self._network is None:
            raise BackendError(f"{self._graph.path.name} was closed")
        try:
            if self._on_gpu:
                size = min(n for n in self._recorded if n >= rows)
                return self._recorded[size].run(inputs, rows)
            tensors = {name: torch.from_numpy(inputs[name]) for name in self._graph.inputs}
            return {name: value.numpy() for name, value in self._answers(tensors).items()}
        except RuntimeError as error:  # of CUDA, of memory
            raise BackendError(
                f"torch failed on {self.device} with {rows} people: {error}"
            ) from error

    def close(self) -> None:
        """See ``backend.Backend``."""
        self._network = None
        self._recorded.clear()
        if self._on_gpu:
            torch.cuda.empty_cache()

    def _answers(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Outputs by name, in the graph's types."""
        device = next(iter(tensors.values())).device.type
        # The networks were trained under autocast and keep single precision where it is needed.
        half = torch.autocast(device, torch.float16) if self._half else nullcontext()
        with torch.inference_mode(), half:
            found = self._network(*(tensors[name] for name in self._graph.inputs))
        found = (found,) if isinstance(found, torch.Tensor) else found
        return {
            name: value.to(getattr(torch, tensor.dtype))
            for (name, tensor), value in zip(self._graph.outputs.items(), found, strict=True)
        }

    def _record(self, device: torch.device) -> None:
        pool = torch.cuda.graph_pool_handle()
        try:
            for size in batch_sizes(self._most):
                self._recorded[size] = CudaGraph(self._answers, self._graph, size, device, pool)
        except RuntimeError as error:
            raise BackendError(f"torch cannot start on {self.device}: {error}") from error


def batch_sizes(most: int) -> list[int]:
    """1, 2, 4, ... and ``most``: what runs are padded to."""
    sizes = [1 << k for k in range(most.bit_length()) if 1 << k < most]
    return [*sizes, most]
