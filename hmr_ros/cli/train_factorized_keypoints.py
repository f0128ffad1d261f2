"""``hmr train factorized_keypoints``: arms of FactorizedHMR's ablation, on simulated keypoints."""

from __future__ import annotations

import argparse

from hmr_ros.cli import train_baseline_keypoints
from hmr_ros.cli.train_factorized import add_stage_one, stage_one

NAME = "factorized_keypoints"
SUMMARY = (
    "FactorizedHMR on simulated keypoints, and what it is compared with: `hmr eval factorized`"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train baseline_keypoints``, which stage one and which arm."""
    train_baseline_keypoints.add_arguments(parser, NAME)
    add_stage_one(
        parser,
        "without a picture too: those of `hmr train baseline_keypoints --export FOLDER`",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    return train_baseline_keypoints.run(args, NAME, stage_one(args))
