"""``hmr train tokenizer``: poses as tokens, from motion clips and sampled poses."""

from __future__ import annotations

import argparse

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.cli.training_runs import add_training_arguments, train

SUMMARY = "poses as tokens of a learned codebook"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train tokenizer``."""
    add_motions(parser)
    add_training_arguments(parser, "tokenizer")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    data = f"poses of the train clips of `{args.motions.name}` and of the joint-limit sampler."
    return train("tokenizer", args, {"motions": str(args.motions)}, lambda task: data)
