"""The options of commands that draw people, for networks to train on or to be judged by."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.motion_file import default_motions


def add_motions(parser: argparse.ArgumentParser, what: str = "") -> None:
    """``--motions``. what: they are for, if that is not plain."""
    clips = f"motion clips (.npz) {what}".strip()
    parser.add_argument("--motions", type=Path, default=default_motions(), help=clips)


def add_backgrounds(parser: argparse.ArgumentParser) -> None:
    """``--backgrounds`` of SynOcc's pictures."""
    parser.add_argument(
        "--backgrounds",
        type=Path,
        help="folder of photographs, of which those that training never shows are used; default: "
        "procedural backgrounds only",
    )


def add_drawing_arguments(parser: argparse.ArgumentParser) -> None:
    """What is drawn from, and by how many processes."""
    parser.add_argument("--workers", type=int, default=2, help="processes (0: this one)")
    add_motions(parser)
    parser.add_argument("--photos", type=Path, help="folder of background photographs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["train", "val"], default="train")
