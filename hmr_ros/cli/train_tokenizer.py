"""``hmr train tokenizer``: poses as tokens, from motion clips and sampled poses."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.motion_file import default_motions
from hmr_ros.cli.training_runs import add_training_arguments, train

SUMMARY = "poses as tokens of a learned codebook"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train tokenizer``."""
    parser.add_argument(
        "--motions", type=Path, default=default_motions(), help="motion clips (.npz)"
    )
    add_training_arguments(parser, "tokenizer")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    data = f"poses of the train clips of `{args.motions.name}` and of the joint-limit sampler."
    return train("tokenizer", args, {"motions": str(args.motions)}, lambda task: data)
