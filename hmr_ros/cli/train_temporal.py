"""``hmr train temporal``: FactorizedHMR over time, from people followed through films."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.training_runs import add_training_arguments, train

NAME = "temporal"
SUMMARY = "FactorizedHMR over time: bodies of single frames corrected by what came before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train temporal``."""
    parser.add_argument(
        "--films",
        type=Path,
        nargs="+",
        default=[Path("runs/films")],
        help="folders of `hmr train films`",
    )
    parser.add_argument(
        "--val", type=Path, help="a folder of `hmr train films --split val`, best --rendered"
    )
    parser.add_argument("--small", action="store_true", help="the small variant's recipe, for CPUs")
    add_training_arguments(parser, NAME)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed.

    Raises ValueError for an export without people to calibrate it on.
    """
    if args.export and not args.val:
        raise ValueError(
            "--export needs --val, a folder of `hmr train films --split val`: what is released is "
            "calibrated and judged on it"
        )
    settings = {"films": [str(f) for f in args.films], "val": str(args.val or "")}
    return train(NAME, args, settings, described)


def described(task) -> str:
    """The data in words."""
    frames = sum(len(p["stamps"]) for p in task.people)
    held = sum(len(p["stamps"]) for p in task.held_out)
    return (
        f"{len(task.people)} people followed through films, {frames} frames, by `hmr train films`; "
        f"{len(task.held_out)} others, {held} frames, for validation."
    )
