"""``hmr train``: train a network, resume it after an interruption, export its weights."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from hmr_ros.cli.listing import summary_of

SUMMARY = "train a network; interruptible with Ctrl-C, resumable, with progress"
FOLDER = Path(__file__).parent
# What can be trained or made for it, and the module of this folder that does it.
KINDS = {
    "lifter": "train_lifter",
    "tokenizer": "train_tokenizer",
    "baseline": "train_baseline",
    "baseline_keypoints": "train_baseline_keypoints",
    "factorized": "train_factorized",
    "factorized_keypoints": "train_factorized_keypoints",
    "temporal": "train_temporal",
    "corpus": "train_corpus",
    "films": "train_films",
    "calibration": "train_calibration",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME and what follows it, which the module of NAME reads."""
    lines = [f"  {name:<20} {summary_of(FOLDER / f'{m}.py')}" for name, m in KINDS.items()]
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["networks:", *lines, "", "`hmr train NAME --help` has the options."])
    parser.add_argument("name", choices=KINDS, metavar="NAME", help="what to train, see below")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of NAME")


def run(args: argparse.Namespace) -> int:
    """Exit status of the module: 0 done, 1 failed, 130 interrupted."""
    module = importlib.import_module(f"hmr_ros.cli.{KINDS[args.name]}")
    parser = argparse.ArgumentParser(prog=f"hmr train {args.name}", description=module.SUMMARY)
    module.add_arguments(parser)
    return module.run(parser.parse_args(args.options))
