"""``hmr run``: bodies of an image, a folder, a video, a bag or a webcam, written to files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

SUMMARY = "find people in images or video; write overlays, parameters (.npz) and meshes (.glb)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr run``."""
    parser.add_argument("source", metavar="PATH|webcam", help="image, folder, video, bag or webcam")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--npz", type=Path, help="parameters file; default OUT/NAME.npz")
    parser.add_argument("--boxes", type=Path, help='[{"image": ..., "bbox": [x, y, w, h]}, ...]')
    parser.add_argument("--intrinsics", help="fx,fy,cx,cy in pixels; default: the source's own")
    parser.add_argument("--estimator", help="network to use")
    parser.add_argument("--vertices", action="store_true", help="meshes into the .npz as well")
    parser.add_argument(
        "--occupancy",
        type=float,
        metavar="LEVEL",
        help="draw where people may be as well, with this probability, such as 0.95",
    )
    parser.add_argument("--no-overlay", action="store_true", help="write no pictures")
    parser.add_argument("--no-glb", action="store_true", help="write no meshes")
    parser.add_argument("--frames", type=int, help="stop after this many pictures")
    parser.add_argument("--image-topic", help="topic to take from a bag that has several")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any parameter of docs/parameters.md",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0 if pictures were read, 1 if the source had none."""
    from hmr_ros.cli.run_files import RunFiles
    from hmr_ros.cli.settings import settings_from
    from hmr_ros.given_boxes import read_boxes
    from hmr_ros.pipeline import Pipeline
    from hmr_ros.results import Results
    from hmr_ros.sources.opening import open_source

    if args.occupancy is not None and not 0 <= args.occupancy < 1:
        raise ValueError(f"--occupancy {args.occupancy}: expected 0 or more and less than 1")
    source = open_source(args.source, args.image_topic)
    given = None if args.boxes is None else read_boxes(args.boxes)
    # Files of one run come from one backend.
    overrides = {"require_backend": True}
    if args.estimator is not None:
        overrides["estimator"] = args.estimator
    if not source.sequence:
        overrides["min_hits"] = 1
    stem, seen = Path(args.source).stem or "webcam", 0
    with closing(Pipeline(settings_from(args.set, overrides))) as pipeline:
        body, fov_deg = pipeline.body, pipeline.settings.default_fov_deg
        results = Results(body, args.vertices)
        drawn = not args.no_overlay, not args.no_glb
        files = RunFiles(args.out, stem, source, body, *drawn, args.occupancy)
        try:
            for frame, name in _frames(source, args, fov_deg):
                boxes = _boxes_of(given, name)
                if boxes is not None and len(boxes) == 0:
                    continue
                tracks = _tracks(pipeline, frame, boxes, source.sequence)
                results.add(name, frame.stamp, tracks.bodies, frame.camera, tracks.ids)
                files.add(frame, name, tracks)
                seen += 1
        except KeyboardInterrupt:
            print("interrupted: what was found so far is written")
        finally:
            files.close()
    if seen == 0 and given is None:
        print(f"{args.source}: no picture in it")
        return 1
    path = args.npz or args.out / f"{stem}.npz"
    rows = results.arrays() if results.rows else {}
    if given is not None:
        rows = _in_order(rows, given, args.boxes)
    Results.write(rows, path)
    found = len(rows.get("image", ()))
    print(f"{seen} pictures, {found} bodies -> {path}", *(f"-> {p}" for p in files.written))
    return 0


def _frames(source, args: argparse.Namespace, fov_deg: float) -> Iterator[tuple]:
    from rich.progress import track

    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import Camera, guessed_camera

    numbers = None
    if args.intrinsics:
        try:
            numbers = [float(v) for v in args.intrinsics.split(",")]
            fx, fy, cx, cy = numbers
        except ValueError:
            raise ValueError(
                f"--intrinsics {args.intrinsics!r}: expected four numbers fx,fy,cx,cy in pixels"
            ) from None
    count = source.count if args.frames is None else min(source.count or args.frames, args.frames)
    for i, picture in enumerate(track(source, description=source.where, total=count)):
        if args.frames is not None and i >= args.frames:
            return
        height, width = picture.image.shape[:2]
        if numbers:
            camera = Camera(width, height, *numbers)
        else:
            camera = picture.camera or guessed_camera(width, height, fov_deg)
        yield Frame(picture.image, camera, picture.stamp), picture.name


def _tracks(pipeline, frame, boxes: np.ndarray | None, sequence: bool):
    """Given boxes and single pictures are answered row by row; a sequence is tracked."""
    from hmr_ros.tracks import of_one_picture

    if boxes is None and sequence:
        return pipeline(frame)
    if boxes is None:
        people = pipeline.people(frame, complete=True)
    else:
        people = pipeline.finder.keypoints_in(frame.image, boxes)
    return of_one_picture(pipeline.bodies(frame, people), frame.stamp, counted=boxes is None)


def _boxes_of(given: list | None, name: str) -> np.ndarray | None:
    if given is None:
        return None
    return np.array([box for image, box in given if image == name], np.float32).reshape(-1, 4)


def _in_order(rows: dict[str, np.ndarray], given: list, path: Path) -> dict[str, np.ndarray]:
    """Exactly one row an entry of the boxes file, in its order."""
    answered: dict[str, list[int]] = {}
    for i, image in enumerate(rows.get("image", ())):
        answered.setdefault(str(image), []).append(i)
    missing = sorted({name for name, _ in given if name not in answered})
    if missing:
        raise ValueError(
            f"{path}: names pictures that the source does not hold: {', '.join(missing[:5])}"
        )
    taken = {name: iter(indices) for name, indices in answered.items()}
    order = np.array([next(taken[name]) for name, _ in given])
    return {k: v[order] if v.ndim else v for k, v in rows.items()}
