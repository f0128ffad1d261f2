"""Networks of the estimators on every backend and in every precision that there is here."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hmr_ros.cli.timing import row, timed_twice

SUMMARY = "people a second by network, backend, precision and batch; memory, energy, start"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench networks``."""
    parser.add_argument("--model", action="append", metavar="NAME", help="default: all estimators")
    parser.add_argument("--batch", type=int, nargs="+", default=(1, 2, 4, 8), metavar="N")
    parser.add_argument("--rounds", type=int, default=30, help="runs of each")
    parser.add_argument("--threads", type=int, default=2, help="of the processor")
    parser.add_argument("--folder", type=Path, help="of NAME.onnx and its variants (weights)")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a network, backend, precision and batch, all of a network and batch in one run;
    ``ratio`` is the time of float32 on onnxruntime over the row's.

    Raises ``graph_file.WeightsError`` for files that cannot be used.
    """
    from hmr_ros.assets import asset

    folder = args.folder or asset("weights", "baseline.onnx").parent
    rows = []
    for name in args.model or ("baseline", "factorized", "lifter"):
        opened = dict(_backends(folder / f"{name}.onnx", name, args.threads, max(args.batch)))
        for batch in args.batch:
            rows += _compared(name, opened, batch, args.rounds)
        for _, backend, _ in opened.values():
            backend.close()
    return rows


def _backends(path: Path, name: str, threads: int, most: int) -> Iterator[tuple[str, tuple]]:
    """What can be had: (words, (graph, backend, facts of its start))."""
    from hmr_ros.runtime.backends.backend import (
        BACKENDS,
        BackendError,
        BackendOptions,
        open_backend,
    )
    from hmr_ros.runtime.graph_file import PRECISIONS, WeightsError, read_graph
    from hmr_ros.runtime.precisions import in_precision

    plain = read_graph(path, name)
    for kind in BACKENDS:
        for precision in PRECISIONS:
            start, before = time.perf_counter(), _memory_mib()
            try:
                graph = in_precision(plain, precision)
                backend = open_backend(kind, graph, BackendOptions(threads, max_batch=most))
            except WeightsError:
                continue  # not exported
            except (BackendError, ImportError) as error:
                print(f"{name} in {precision} on {kind}: {str(error).splitlines()[0]}")
                continue
            really = "" if backend.precision == precision else f" as {backend.precision}"
            words = f"{kind} {precision}{really}"
            seconds, grown = time.perf_counter() - start, _memory_mib() - before
            print(
                f"{name}, {words}: {backend.device}, {backend.provider}; ready in {seconds:.2f} s, "
                f"{grown:.0f} MiB more"
            )
            yield words, (graph, backend, {"start_s": seconds, "memory_mib": grown})


def _compared(name: str, opened: dict, batch: int, rounds: int) -> list[dict]:
    from hmr_ros.cli.energy import joules_a_call

    calls = {}
    for words, (graph, backend, _) in opened.items():
        people, _ = graph.references()
        inputs = {k: np.resize(v, (batch, *v.shape[1:])) for k, v in people.items()}
        calls[words] = lambda backend=backend, inputs=inputs: backend.run(inputs)
    times, worked = timed_twice(calls, rounds)
    base = "onnxruntime float32"
    rows = []
    for words, seconds in times.items():
        versus = f"{name}, {base}, {batch} at once"
        ratio = float(np.median(times[base] / seconds))
        joules = joules_a_call(calls[words])
        rows.append(
            row(f"{name}, {words}, {batch} at once", seconds, batch, versus, ratio)
            | {"processor_ms": 1e3 * np.median(worked[words])}
            | {"joules": joules / batch if joules is not None else None}
            | opened[words][2]
        )
    return rows


def _memory_mib() -> float:
    """Largest memory of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
