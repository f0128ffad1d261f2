"""``hmr train corpus``: rendered people as the front end sees them, for networks to train on."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_drawing_arguments

SUMMARY = "rendered people, seen by the front end, for the baseline to train on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train corpus``."""
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"), help="folder of shards")
    parser.add_argument(
        "--people", type=int, required=True, help="until the folder holds so many; more may follow"
    )
    add_drawing_arguments(parser)
    parser.add_argument(
        "--size", type=int, choices=[128, 256], default=256, help="side of the pictures kept"
    )
    parser.add_argument(
        "--thorough-every",
        type=int,
        default=1,
        metavar="N",
        help="let the front end take second looks in one of N pictures only (3: twice as quick)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the people are there, 130 when interrupted (whole shards are kept)."""
    import time

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from hmr_ros.cli.looking import look, look_once
    from hmr_ros.training.corpus_making import Drawing, draw_people

    if args.thorough_every < 1:
        raise ValueError(f"--thorough-every is {args.thorough_every}, expected 1 or more")
    drawing = Drawing(
        look,
        args.motions,
        args.split,
        args.photos,
        args.seed,
        args.size,
        quick=look_once,
        thorough_every=args.thorough_every,
    )
    columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}")]
    with Progress("people", *columns, TimeRemainingColumn()) as progress:
        bar = progress.add_task("people", total=args.people, speed="")
        first, started, people = None, time.monotonic(), 0
        for people in draw_people(drawing, args.out, args.people, args.workers):
            if first is None:
                first = people
            speed = (people - first) / max(1e-9, time.monotonic() - started)
            progress.update(bar, completed=people, speed=f"{speed:.1f} people/s")
    print(f"{args.out} holds {people} people")
    return 0
