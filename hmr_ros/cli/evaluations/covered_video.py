"""``hmr eval covered-video``: real people, half of each covered for a while."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.parameters import DEFAULT_ESTIMATOR
from hmr_ros.sources.intrinsics import intrinsics

SUMMARY = "2D joints of people in a video whom boards hide, by what is seen without the boards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval covered-video``."""
    parser.add_argument(
        "--video", type=Path, help="default: the demo's pedestrians, their camera being known"
    )
    parser.add_argument(
        "--intrinsics",
        type=intrinsics,
        metavar="FX,FY,CX,CY[,K1,...]",
        help="of another video's camera, in pixels; default: a usual field of view",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:PARAM=VALUE,...]",
        help="estimator, with parameters of docs/parameters.md behind it, such as "
        "baseline:temporal=true; others are compared with the first (default: the node's)",
    )
    parser.add_argument("--frames", type=int, help="of the video, from its first (default: all)")
    parser.add_argument(
        "--without-pose",
        action="store_true",
        help="do not tell how the camera of the demo's video stands",
    )


def measure(args: argparse.Namespace) -> dict:
    """Rows by joints and model. Raises ValueError for a video that is not there or that shows
    nobody large enough."""
    from itertools import islice

    import numpy as np
    from rich.progress import track

    from hmr_ros.evaluation.covered_video import SMALLEST, judged, rows_of, sightings
    from hmr_ros.evaluation.synocc.models import pipeline_of
    from hmr_ros.frame import Frame

    source, camera, pose = _source(args)
    names = list(dict.fromkeys(args.model or [DEFAULT_ESTIMATOR]))
    count = source.count if args.frames is None else args.frames

    def frames(title: str):
        for picture in track(islice(source, args.frames), title, total=count, transient=True):
            yield Frame(picture.image, camera, picture.stamp, pose=pose)

    def followed():
        pipeline = pipeline_of(DEFAULT_ESTIMATOR)
        for frame in frames("without boards"):
            yield pipeline(frame)
            pipeline.finder.wait()  # whom the search finds must not depend on how fast it was
        pipeline.close()

    seen = list(sightings(followed()))
    pipelines = {name: pipeline_of(name) for name in names}
    found = judged(frames("with boards"), seen, pipelines)
    people = [one for frame in found for one in frame]
    rows = rows_of(people)
    if not rows:
        raise ValueError(
            f"{source.where} shows nobody {SMALLEST} pixels tall or more who is found with and "
            "without boards: name a video of people by --video"
        )
    tall = np.percentile(np.concatenate([one.boxes[:, 3] for one in seen]), [5, 95])
    facts = {
        "height, 5 to 95 % of the sightings": f"{tall[0]:.0f} to {tall[1]:.0f} pixels",
        "video": Path(source.where).name,
        "pictures": len(seen),
        "sightings": sum(len(one.ids) for one in seen),
        "judged": len(people),
        "pose of the camera": "told" if pose is not None else "not told",
    }
    return {"rows": rows, "facts": facts}


def _source(args: argparse.Namespace):
    """The video, its camera, and where that stands if it is known."""
    from hmr_ros.demo import default_video
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.sources.intrinsics import camera_of
    from hmr_ros.sources.opening import open_source

    path = args.video or default_video.cached_video()
    if not path.is_file():
        raise ValueError(
            f"{path} is not there: name a video by --video; `python tools/fetch_video.py` fetches "
            "the demo's"
        )
    source = open_source(path)
    height, width = next(iter(source)).image.shape[:2]
    numbers, pose = args.intrinsics, None
    if args.video is None:
        numbers = numbers or default_video.INTRINSICS
        pose = None if args.without_pose else default_video.camera_pose()
    camera = camera_of(numbers, width, height) if numbers else guessed_camera(width, height)
    return source, camera, pose


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    facts = figures["facts"]
    title = (
        f"hmr eval covered-video: {facts['video']}, {facts['judged']} of {facts['sightings']} "
        f"sightings, {facts['height, 5 to 95 % of the sightings']} tall (distances in % of the "
        "box's longer side; 95 % intervals over people)"
    )
    print_table(title, [_shown(row) for row in figures["rows"]], ("joints", "n", "people", "model"))


def _shown(row: Mapping) -> dict:
    """A row with its intervals in words."""
    shown = {name: row[name] for name in ("joints", "n", "people", "model")}
    for label, key, digits, sign in (
        ("away", "away_percent", 2, ""),
        ("PCK@0.1", "pck", 3, ""),
        ("more than the first model", "more_percent", 2, "+"),
    ):
        if key in row:
            low, high = (f"{end:{sign}.{digits}f}" for end in row["ci95"][key])
            shown[label] = f"{row[key]:{sign}.{digits}f} ({low} to {high})"
    return shown
