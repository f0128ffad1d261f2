"""``hmr eval coco``: projected joints on photographs of real people."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.parameters import DEFAULT_ESTIMATOR

SUMMARY = "2D joints of bodies on labelled photographs, beside the keypoints they came from"
SHOWN = ("all", "visible", "occluded", "limb")


def default_data() -> Path:
    """``coco_people`` in $HMR_SHARED_DATA, else in ``shared/data`` beside the source tree."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    return Path(os.environ.get("HMR_SHARED_DATA", beside)) / "coco_people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval coco``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data(),
        help="folder with person_keypoints.json (COCO format) and its photographs",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it, such as "
        "lifter:refine_steps=0; the first is compared with the others (default: the node's)",
    )
    parser.add_argument(
        "--html", "--report", type=Path, metavar="FILE", help="write an HTML report (or a folder's)"
    )
    parser.add_argument(
        "--cases", type=int, default=10, help="pictures of the worst people in the report"
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows by model, people and joints, and paired comparisons with the first model.

    Raises ValueError if the data is not there.
    """
    from rich.progress import track

    from hmr_ros.evaluation.coco import answers, benchmark, comparisons, read_people
    from hmr_ros.evaluation.synocc.models import pipeline_of

    labels = args.data / "person_keypoints.json"
    if not labels.is_file():
        raise ValueError(
            f"{labels} is missing; give a folder with COCO person keypoints and photos by --data"
        )
    people = read_people(labels)
    pipelines = {
        name: pipeline_of(name) for name in dict.fromkeys(args.model or [DEFAULT_ESTIMATOR])
    }
    photos = answers(args.data, people, pipelines)
    answered = list(track(photos, "photographs", total=len(people), transient=True))
    rows, compared = benchmark(answered), comparisons(answered, next(iter(pipelines)))
    facts = {}
    if args.html is not None:
        facts["report"] = str(_write_report(args, answered, rows, compared, pipelines))
    return {"rows": rows, "comparisons": compared, "facts": facts}


def show(figures: Mapping) -> None:
    """The terminal's tables: figures, then paired gains of the first model."""
    from hmr_ros.cli.figures import print_table

    first = ("people", "joints", "n", "model")
    print_table("hmr eval coco", [_shown(r) for r in figures["rows"] if _short(r)], first)
    compared = [r for r in figures["comparisons"] if _short(r) and r["versus"] != "blazepose"]
    if compared:
        title = f"gain in PCK@0.1 of {compared[0]['model']}"
        print_table(title, [_shown(r, "versus", "gain") for r in compared], first)
    if "report" in figures["facts"]:
        print(f"report: {figures['facts']['report']}")


def _short(row: Mapping) -> bool:
    """What the terminal shows; all rows are in ``--json``."""
    return row["subset"] in SHOWN


def _shown(row: Mapping, model: str = "model", name: str = "PCK@0.1") -> dict:
    """A row with its interval in words."""
    shown = {"people": row["people"], "joints": row["subset"], "n": row["n"], "model": row[model]}
    for label, key in ((name, "pck"), ("gain on keypoints", "versus_blazepose")):
        if key in row:
            low, high = row["ci95"][key]
            shown[label] = f"{row[key]:.3f} ({low:.3f} to {high:.3f})"
    return shown


def _write_report(args, answered, rows, compared, pipelines) -> Path:
    import cv2

    from hmr_ros.cli.report_meshes import body_painter
    from hmr_ros.cli.run_facts import run_facts
    from hmr_ros.evaluation.report.coco_report import cases_of, coco_report
    from hmr_ros.evaluation.report.page import write_page

    def image_of(name: str):
        return cv2.imread(str(args.data / name))

    first = next(iter(pipelines))
    cases = cases_of(answered, first, image_of, args.cases, body_painter(pipelines[first].body))
    facts = {"photographs": f"{len(answered)} of {args.data.name}", **run_facts("coco")}
    return write_page(args.html, coco_report(answered, rows, compared, cases, facts))
