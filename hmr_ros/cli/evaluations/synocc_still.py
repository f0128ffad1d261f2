"""``hmr eval synocc-still``: people behind things, in rendered pictures whose truth is known."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from hmr_ros.cli.drawing_options import add_backgrounds, add_motions
from hmr_ros.cli.run_facts import run_facts
from hmr_ros.cli.synocc_kept import add_keep_arguments, kept_answers, say_kept
from hmr_ros.parameters import DEFAULT_ESTIMATOR

SUMMARY = "3D error, calibration and recall on rendered people at three levels of occlusion"
VERSION = 2  # hmr_ros.evaluation.synocc.still's, without importing it; a test compares them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval synocc-still``."""
    add_model_arguments(parser)
    parser.add_argument(
        "--images", type=int, default=2000, help="the first N of the 2,000 pictures (default: all)"
    )
    parser.add_argument(
        "--split",
        choices=["test", "val"],
        default="test",
        help="val: other pictures, of clips and photographs that settings may be chosen by "
        "(default: the benchmark's)",
    )
    parser.add_argument("--level", choices=["light", "medium", "heavy"], help="this level only")
    parser.add_argument(
        "--protocol",
        choices=["given", "detection", "both"],
        default="both",
        help="boxes told to the models, people found by the models, or both",
    )
    parser.add_argument(
        "--workers",
        type=int,
        help="processes that draw while the models look (default: all cores but one, at most 4; "
        "0: this one draws)",
    )
    parser.add_argument(
        "--cases", type=int, default=4, help="pictures of each group in the HTML report"
    )


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """What the SynOcc benchmarks share."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it, or mean-pose; several "
        "are compared with the first (default: the node's and mean-pose)",
    )
    parser.add_argument(
        "--peers", action="append", default=[], metavar="NAME", help="mediapipe: beside the models"
    )
    parser.add_argument(
        "--set-up-peers",
        action="store_true",
        help="install the peers' own environments (needs a network, once) and stop",
    )
    add_motions(parser)
    add_backgrounds(parser)
    parser.add_argument(
        "--html", "--report", type=Path, metavar="FILE", help="write an HTML report (or a folder's)"
    )
    add_keep_arguments(parser)


def measure(args: argparse.Namespace) -> dict:
    """Rows, paired comparisons and facts of the run; the report is written here."""
    if args.set_up_peers:
        return set_up_peers(args.peers)
    from hmr_ros.evaluation.synocc import still as benchmark
    from hmr_ros.evaluation.synocc.kept_pictures import keep_pictures, kept_pictures
    from hmr_ros.evaluation.synocc.rows import comparisons, rows_of
    from hmr_ros.evaluation.synocc.study import DETECTION, GIVEN, examine

    make, first = {
        "test": (benchmark.still_source, 0),
        "val": (benchmark.calibration_source, benchmark.IMAGES),
    }[args.split]
    chosen = benchmark.numbers(args.images, args.level, first)
    body, motions, photos = sources(args)
    source = make(body, motions, photos)
    protocols = {"both": (GIVEN, DETECTION)}.get(args.protocol, (args.protocol,))
    models, peers = opened(args, body, motions)
    names = [m.name for m in (*models, *peers)]
    facts = facts_of(args, "synocc-still", VERSION, source.backgrounds, args.split)
    stopped = []
    try:
        kept = kept_answers(
            args,
            "synocc-still",
            VERSION,
            source.photos,
            [*models, *peers],
            protocols=protocols,
            split=args.split,
        )
        known = kept_pictures(kept, names)
        earlier = [known[number] for number in chosen if number in known]
        say_kept(facts, len(earlier), len(chosen), "pictures", kept.folder)
        missing = [number for number in chosen if number not in known]
        workers = default_workers(len(missing)) if args.workers is None else args.workers
        drawn = benchmark.pictures(source, missing, min(workers, len(missing)))
        study = examine(
            [*models, *peers],
            with_progress(drawn, len(missing), "pictures"),
            body,
            protocols,
            interrupted=lambda: stopped.append(True),
            earlier=earlier,
            keep=lambda found: keep_pictures(kept, found, names),
        )
    finally:
        for peer in peers:
            peer.close()
    rows, compared = rows_of(study), comparisons(study, models[0].name)
    facts["pictures"] = f"{study.images}, fingerprint {study.fingerprint}"
    facts |= {p.name: f"{p.version}; its process died at {p.deaths} pictures" for p in peers}
    if stopped:
        facts["interrupted"] = (
            f"figures of {study.images} of {len(chosen)} pictures; the same command goes on"
        )
    if args.html is not None:
        write_report(args, study, rows, compared, source, facts)
    return {
        "rows": rows,
        "comparisons": compared,
        "false_alarms": study.alarms,
        "fingerprint": study.fingerprint,
        "facts": facts,
    }


def show(figures: Mapping) -> None:
    """The terminal's tables: one line a model and level, then the paired differences."""
    from hmr_ros.cli.synocc_tables import show_still

    if "rows" in figures:
        show_still(figures)


def set_up_peers(names: Sequence[str]) -> dict:
    """Install the environments of these peers, or of all."""
    from hmr_ros.evaluation.peers.environment import PACKAGES, set_up

    for name in names or PACKAGES:
        set_up(name)
    return {}


def sources(args: argparse.Namespace) -> tuple:
    """Body model, all motions, all photographs."""
    from hmr_ros.body.model import load_body_model
    from hmr_ros.data.backgrounds import background_photos
    from hmr_ros.data.motions import load_motions

    return load_body_model(), load_motions(args.motions), background_photos(args.backgrounds)


def opened(args: argparse.Namespace, body, motions) -> tuple[list, list]:
    """Models and peers, ready; an unknown name is refused before anything is drawn."""
    from hmr_ros.evaluation.peers.environment import package_of, python_of
    from hmr_ros.evaluation.synocc.models import load_model

    for name in args.peers:
        package_of(name)
        python_of(name)
    names = list(dict.fromkeys(args.model or [DEFAULT_ESTIMATOR, "mean-pose"]))
    models = [load_model(name, body, motions) for name in names]
    peers = []
    if "mediapipe" in args.peers:
        from hmr_ros.evaluation.peers.mediapipe import Mediapipe

        peers.append(Mediapipe())
    return models, peers


def default_workers(images: int) -> int:
    """None for a quick look: starting a process takes as long as drawing some ten pictures."""
    import os

    return 0 if images < 30 else min(4, len(os.sched_getaffinity(0)) - 1)


def with_progress(items, total: int, what: str):
    """``items`` under a progress bar with the time left."""
    from rich.progress import track

    return track(items, what, total=total, transient=True)


def facts_of(
    args: argparse.Namespace, name: str, version: int, backgrounds: str, split: str = "test"
) -> dict[str, str]:
    """What a reader needs to repeat the run."""
    about = {
        "benchmark": f"{name}, version {version}",
        "motions": f"{args.motions.name}, split {split}",
        "backgrounds": backgrounds,
    }
    run = run_facts(name)
    return {"command": run.pop("command")} | about | run


def write_report(args, study, rows, compared, source, facts) -> None:
    """The HTML file; its place joins the facts."""
    from hmr_ros.cli.report_meshes import mesh_painter
    from hmr_ros.evaluation.report.cases import cases_of
    from hmr_ros.evaluation.report.page import write_page
    from hmr_ros.evaluation.report.still_report import still_report

    protocol = "given" if "given" in study.answers else "detection"
    cases = cases_of(
        study.truth,
        study.answers[protocol],
        study.errors[protocol],
        lambda number: source.picture(number).image,
        args.cases,
        mesh_painter(study.truth, source.body),
    )
    text = still_report(study, rows, compared, cases, facts, VERSION)
    facts["report"] = str(write_page(args.html, text))
