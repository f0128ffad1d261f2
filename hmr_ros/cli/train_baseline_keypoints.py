"""``hmr train baseline_keypoints``: what the baseline can learn without a picture."""

from __future__ import annotations

import argparse

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.training_runs import add_training_arguments, train

SUMMARY = "the baseline without a picture, on simulated keypoints: a start for it"


def add_arguments(parser: argparse.ArgumentParser, name: str = "baseline_keypoints") -> None:
    """The options of ``hmr train baseline_keypoints``, or of another network's start."""
    add_motions(parser)
    parser.add_argument("--small", action="store_true", help="the small variant's recipe, for CPUs")
    add_training_arguments(parser, name)


def run(
    args: argparse.Namespace, name: str = "baseline_keypoints", more: dict | None = None
) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed.

    more: settings of the task that another network has.
    """
    settings = {"motions": str(args.motions)} | (more or {})
    return train(name, args, settings, lambda task: f"`{args.motions.name}`")
