"""``hmr eval evidence``: what picture, maps and keypoints are worth to a network."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.cli.corpus_people import add_people

SUMMARY = "what picture, heat-maps and keypoints are worth to a network, by joint and occluder"
SHOWN = ("all", "visible", "self_occluded", "hidden", "limb", "distal")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval evidence``."""
    add_people(parser, 2000)
    parser.add_argument(
        "--network",
        action="append",
        metavar="NAME[=FILE]",
        help="weights (.safetensors); evidence is withheld from the first, and others, trained "
        "without some, are compared with it (default: the shipped baseline)",
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows by network, what was withheld, and subset of joints.

    Raises ``CorpusError`` for people that cannot be used, ValueError for such weights.
    """
    import numpy as np
    from rich.progress import track

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.evidence import WITHHELD, answers, rows_of, subsets
    from hmr_ros.models.weights import load
    from hmr_ros.training.baseline_task import batches_of
    from hmr_ros.training.corpus import opened

    body = load_body_model()
    networks = {}
    for text in args.network or ["baseline"]:
        name, _, file = text.partition("=")
        path = Path(file) if file else asset("weights", f"{name}.safetensors")
        networks[name] = load(path, body, "baseline" if file else name)
        corpus = opened(args.data, networks[name].config.backbone.image)
    people = min(args.people, len(corpus))
    _, truth = corpus.rows(np.arange(people))
    plan = [(name, kind) for name in networks for kind in WITHHELD if kind == "nothing" or
            name == next(iter(networks))]  # fmt: skip
    seen = {}
    for name, kind in track(plan, "evidence", transient=True):
        batches = batches_of(corpus, 0, people)
        seen[name, kind] = answers(networks[name], batches, WITHHELD[kind])
    return {
        "rows": rows_of(seen, subsets(truth.visibility, truth.occluder)),
        "facts": {"people": people, "data": args.data.name, "corpus": corpus.manifest},
    }


def show(figures: Mapping) -> None:
    """The terminal's table; single joints and occluders are in ``--json``."""
    from hmr_ros.cli.figures import print_table

    rows = [r for r in figures["rows"] if r["subset"] in SHOWN or r["subset"].startswith("by_")]
    shown = []
    for row in rows:
        said = {k: row[k] for k in ("network", "without", "subset", "n", "mpjpe_mm")}
        if "worse_mm" in row:
            low, high = row["ci95"]["worse_mm"]
            said["worse by mm"] = f"{row['worse_mm']:.1f} ({low:.1f} to {high:.1f})"
        said["in 90 %"] = row["coverage90"]
        shown.append(said)
    title = f"hmr eval evidence, {figures['facts']['people']} people"
    print_table(title, shown, ("network", "without", "subset", "n"))
