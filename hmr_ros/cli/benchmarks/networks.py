"""Networks of the estimators on every backend and in every precision that there is here."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hmr_ros.cli.process_memory import resident_mib
from hmr_ros.cli.timing import compare, row, timed

PLAIN = "onnxruntime", "float32"  # what all others are compared with
SUMMARY = "people a second by network, backend, precision and batch; memory, energy, start"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench networks``."""
    parser.add_argument("--model", action="append", metavar="NAME", help="default: all estimators")
    parser.add_argument("--batch", type=int, nargs="+", default=(1, 2, 4, 8), metavar="N")
    parser.add_argument("--rounds", type=int, default=30, help="runs of each")
    parser.add_argument("--threads", type=int, default=2, help="of the processor")
    parser.add_argument("--folder", type=Path, help="of NAME.onnx and its variants (weights)")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a network, backend, precision and batch, all of a network and batch in one run, beside
    ``PLAIN``. ``start_s`` and ``memory_mib`` (what the process grew by) are of opening a backend,
    with all that had to be imported for it. What cannot be had is named, with the reason.

    Raises ``graph_file.WeightsError`` if the files for ``PLAIN`` cannot be used.
    """
    from hmr_ros.assets import asset
    from hmr_ros.runtime.estimators import ESTIMATORS

    folder = args.folder or asset("weights", "baseline.onnx").parent
    rows = []
    for name in args.model or [n for n in ESTIMATORS if (folder / f"{n}.onnx").is_file()]:
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

    plain, options = read_graph(path, name), BackendOptions(threads, max_batch=most)
    for precision in PRECISIONS:
        try:
            graph = in_precision(plain, precision)
        except WeightsError as error:
            print(f"{name} in {precision}: {error}")
            continue
        for kind in BACKENDS:
            start, before = time.perf_counter(), resident_mib()
            try:
                backend = open_backend(kind, graph, options)
            except (BackendError, ImportError, WeightsError) as error:
                if (kind, precision) == PLAIN:
                    raise
                print(f"{name} in {precision} on {kind}: {str(error).splitlines()[0]}")
                continue
            really = "" if backend.precision == precision else f" as {backend.precision}"
            words = f"{kind} {precision}{really}"
            facts = {
                "start_s": time.perf_counter() - start,
                "memory_mib": resident_mib() - before,
            }
            print(f"{name}, {words}: {backend.device}, {backend.provider}")
            yield words, (graph, backend, facts)


def _compared(name: str, opened: dict, batch: int, rounds: int) -> list[dict]:
    from hmr_ros.cli.energy import joules_a_call

    calls = {}
    for words, (graph, backend, _) in opened.items():
        people, _ = graph.references()
        inputs = {k: np.resize(v, (batch, *v.shape[1:])) for k, v in people.items()}
        calls[words] = lambda backend=backend, inputs=inputs: backend.run(inputs)
    rows = {}
    for words, times in timed(calls, rounds).items():
        joules = joules_a_call(calls[words])
        rows[words] = row(f"{name}, {words}, {batch} at once", times, batch) | opened[words][2]
        rows[words]["joules"] = joules / batch if joules is not None else None
    for found in rows.values():
        compare(found, rows[" ".join(PLAIN)])
    return list(rows.values())
