"""``hmr train factorized``: FactorizedHMR for one image, from a corpus of rendered people."""

from __future__ import annotations

import argparse

from hmr_ros.cli import train_baseline

NAME = "factorized"
SUMMARY = "FactorizedHMR for one image: a certain torso, limbs by flow matching"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train factorized``: the baseline's."""
    train_baseline.add_arguments(parser, NAME)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    return train_baseline.run(args, NAME)
