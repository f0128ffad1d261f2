"""``hmr eval precision``: the exported files against torch, and what fewer digits cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from hmr_ros.cli.drawing_options import add_backgrounds, add_motions
from hmr_ros.cli.synocc_kept import add_keep_arguments, kept_answers

SUMMARY = "exported networks against torch, and float16 and int8 against float32, on SynOcc"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval precision``."""
    parser.add_argument("--model", action="append", metavar="NAME", help="default: all estimators")
    parser.add_argument(
        "--precision",
        action="append",
        choices=("float16", "int8"),
        help="beside float32; several times (default: those there are files of)",
    )
    parser.add_argument(
        "--people",
        type=int,
        default=1000,
        help="the first N people of SynOcc's pictures (default: 1000)",
    )
    parser.add_argument(
        "--folder", type=Path, help="of NAME.onnx, its variants and NAME.safetensors (weights)"
    )
    add_motions(parser)
    add_backgrounds(parser)
    add_keep_arguments(parser)


def measure(args: argparse.Namespace) -> dict:
    """One row a model and precision. Raises ``graph_file.WeightsError`` for files that cannot be
    used, ValueError for an unknown model and for models that take crops of different sizes."""
    import torch
    from rich.progress import track

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.cli.looking import look
    from hmr_ros.cli.run_facts import run_facts
    from hmr_ros.data.backgrounds import background_photos
    from hmr_ros.data.motions import load_motions
    from hmr_ros.evaluation import precision
    from hmr_ros.evaluation.seen_people import seen_people
    from hmr_ros.evaluation.synocc.still import still_source
    from hmr_ros.runtime.graph_file import read_graph

    torch.set_num_threads(1)
    folder = args.folder or asset("weights", "baseline.onnx").parent
    models = args.model or list(precision.MODELS)
    unknown = set(models) - set(precision.MODELS)
    if unknown:
        known = ", ".join(precision.MODELS)
        raise ValueError(f"model {', '.join(sorted(unknown))} is unknown; known: {known}")
    body, asked_for = load_body_model(), []
    manifests = {name: read_graph(folder / f"{name}.onnx", name).manifest for name in models}
    for name in models:
        wanted = args.precision or precision.precisions_of(folder, name)[1:]
        asked_for += precision.variants(folder, name, ["float32", *wanted], body)
    side = precision.crop_side(manifests)
    photos = background_photos(args.backgrounds)
    still = still_source(body, load_motions(args.motions), photos)
    people = seen_people(still, look, side, args.people, kept_people(args, still.photos, side))
    people = track(people, "pictures", total=None, transient=True)
    found = precision.judged(asked_for, people, body)
    facts = run_facts("precision") | {"backgrounds": still.backgrounds, "people": args.people}
    return {"rows": precision.rows_of(found), "facts": facts}


def kept_people(args: argparse.Namespace, photos: Sequence[Path], side: int):
    """The chunks of people of earlier runs that would look at the same, in crops of ``side``."""
    from hmr_ros.evaluation.seen_people import PICTURES_A_CHUNK, VERSION
    from hmr_ros.evaluation.synocc import still

    more = {"size": side, "still": still.VERSION, "pictures": PICTURES_A_CHUNK}
    return kept_answers(args, "precision", VERSION, photos, [], **more)


def show(figures: Mapping) -> None:
    """The terminal's table."""
    from hmr_ros.cli.figures import print_table

    shown = []
    for row in figures["rows"]:
        low, high = row.get("ci95", {}).get("change_percent", (None, None))
        change = "" if low is None else f"{row['change_percent']:+.2f} ({low:+.2f} to {high:+.2f})"
        shown.append(
            {
                "model": row["model"],
                "precision": row["precision"],
                "apart mm": f"{row['largest_mm']:.2g} from {row['compared_with']}",
                "MPJPE mm": f"{row['mpjpe_mm']:.1f}",
                "change %": change,
                "wanted": f"{row['wanted']}: {'yes' if row['held'] else 'NO'}",
            }
        )
    title = f"hmr eval precision, {figures['facts']['people']} people"
    print_table(title, shown, ("model", "precision"))
