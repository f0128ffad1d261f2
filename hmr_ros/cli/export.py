"""``hmr export NAME``: networks as ONNX files for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write a network as ONNX, compared with what it comes from"
BLAZEPOSE = ("pose_detection", "pose_landmark")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to write, and where."""
    parser.add_argument(
        "name",
        choices=("blazepose", *BLAZEPOSE),
        help="the front end's networks, together or each (estimators are ONNX files in weights/)",
    )
    parser.add_argument("--out", type=Path, default=Path("out/onnx"), help="folder (%(default)s)")
    parser.add_argument(
        "--outputs",
        default="",
        metavar="A,B",
        help="keep these outputs only; what no other needs is left out, such as the mask's part",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when all is written and equals its source."""
    from hmr_ros.frontend.blazepose_export import export

    wanted = tuple(name for name in args.outputs.split(",") if name)
    for name in BLAZEPOSE if args.name == "blazepose" else (args.name,):
        found = export(name, args.out, wanted)
        told = ", ".join(f"{key} {value:.1e}" for key, value in found.items())
        print(f"{args.out / name}.onnx: largest differences to the original: {told}")
    return 0
