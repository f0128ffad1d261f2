"""``--keep`` and ``--fresh`` of the SynOcc benchmarks: a run that was stopped goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def add_keep_arguments(parser: argparse.ArgumentParser) -> None:
    """Where answers are kept, and whether earlier ones count."""
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path("runs/synocc"),
        metavar="FOLDER",
        help="answers are kept in a folder of this run in it; the same command goes on from them "
        "(default: runs/synocc)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="delete what earlier runs of this command kept"
    )


def kept_answers(
    args: argparse.Namespace, benchmark: str, version: int, photos: Sequence, models, **more
):
    """The chunks of runs like this one; see ``hmr_ros.evaluation.synocc.identity``."""
    from hmr_ros.evaluation.synocc.identity import identity_of
    from hmr_ros.evaluation.synocc.kept import Kept

    identity = identity_of(version, args.motions, photos, models, **more)
    kept = Kept(args.keep, benchmark, identity)
    if args.fresh:
        kept.forget()
    return kept


def say_kept(facts: dict, earlier: int, total: int, what: str, folder: Path) -> None:
    """Tell the terminal and the facts how much comes from an earlier run, if anything does."""
    if earlier:
        facts["kept"] = f"{earlier} of {total} {what} are from an earlier run, in {folder}"
        print(f"{facts['kept']} (--fresh: all anew)", file=sys.stderr)
