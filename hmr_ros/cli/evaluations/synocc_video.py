"""``hmr eval synocc-video``: moving people before a moving camera, in rendered clips."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.cli.drawing_options import add_backgrounds, add_motions
from hmr_ros.cli.synocc_kept import add_keep_arguments, kept_answers, say_kept
from hmr_ros.parameters import DEFAULT_ESTIMATOR

SUMMARY = "poses, paths, identity and speed over time on rendered clips with a moving camera"
VERSION = 2  # hmr_ros.evaluation.synocc.video's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval synocc-video``."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it (default: the node's)",
    )
    parser.add_argument("--clips", type=int, default=60, help="the first N of the 60 clips")
    parser.add_argument("--frames", type=int, default=90, help="of a clip; less for a quick look")
    add_motions(parser)
    add_backgrounds(parser)
    parser.add_argument(
        "--html", "--report", type=Path, metavar="FILE", help="write an HTML report (or a folder's)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that draw while the pipeline looks; they take time from it, so fps and "
        "p95_ms are lower figures then (default: 0, this one draws in between)",
    )
    parser.add_argument(
        "--without-pose",
        action="store_true",
        help="do not tell `temporal` where the camera is",
    )
    add_keep_arguments(parser)


def measure(args: argparse.Namespace) -> dict:
    """Rows by model and level and facts of the run; the report is written here."""
    from hmr_ros.cli.evaluations.synocc_still import facts_of, sources, with_progress
    from hmr_ros.evaluation.report.page import write_page
    from hmr_ros.evaluation.report.video_report import video_report
    from hmr_ros.evaluation.synocc import video as benchmark
    from hmr_ros.evaluation.synocc.kept_clips import keep_clip, kept_clips
    from hmr_ros.evaluation.synocc.models import PipelineModel, load_model
    from hmr_ros.evaluation.synocc.video_comparisons import video_comparisons
    from hmr_ros.evaluation.synocc.video_rows import video_rows
    from hmr_ros.evaluation.synocc.watching import watch

    if not 1 <= args.clips <= benchmark.CLIPS:
        raise ValueError(f"--clips {args.clips}: expected 1 to {benchmark.CLIPS}")
    body, motions, photos = sources(args)
    source = benchmark.video_source(body, motions, photos, args.frames)
    models = []
    for name in dict.fromkeys(args.model or [DEFAULT_ESTIMATOR]):
        model = load_model(name, body, motions)
        if not isinstance(model, PipelineModel):
            raise ValueError(f"model {name!r} follows nobody through a clip; give an estimator")
        model.pipeline.warm_up()
        models.append(model)
    pipelines = {model.name: model.pipeline for model in models}
    facts = facts_of(args, "synocc-video", VERSION, source.backgrounds)
    if args.workers:
        facts["speed"] = f"measured while {args.workers} processes were drawing"
    # Figures of speed are measured with or without processes that draw beside.
    more = {"frames": args.frames, "workers": args.workers}
    if args.without_pose:
        more["pose"] = facts["pose of the camera"] = "not told"
    kept = kept_answers(args, "synocc-video", VERSION, source.photos, models, **more)
    known = kept_clips(kept, list(pipelines))
    watched = {number: known[number] for number in range(args.clips) if number in known}
    say_kept(facts, len(watched), args.clips, "clips", kept.folder)
    missing = [number for number in range(args.clips) if number not in watched]
    drawn = benchmark.clips(source, missing, args.workers if missing else 0)
    try:
        for number, clip, pictures in with_progress(drawn, len(missing), "clips"):
            level, kind = benchmark.level_of(number), benchmark.kind_of(number)
            one = watch(clip, pictures, pipelines, number, level, kind, not args.without_pose)
            keep_clip(kept, one)
            watched[number] = one
    except KeyboardInterrupt:
        facts["interrupted"] = (
            f"figures of {len(watched)} of {args.clips} clips; the same command goes on"
        )
    finally:
        drawn.close()
    watched = [watched[number] for number in sorted(watched)]
    if not watched:
        raise ValueError("no clip was watched to its end")
    facts["clips"] = f"{len(watched)} of {benchmark.CLIPS}, {args.frames} frames each"
    rows = video_rows(watched)
    comparisons = video_comparisons(watched)
    if args.html is not None:
        text = video_report(watched, rows, facts, VERSION)
        facts["report"] = str(write_page(args.html, text))
    return {"rows": rows, "comparisons": comparisons, "facts": facts}


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.synocc_tables import show_video

    show_video(figures)
