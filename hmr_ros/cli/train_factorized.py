"""``hmr train factorized``: FactorizedHMR for one image, from a corpus of rendered people."""

from __future__ import annotations

import argparse

from hmr_ros.cli import train_baseline
from hmr_ros.cli.training_runs import train

SUMMARY = "FactorizedHMR for one image: a certain torso, limbs by flow matching"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train factorized``: the baseline's."""
    train_baseline.add_arguments(parser, "factorized")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    settings = {"data": str(args.data)} | ({"val": str(args.val)} if args.val else {})
    return train("factorized", args, settings, lambda task: train_baseline.described(args.data))
