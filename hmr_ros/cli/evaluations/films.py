"""``hmr eval films``: smoothing and the network over time on films followed already."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

SUMMARY = "the network over time beside One-Euro smoothing, on films of `hmr train films`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval films``."""
    parser.add_argument(
        "--films",
        type=Path,
        default=Path("runs/films-val"),
        help="folder of `hmr train films --split val`, best --rendered",
    )
    parser.add_argument("--weights", default="", help="temporal.onnx (default: the shipped one)")
    parser.add_argument(
        "--smoothing-cutoff-hz", type=float, help="of the network over time (default: parameter)"
    )
    parser.add_argument(
        "--smoothing-speed", type=float, help="of the network over time (default: parameter)"
    )
    parser.add_argument(
        "--n-samples", type=int, default=0, help="of the limbs, for their regions (%(default)s)"
    )
    parser.add_argument(
        "--without-pose",
        action="store_true",
        help="do not tell the network over time where the camera is",
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows and ratios as of SynOcc video: ``frames`` (nothing smoothed), ``one-euro``,
    ``temporal``. The first two do not differ from the product's in anything but who is who."""
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.followed_films import replayed
    from hmr_ros.evaluation.synocc.video_comparisons import video_comparisons
    from hmr_ros.evaluation.synocc.video_rows import video_rows
    from hmr_ros.parameters import validated
    from hmr_ros.runtime.sampling import Sampling
    from hmr_ros.runtime.temporal import Temporal

    body = load_body_model()
    given = {
        "smoothing_cutoff_hz": args.smoothing_cutoff_hz,
        "smoothing_speed": args.smoothing_speed,
    }
    own = validated({name: value for name, value in given.items() if value is not None})
    stages = {
        "one-euro": (validated(), None),
        "frames": (validated({"smoothing": False}), None),
        "temporal": (own, Temporal(body, args.weights, sampling=Sampling(args.n_samples))),
    }
    clips = replayed(args.films, body, stages, not args.without_pose)
    if not clips:
        raise ValueError(f"{args.films} holds no films with people: hmr train films draws some")
    rows = [row for row in video_rows(clips) if row["level"] == "all"]
    for row in rows:
        del row["recall"], row["ci95"]["recall"]  # only who was seen counts
    facts = {"films": f"{len(clips)} of {args.films}"}
    if args.n_samples:
        facts["samples"] = args.n_samples
    if args.without_pose:
        facts["pose of the camera"] = "not told"
    return {"rows": rows, "comparisons": video_comparisons(clips), "facts": facts}


def show(figures: Mapping) -> None:
    """The terminal's tables."""
    from hmr_ros.cli.synocc_tables import show_video

    show_video(figures)
