"""Networks on a CUDA device under a CUDA graph, beside what the device could do at best."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hmr_ros.cli.timing import Times, row, timed

SUMMARY = "networks on a CUDA device, batch 1 to 16, beside the device's roofline"
NEEDED = "needs a CUDA device and a torch built for it"
MATRIX, COPY_MIB = 8192, 1024  # of the two measurements that give the roofline
REPEATS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench gpu``."""
    parser.add_argument("--model", default="baseline", metavar="NAME")
    parser.add_argument("--precision", choices=("float16", "float32"), default="float16")
    parser.add_argument("--batch", type=int, nargs="+", default=(1, 2, 4, 8, 16), metavar="N")
    parser.add_argument("--rounds", type=int, default=200, help="runs of each batch")
    parser.add_argument("--folder", type=Path, help="of NAME.onnx and its variants (weights)")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a batch, copies to and from the device included; see ``beside_the_floor``.
    ``memory_mib``: most of the device's memory that torch held for all batches together.

    Raises ValueError without a CUDA device, ``graph_file.WeightsError`` without the files.
    """
    import torch

    if not torch.cuda.is_available():
        raise ValueError(f"hmr bench gpu {NEEDED}; torch {torch.__version__} here sees none")

    from hmr_ros.assets import asset
    from hmr_ros.runtime.backends.backend import BackendOptions, open_backend
    from hmr_ros.runtime.graph_file import read_graph
    from hmr_ros.runtime.precisions import in_precision

    folder = args.folder or asset("weights", "baseline.onnx").parent
    plain = read_graph(folder / f"{args.model}.onnx", args.model)
    graph = in_precision(plain, args.precision)
    options = BackendOptions(provider="cuda", max_batch=max(args.batch))
    start = time.perf_counter()
    backend = open_backend("torch", graph, options)
    ready = time.perf_counter() - start
    runs = measured(graph, backend, args.batch, args.rounds)
    device = torch.device("cuda")
    # Before the roofline's own buffers, which are larger than the networks.
    memory = torch.cuda.max_memory_allocated(device) / 2**20
    kind = torch.float16 if args.precision == "float16" else torch.float32
    rates = operations_a_second(device, kind), bytes_a_second(device)
    properties = torch.cuda.get_device_properties(device)
    print(
        f"{backend.device} ({properties.total_memory / 2**30:.0f} GiB), {backend.provider}, "
        f"{backend.precision}; torch {torch.__version__}, CUDA {torch.version.cuda}; "
        f"{rates[0] / 1e12:.0f} T operations/s, {rates[1] / 1e9:.0f} GB/s measured; "
        f"ready in {ready:.1f} s"
    )
    backend.close()
    rows = beside_the_floor(plain, backend.precision, runs, rates)
    return [row | {"memory_mib": memory} for row in rows]


class Run(NamedTuple):
    """A batch: what went in and came out, by name, and how long it took."""

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    times: Times


def measured(graph, backend, batches: Sequence[int], rounds: int) -> dict[int, Run]:
    """Each batch of the graph's reference people on ``backend``."""
    people, _ = graph.references()
    runs = {}
    for batch in batches:
        inputs = {k: np.resize(v, (batch, *v.shape[1:])) for k, v in people.items()}
        times = timed({"run": lambda inputs=inputs: backend.run(inputs)}, rounds)["run"]
        runs[batch] = Run(inputs, backend.run(inputs), times)
    return runs


def beside_the_floor(
    graph, precision: str, runs: Mapping[int, Run], rates: tuple[float, float]
) -> list[dict]:
    """A row a batch. ``floor_ms``: the least time by the operations, and by the bytes that must be
    moved once (weights in ``precision``, inputs, outputs), whichever takes longer at ``rates``
    (operations and bytes a second of the device); ``of_floor`` the median time over it."""
    from hmr_ros.runtime.backends.torch_backend import network_of

    network = network_of(graph)
    weights = sum(p.numel() for p in network.parameters()) * (2 if precision == "float16" else 4)
    rows = []
    for batch, (inputs, outputs, times) in runs.items():
        moved = weights + sum(v.nbytes for v in (*inputs.values(), *outputs.values()))
        work = operations(network, [inputs[name] for name in graph.inputs])
        floor = max(work / rates[0], moved / rates[1])
        name = f"gpu, {graph.manifest['estimator']} {precision}, {batch} at once"
        rows.append(
            row(name, times, batch)
            | {"operations": work, "bytes": moved, "floor_ms": 1e3 * floor}
            | {"of_floor": float(np.median(times.clock) / floor)}
        )
    return rows


def operations(network, inputs: Sequence[np.ndarray]) -> int:
    """Multiplications and additions of matrix products and convolutions in one run of a torch
    network, counted on the CPU."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(*map(torch.from_numpy, inputs))
    return counter.get_total_flops()


def operations_a_second(device, kind) -> float:
    """Of a product of large matrices in ``kind``, multiplications and additions."""
    import torch

    a = torch.randn(MATRIX, MATRIX, device=device).to(kind)
    return 2 * MATRIX**3 / _seconds(lambda: a @ a)


def bytes_a_second(device) -> float:
    """Read and written, of a copy within the device's memory."""
    import torch

    source = torch.zeros(COPY_MIB << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / _seconds(lambda: target.copy_(source))


def _seconds(call: Callable[[], object]) -> float:
    """Of one call on the device, at best."""
    import torch

    found = []
    for _ in range(REPEATS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        found.append(1e-3 * begin.elapsed_time(end))
    return min(found)
