"""``hmr build-engine NAME``: the TensorRT engine of a network, for the GPU of this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hmr_ros.cli.figures import print_table, write_json
from hmr_ros.cli.measurement import add_json

SUMMARY = "build a network's TensorRT engine for this GPU, judge its numbers, keep it"
POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which network, how, and where to."""
    parser.add_argument("name", help="an estimator, or the path of an ONNX file with its manifest")
    parser.add_argument(
        "--precision",
        choices=("float32", "float16"),
        help="the network's file in this precision (default: the file named)",
    )
    parser.add_argument(
        "--max-batch",
        type=int,
        default=8,
        metavar="N",
        help="most rows in one run: max_batch of the node (%(default)s)",
    )
    parser.add_argument(
        "--workspace-mib",
        type=int,
        default=1024,
        metavar="N",
        help="memory that the builder may try kernels in (%(default)s)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="of engines, yours alone (default: hmr_ros/engines in $XDG_CACHE_HOME or ~/.cache)",
    )
    parser.add_argument("--force", action="store_true", help="build even if there is one")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Exit status 0 with a usable engine, 1 where this machine cannot build one."""
    from hmr_ros.runtime.backends.backend import BackendError, BackendOptions

    for option, value in (("--max-batch", args.max_batch), ("--workspace-mib", args.workspace_mib)):
        if value < 1:
            raise ValueError(f"{option} is {value}: at least 1 is needed")
    options = BackendOptions(
        max_batch=args.max_batch, workspace_mib=args.workspace_mib, cache=args.cache
    )
    graph = _graph(args.name, args.precision)
    try:
        engine = _watched(graph, options, args.force)
    except BackendError as error:
        print(f"hmr build-engine: {error}", file=sys.stderr)
        return 1
    _report(engine, args.json)
    return 0


def _graph(name: str, precision: str | None):
    from hmr_ros.assets import asset
    from hmr_ros.runtime.graph_file import read_graph
    from hmr_ros.runtime.precisions import in_precision

    path = Path(name) if name.endswith(".onnx") else asset("weights", f"{name}.onnx")
    graph = read_graph(path)
    return in_precision(graph, precision) if precision else graph


def _watched(graph, options, force: bool):
    """The engine, with a bar while it is built; Ctrl-C ends the build first, then the command."""
    from concurrent.futures import wait

    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from hmr_ros.runtime.backends.background_build import BackgroundBuild
    from hmr_ros.runtime.backends.engine_build import build

    building = BackgroundBuild(lambda *watching: build(graph, options, *watching, force))
    columns = BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns) as bar:
        task = bar.add_task(graph.path.name, total=1.0)
        try:
            while wait([building.future], POLL_S).not_done:
                told = building.progress
                bar.update(task, completed=told.fraction, description=told.step)
        except KeyboardInterrupt:
            building.cancel()
            bar.update(task, description="ending the build (Ctrl-C again: at once)")
            wait([building.future])
            raise
        engine = building.future.result()
        bar.update(task, completed=1.0, description="built" if engine.built else "already there")
    return engine


def _report(engine, path: Path | None) -> None:
    rows = [
        {"name": m.output, "difference": m.difference, "limit": m.limit, "unit": m.unit}
        for m in engine.kept.measures
    ]
    key = engine.key
    print_table(
        f"{key.network}, {key.precision}, TensorRT {key.tensorrt} on {key.device}: largest "
        "differences to the float32 reference",
        rows,
    )
    print(f"for 1 to {key.profile[-1]} people: {engine.kept.path or 'not kept'}")
    if engine.note:
        print(f"note: {engine.note}")
    if path is not None:
        write_json(
            path,
            {
                "key": key.as_dict(),
                "built": engine.built,
                "engine": engine.kept.path,
                "note": engine.note,
                "measures": rows,
            },
        )
