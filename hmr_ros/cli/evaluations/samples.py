"""``hmr eval samples``: what FactorizedHMR's samples are worth beside its regressor."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from hmr_ros.cli.corpus_people import add_people

SUMMARY = "samples of FactorizedHMR: nearest of eight, spread, steps, plausibility, torso"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval samples``."""
    add_people(parser, 500)
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
    from hmr_ros.evaluation.samples import drawn, mean_of, rows_of
    from hmr_ros.models.factorized_state import LIMBS
    from hmr_ros.models.weights import load
    from hmr_ros.training.baseline_task import VALIDATION_BATCH, batches_of
    from hmr_ros.training.corpus import Corpus, opened

    path = args.weights or asset("weights", "factorized.safetensors")
    network = load(path, load_body_model(), "factorized")
    corpus, known = opened(args.data, network.config.backbone.image), Corpus(args.poses)

    of_known = batches_of(known, 0, min(args.known, len(known)))
    poses = torch.cat([batch["rotations"][:, list(LIMBS)] for batch in of_known])
    people = min(args.people, len(corpus))
    count = -(-people // VALIDATION_BATCH)
    batches = track(batches_of(corpus, 0, people), "samples", total=count, transient=True)
    found = drawn(network, batches, poses, mean_of(poses))
    visibility = corpus.rows(np.arange(people))[1].visibility
    return {
        "rows": rows_of(found, visibility),
        "facts": {"people": people, "data": args.data.name, "corpus": corpus.manifest},
    }


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    title = f"hmr eval samples, {figures['facts']['people']} people"
    print_table(title, shown(figures["rows"]), ("figure", "of"))


def shown(rows: Sequence[Mapping]) -> list[dict]:
    """Rows of ``evaluation.samples.row`` in words."""
    found = []
    for row in rows:
        low, high = row.get("ci95", ("", ""))
        interval = f"{low:.3g} to {high:.3g}" if row.get("ci95") else ""
        said = {"figure": row["figure"], "of": row["subset"], "value": f"{row['value']:.3g}"}
        found.append(said | {"95 %": interval, "wanted": row["wanted"]})
    return found
