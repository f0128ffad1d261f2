"""``hmr eval synocc-video``: moving people before a moving camera, in rendered clips."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.cli.motion_file import default_motions

SUMMARY = "poses, paths, identity and speed over time on rendered clips with a moving camera"
VERSION = 1  # hmr_ros.evaluation.synocc.video's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval synocc-video``."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it (default: lifter)",
    )
    parser.add_argument("--clips", type=int, default=60, help="the first N of the 60 clips")
    parser.add_argument("--frames", type=int, default=90, help="of a clip; less for a quick look")
    parser.add_argument(
        "--motions", type=Path, default=default_motions(), help="motion clips (.npz)"
    )
    parser.add_argument(
        "--backgrounds",
        type=Path,
        help="folder of photographs, of which those that training never shows are used",
    )
    parser.add_argument(
        "--html", "--report", type=Path, metavar="FILE", help="write an HTML report (or a folder's)"
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows by model and level and facts of the run; the report is written here."""
    from hmr_ros.cli.evaluations.synocc_still import facts_of, sources, with_progress
    from hmr_ros.evaluation.report.page import write_page
    from hmr_ros.evaluation.report.video_report import video_report
    from hmr_ros.evaluation.synocc import video as benchmark
    from hmr_ros.evaluation.synocc.models import PipelineModel, load_model
    from hmr_ros.evaluation.synocc.video_rows import video_rows
    from hmr_ros.evaluation.synocc.watching import watch

    if not 1 <= args.clips <= benchmark.CLIPS:
        raise ValueError(f"--clips {args.clips}: expected 1 to {benchmark.CLIPS}")
    body, motions, photos = sources(args)
    source = benchmark.video_source(body, motions, photos, args.frames)
    pipelines = {}
    for name in dict.fromkeys(args.model or ["lifter"]):
        model = load_model(name, body, motions)
        if not isinstance(model, PipelineModel):
            raise ValueError(f"model {name!r} follows nobody through a clip; give an estimator")
        model.pipeline.warm_up()
        pipelines[name] = model.pipeline
    watched = []
    facts = facts_of(args, "synocc-video", VERSION, source.backgrounds)
    try:
        for number in with_progress(range(args.clips), args.clips, "clips"):
            clip = source.clip(number)
            level, kind = benchmark.level_of(number), benchmark.kind_of(number)
            watched.append(watch(clip, source.pictures(clip), pipelines, number, level, kind))
    except KeyboardInterrupt:
        facts["interrupted"] = f"figures of the first {len(watched)} clips"
    if not watched:
        raise ValueError("no clip was watched to its end")
    facts["clips"] = f"{len(watched)} of {benchmark.CLIPS}, {args.frames} frames each"
    rows = video_rows(watched)
    if args.html is not None:
        text = video_report(watched, rows, facts, VERSION)
        facts["report"] = str(write_page(args.html, text))
    return {"rows": rows, "facts": facts}


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.synocc_tables import show_video

    show_video(figures)
