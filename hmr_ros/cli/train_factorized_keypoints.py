"""``hmr train factorized_keypoints``: what FactorizedHMR can learn without a picture."""

from __future__ import annotations

import argparse

from hmr_ros.cli import train_baseline_keypoints

NAME = "factorized_keypoints"
SUMMARY = "FactorizedHMR without a picture, on simulated keypoints: a start for it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train baseline_keypoints``."""
    train_baseline_keypoints.add_arguments(parser, NAME)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    return train_baseline_keypoints.run(args, NAME)
