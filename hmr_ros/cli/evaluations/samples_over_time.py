"""``hmr eval samples-over-time``: what samples of the limbs of people followed are worth."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

SUMMARY = "samples of the limbs by the network over time: nearest of eight, spread, steadiness"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval samples-over-time``."""
    parser.add_argument(
        "--films",
        type=Path,
        default=Path("runs/films-val"),
        help="folder of `hmr train films --split val`, best --rendered",
    )
    parser.add_argument(
        "--weights", type=Path, help="weights (.safetensors; default: the shipped ones)"
    )


def measure(args: argparse.Namespace) -> dict:
    """One row a figure. Raises ``FilmError`` for films that cannot be used, ValueError for such
    weights."""
    from rich.progress import track

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.samples_over_time import drawn, rows_of
    from hmr_ros.models.weights import load
    from hmr_ros.training.followed_people import read_followed, whole

    path = args.weights or asset("weights", "temporal.safetensors")
    network = load(path, load_body_model(), "temporal").eval()
    people = read_followed(args.films, "val")
    clips = ((whole(p), p["stamps"]) for p in track(people, "samples", transient=True))
    found = drawn(network, clips)
    frames = len(found.person)
    facts = {"people": len(people), "frames": frames, "films": args.films.name}
    return {"rows": rows_of(found), "facts": facts}


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.evaluations.samples import shown
    from hmr_ros.cli.figures import print_table

    facts = figures["facts"]
    title = f"hmr eval samples-over-time, {facts['people']} people, {facts['frames']} frames"
    print_table(title, shown(figures["rows"]), ("figure", "of"))
