"""``hmr eval occupancy``: whether capsules of ~/occupancy hold the limbs they promise to hold."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from hmr_ros.cli.drawing_options import add_backgrounds, add_motions
from hmr_ros.parameters import DEFAULT_ESTIMATOR

SUMMARY = "do the capsules of ~/occupancy hold the true limbs, and in how much room"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval occupancy``."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it (default: the node's)",
    )
    parser.add_argument(
        "--images", type=int, default=300, help="the first N pictures of SynOcc still"
    )
    add_motions(parser)
    add_backgrounds(parser)
    parser.add_argument("--workers", type=int, help="processes that draw; as synocc-still")


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by model, level and state of the limbs."""
    from hmr_ros.cli.evaluations.synocc_still import default_workers, sources, with_progress
    from hmr_ros.evaluation.occupancy import answers, rows_of
    from hmr_ros.evaluation.synocc import still as benchmark
    from hmr_ros.evaluation.synocc.models import pipeline_of

    chosen = benchmark.numbers(args.images)
    body, motions, photos = sources(args)
    source = benchmark.still_source(body, motions, photos)
    workers = default_workers(len(chosen)) if args.workers is None else args.workers
    rows = []
    for name in dict.fromkeys(args.model or [DEFAULT_ESTIMATOR]):
        pipeline = pipeline_of(name)
        drawn = benchmark.pictures(source, chosen, min(workers, len(chosen)))
        seen = answers(with_progress(drawn, len(chosen), name), pipeline, body)
        rows += rows_of(list(seen), body, name)
    return rows


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    shown = []
    for row in figures["rows"]:
        low, high = row["ci95"]["held"]
        shown.append(
            {k: v for k, v in row.items() if k not in ("ci95", "held")}
            | {"held": f"{row['held']:.3f} ({low:.3f} to {high:.3f})"}
        )
    print_table("hmr eval occupancy", shown, ("model", "level", "subset", "parts", "held"))
