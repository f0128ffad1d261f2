"""The options of evaluations on the people of a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_people(parser: argparse.ArgumentParser, count: int) -> None:
    """``--data`` and ``--people``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("runs/corpus-val"),
        help="folder of `hmr train corpus --split val`",
    )
    parser.add_argument(
        "--people", type=int, default=count, help="the first N of them (default: %(default)s)"
    )
