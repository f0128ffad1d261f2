"""``hmr train factorized``: FactorizedHMR for one image, from a corpus of rendered people."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli import train_baseline
from hmr_ros.training.arms import ARMS

NAME = "factorized"
SUMMARY = "FactorizedHMR for one image: limbs by flow matching on the torso of a trained baseline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train factorized``: the baseline's, which stage one and which arm."""
    train_baseline.add_arguments(parser, NAME)
    add_stage_one(parser, "a baseline (.safetensors; default: the shipped one)")


def add_stage_one(parser: argparse.ArgumentParser, which: str) -> None:
    """``--anchor`` and ``--arm``. which: baseline stage one may be, in words."""
    parser.add_argument(
        "--anchor", type=Path, metavar="FILE", help=f"weights of stage one, {which}"
    )
    parser.add_argument(
        "--arm",
        choices=list(ARMS),
        help="a training to compare with: what each lacks is in hmr_ros/training/arms.py",
    )


def stage_one(args: argparse.Namespace) -> dict:
    """The task's settings that the options of ``add_stage_one`` stand for."""
    return {k: str(v) for k in ("anchor", "arm") if (v := getattr(args, k))}


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 when the training is complete, 130 when interrupted, 1 when it failed."""
    return train_baseline.run(args, NAME, stage_one(args))
