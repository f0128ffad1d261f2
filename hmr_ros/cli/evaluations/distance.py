"""``hmr eval distance``: metric distances of rendered people with a known camera."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.parameters import DEFAULT_ESTIMATOR

SUMMARY = "distances of standing and walking people, rendered with a known camera"
VERSION = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval distance``."""
    add_motions(parser)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--photos", type=Path, help="folder of photographs; default: rooms only")
    parser.add_argument("--films", type=int, default=40, help="films of three people")
    parser.add_argument("--seconds", type=float, default=1.6, help="length of a film")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other films")
    parser.add_argument("--estimator", default=DEFAULT_ESTIMATOR, help="network to use")


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows for standing and walking adults, by stature and by distance."""
    from hmr_ros.data.backgrounds import background_photos
    from hmr_ros.data.motions import load_motions
    from hmr_ros.data.photo_split import photos_of
    from hmr_ros.evaluation.distance_benchmark import Setting, benchmark, rows
    from hmr_ros.parameters import validated
    from hmr_ros.pipeline import Pipeline

    motions = load_motions(args.motions).split(args.split)
    photos = photos_of(background_photos(args.photos), "test")
    pipeline = Pipeline(validated({"estimator": args.estimator}))
    setting = Setting(films=args.films, seconds=args.seconds, seed=args.seed)
    return rows(benchmark(setting, pipeline, motions, photos), args.estimator)
