"""``hmr train factorized``: FactorizedHMR for one image, from a corpus of rendered people."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli import train_baseline

NAME = "factorized"
SUMMARY = "FactorizedHMR for one image: limbs by flow matching on the torso of a trained baseline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train factorized``: the baseline's, and which stage one."""
    train_baseline.add_arguments(parser, NAME)
    parser.add_argument(
        "--anchor",
        type=Path,
        metavar="FILE",
        help="weights of stage one, a baseline (.safetensors; default: the shipped one)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    settings = {"anchor": str(args.anchor)} if args.anchor else {}
    return train_baseline.run(args, NAME, settings)
