"""``hmr eval lifter``: the shipped lifter on motion clips it has never seen."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli.drawing_options import add_motions

VERSION = 2  # since then the detector's errors include people taken for somebody else
SUMMARY = "3D error and honesty of the keypoint lifter on held-out motions (needs torch)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr eval lifter``."""
    add_motions(parser)
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument("--samples", type=int, default=20000, help="people a distribution")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the shipped one")


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows by distribution and subset, errors in millimetres.

    The distribution ``crop`` is the one of the figures in the model card: square crops, random
    occluders, noisy and missing keypoints; ``robot`` has robot cameras and a detector's errors.
    """
    import torch

    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.evaluation.lifter_benchmark import benchmark

    torch.set_num_threads(1)
    weights = args.weights or asset("weights", "lifter.onnx")
    return benchmark(weights, load_body_model(), args.motions, args.split, args.samples)
