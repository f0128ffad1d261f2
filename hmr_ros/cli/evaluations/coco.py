"""``hmr eval coco``: projected joints on photographs of real people."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

SUMMARY = "2D joints of bodies on labelled photographs, beside the keypoints they came from"


def default_data() -> Path:
    """``coco_people`` in $HMR_SHARED_DATA, else in ``shared/data`` beside the source tree."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    return Path(os.environ.get("HMR_SHARED_DATA", beside)) / "coco_people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval coco``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data(),
        help="folder with person_keypoints.json (COCO format) and its photographs",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any parameter of docs/parameters.md, such as refine_steps=0",
    )


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by model, people and joints. Raises ValueError if the data is not there."""
    from rich.progress import track

    from hmr_ros.cli.settings import settings_from
    from hmr_ros.evaluation.coco import answers, benchmark, read_people
    from hmr_ros.pipeline import Pipeline

    labels = args.data / "person_keypoints.json"
    if not labels.is_file():
        raise ValueError(
            f"{labels} is missing; give a folder with COCO person keypoints and photos by --data"
        )
    people = read_people(labels)
    pipeline = Pipeline(settings_from(args.set, {}))
    photos = answers(args.data, people, pipeline)
    return benchmark(list(track(photos, "photographs", total=len(people), transient=True)))
