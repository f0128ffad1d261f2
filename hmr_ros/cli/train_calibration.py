"""``hmr train calibration``: how sure finished weights may be, by what is published of people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions
from hmr_ros.parameters import table

SUMMARY = "factors and tails of a network's uncertainty, fitted on rendered people of `val`"
ESTIMATORS = table()["estimator"].choices
OVER_TIME = "temporal"
NAMES = (*ESTIMATORS, OVER_TIME)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr train calibration``."""
    parser.add_argument(
        "networks",
        nargs="+",
        choices=NAMES,
        metavar="NAME",
        help=f"whose manifests and cards are told: {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--pictures", type=int, default=800, help="like SynOcc's, but of `val` (%(default)s)"
    )
    parser.add_argument(
        "--films",
        type=Path,
        nargs="+",
        help=f"folders of `hmr train films --split val --rendered`, for {OVER_TIME}",
    )
    parser.add_argument("--folder", type=Path, help="of NAME.onnx and its card (weights)")
    add_motions(parser)
    parser.add_argument(
        "--backgrounds", type=Path, help="folder of photographs, of which training's are used"
    )
    parser.add_argument("--workers", type=int, help="processes that draw; as `hmr eval`")


def say_what_is_left(name: str, folder: Path) -> None:
    """Print which command comes next, if ``folder`` holds a network ``name`` that is not
    calibrated by what is published: an export writes its manifest anew."""
    import json

    from hmr_ros.runtime.calibration import KEY

    manifest = folder / f"{name}.json"
    if name in NAMES and manifest.is_file() and KEY not in json.loads(manifest.read_text()):
        films = " --films FOLDER" if name == OVER_TIME else ""
        print(
            f"{manifest} does not say how sure these weights may be: now run "
            f"`hmr train calibration {name} --folder {folder}{films}`"
        )


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when the files are written. Raises ``graph_file.WeightsError`` for files that
    cannot be used, ``FilmError`` for films that cannot, ValueError for too few people or without
    films for the network over time; then nothing has been written."""
    from hmr_ros.assets import asset
    from hmr_ros.cli.figures import print_table
    from hmr_ros.evaluation.calibration_files import Fit, missed, write
    from hmr_ros.machine import revision

    command, by = " ".join(["hmr", *sys.argv[1:]]), revision()  # before anything is written
    folder = (args.folder or asset("weights", "baseline.onnx").parent).resolve()
    names = list(dict.fromkeys(args.networks))
    if OVER_TIME in names and not args.films:
        raise ValueError(
            f"{OVER_TIME} is calibrated on people followed through films: name their folders by "
            "--films (`hmr train films --split val --rendered` draws some)"
        )
    found = _of_pictures(args, folder, [name for name in names if name != OVER_TIME])
    if OVER_TIME in names:
        found[OVER_TIME] = _of_films(args.films, folder)
    fits = {
        folder / f"{name}.onnx": Fit(made, people, command, by, rows)
        for name, (made, people, rows) in found.items()
    }
    write(fits)
    for path, fit in fits.items():
        print_table(
            f"{path.stem}: share of the truth in regions as published", fit.rows, ("joints",)
        )
        for what in missed(fit.rows):
            print(f"{path.stem}: not held within the bounds of what is fitted: {what}")
    return 0


def _of_pictures(args: argparse.Namespace, folder: Path, names: list[str]) -> dict[str, tuple]:
    """Calibration, people in words and rows by the name of an estimator."""
    from hmr_ros.cli.evaluations.synocc_still import default_workers, sources, with_progress
    from hmr_ros.cli.looking import look
    from hmr_ros.evaluation.recalibration import published, recalibrated, with_samples
    from hmr_ros.evaluation.synocc import still
    from hmr_ros.evaluation.synocc.models import pipeline_of
    from hmr_ros.runtime.calibration import calibration_of
    from hmr_ros.runtime.estimators import SAMPLERS
    from hmr_ros.runtime.graph_file import read_graph

    if not names:
        return {}
    known = {name: read_graph(folder / f"{name}.onnx", name) for name in names}
    known = {name: calibration_of(graph.path, graph.manifest) for name, graph in known.items()}
    asked = {name: f"{name}:weights_path={folder / name}.onnx" for name in names}
    asked |= {f"{n} sampled": f"{asked[n]},n_samples=8" for n in names if n in SAMPLERS}
    pipelines = [pipeline_of(text) for text in asked.values()]
    body, motions, photos = sources(args)
    source = still.calibration_source(body, motions, photos)
    numbers = range(still.IMAGES, still.IMAGES + args.pictures)
    workers = default_workers(args.pictures) if args.workers is None else args.workers
    drawn = with_progress(still.pictures(source, numbers, workers), args.pictures, "pictures")
    seen = list(published(drawn, look, pipelines))
    found = {name: [each[n] for each in seen] for n, name in enumerate(asked)}
    backgrounds = f" and photographs of `{args.backgrounds.name}`" if source.photos else ""
    pictures = (
        f"{args.pictures} pictures like SynOcc's (split val of `{args.motions.name}`, backgrounds: "
        f"procedural{backgrounds})"
    )
    fits = {}
    for name in names:
        made, rows = recalibrated(known[name], found[name], body)
        if name in SAMPLERS:
            made, more = with_samples(made, found[f"{name} sampled"], body)
            rows += more
        people = f"{sum(len(one.bodies) for one in found[name])} people of {pictures}"
        fits[name] = made, people, rows
    return fits


def _of_films(folders: Sequence[Path], folder: Path) -> tuple:
    """Calibration, people in words and rows of the network over time."""
    from rich.progress import track

    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.followed_films import films_in
    from hmr_ros.evaluation.recalibration_over_time import calibrated_over_time, people_in

    films = list(films_in(folders))
    people = f"{people_in(films)} people followed through {len(films)} films of the split val"
    shown = track(films, "films", transient=True)
    path = folder / f"{OVER_TIME}.onnx"
    made, rows = calibrated_over_time(shown, load_body_model(), path)
    return made, people, rows
