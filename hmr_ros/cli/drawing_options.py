"""The options of commands that draw what networks train on."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.motion_file import default_motions


def add_drawing_arguments(parser: argparse.ArgumentParser) -> None:
    """What is drawn from, and by how many processes."""
    parser.add_argument("--workers", type=int, default=2, help="processes (0: this one)")
    parser.add_argument(
        "--motions", type=Path, default=default_motions(), help="motion clips (.npz)"
    )
    parser.add_argument("--photos", type=Path, help="folder of background photographs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["train", "val"], default="train")
