"""``hmr eval tokenizer``: the shipped pose tokenizer on motion clips it has never seen."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions

SUMMARY = "what the pose tokenizer keeps of held-out poses, also with wrong tokens (needs torch)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval tokenizer``."""
    add_motions(parser)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--wrong", type=float, default=0.05, help="share of tokens replaced")
    parser.add_argument("--weights", type=Path, help=".safetensors; default: the shipped ones")


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows of ``hmr_ros.evaluation.tokenizer.benchmark``."""
    import torch

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.tokenizer import benchmark
    from hmr_ros.models.tokenizer_weights import load

    if not 0 <= args.wrong <= 1:
        raise ValueError(f"--wrong is {args.wrong}, expected a share from 0 to 1")
    torch.set_num_threads(1)
    network = load(args.weights or asset("weights", "tokenizer.safetensors"))
    return benchmark(network, load_body_model(), args.motions, args.split, args.wrong)


def show(figures: dict) -> None:
    """Print one column a kind of poses; all intervals are in the file."""
    from hmr_ros.cli.figures import print_table

    rows = figures["rows"]
    names = list(dict.fromkeys(key for row in rows for key in row))
    table = []
    for name in names:
        if name in ("split", "poses", "ci95"):
            continue
        table.append({"figure": name} | {row["poses"]: row.get(name) for row in rows})
        if name == "joint_error_mm":
            table.append({"figure": "  95 %"} | {row["poses"]: row["ci95"][name] for row in rows})
    print_table(f"hmr eval tokenizer, {rows[0]['split']} clips", table, first=("figure",))
