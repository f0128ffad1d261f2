"""``hmr eval samples``: what FactorizedHMR's samples are worth beside its regressor."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

SUMMARY = "samples of FactorizedHMR: nearest of eight, spread, steps, plausibility, torso"
BATCH = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval samples``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("runs/corpus-val"),
        help="folder of `hmr train corpus --split val`",
    )
    parser.add_argument("--people", type=int, default=500, help="the first N of them")
    parser.add_argument(
        "--poses",
        type=Path,
        default=Path("runs/corpus"),
        help="folder of `hmr train corpus`, whose poses are the known ones",
    )
    parser.add_argument(
        "--known", type=int, default=20_000, help="so many of those poses (default: 20000)"
    )
    parser.add_argument(
        "--weights", type=Path, help="weights (.safetensors; default: the shipped ones)"
    )


def measure(args: argparse.Namespace) -> dict:
    """One row a figure. Raises ``CorpusError`` for people that cannot be used, ValueError for such
    weights."""
    import numpy as np
    import torch
    from rich.progress import track

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.samples import drawn, rows_of
    from hmr_ros.models.factorized_state import LIMBS, at_rest
    from hmr_ros.models.weights import load
    from hmr_ros.training.baseline_task import tensors
    from hmr_ros.training.corpus import Corpus, CorpusError

    path = args.weights or asset("weights", "factorized.safetensors")
    network = load(path, load_body_model(), "factorized")
    corpus, known = Corpus(args.data), Corpus(args.poses)
    side = network.config.backbone.image
    if side != corpus.size:
        raise CorpusError(
            f"{args.data} holds pictures of {corpus.size} pixels, {path} takes {side}: draw people "
            f"with --size {side}"
        )

    def cut(count: int) -> list[np.ndarray]:
        return [np.arange(at, min(at + BATCH, count)) for at in range(0, count, BATCH)]

    limbs = [
        torch.from_numpy(known.rows(rows)[1].rotations[:, list(LIMBS)])
        for rows in cut(min(args.known, len(known)))
    ]
    poses = torch.cat(limbs)
    mean = poses[..., :2].transpose(-1, -2).mean(0).flatten() - at_rest()[: 6 * len(LIMBS)]
    people = min(args.people, len(corpus))
    batches = (
        tensors(*corpus.rows(rows)) for rows in track(cut(people), "samples", transient=True)
    )
    found = drawn(network, batches, poses, mean)
    visibility = corpus.rows(np.arange(people))[1].visibility
    return {
        "rows": rows_of(found, visibility),
        "facts": {"people": people, "data": args.data.name, "corpus": corpus.manifest},
    }


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    shown = []
    for row in figures["rows"]:
        low, high = row.get("ci95", ("", ""))
        interval = f"{low:.3g} to {high:.3g}" if row.get("ci95") else ""
        said = {"figure": row["figure"], "of": row["subset"], "value": f"{row['value']:.3g}"}
        shown.append(said | {"95 %": interval, "wanted": row["wanted"]})
    title = f"hmr eval samples, {figures['facts']['people']} people"
    print_table(title, shown, ("figure", "of"))
