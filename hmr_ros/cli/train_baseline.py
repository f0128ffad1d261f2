"""``hmr train baseline``: the plain regressor, from a corpus of rendered people."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.training_runs import add_training_arguments, train

SUMMARY = "the yardstick: a person crop to a body, from rendered people"


def add_arguments(parser: argparse.ArgumentParser, name: str = "baseline") -> None:
    """The options of ``hmr train baseline``, or of another network on person crops."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("runs/corpus"),
        help="folder of `hmr train corpus --split train`",
    )
    parser.add_argument(
        "--val", type=Path, help="folder of `hmr train corpus --split val`; default: part of DATA"
    )
    add_motions(parser, "of the people without a picture, if the recipe wants some")
    parser.add_argument(
        "--small", action="store_true", help="the small variant's recipe, for CPUs (size 128)"
    )
    parser.add_argument(
        "--without",
        action="append",
        metavar="KIND",
        help="train a network without this kind of evidence too, for an ablation: image, heatmaps, "
        "mask, features, keypoints, world or rays",
    )
    add_training_arguments(parser, name)


def run(args: argparse.Namespace, name: str = "baseline", more: dict | None = None) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed.

    more: settings of the task that another network has.
    """
    settings = {"data": str(args.data), "motions": str(args.motions)} | (more or {})
    settings |= {"val": str(args.val)} if args.val else {}
    return train(name, args, settings, lambda task: described(args.data) + _joined(task, args))


def _joined(task, args: argparse.Namespace) -> str:
    """Who is not of the corpus, in words."""
    count = task.settings.simulated
    if not count:
        return ""
    return (
        f" {count} people a step and process had no picture: poses of `{args.motions.name}`, "
        "simulated keypoints."
    )


def described(folder: Path) -> str:
    """A corpus in words, for a card."""
    from hmr_ros.training.corpus import Corpus

    corpus = Corpus(folder)
    made = corpus.manifest
    photos = f"photographs of `{made['photos']}`" if made["photos"] else "no photographs"
    mixes = " and ".join(mix["name"] for mix in made["mixes"])
    return (
        f"{len(corpus)} rendered people of the {mixes} mixes (seed {made['seed']}, split "
        f"{made['split']} of `{made['motions']}`, backgrounds: procedural and {photos}), boxes "
        "given, seen by the real front end. No photographs of people."
    )
