#!/usr/bin/env python3
"""Measure what BlazePose gets wrong, on rendered people of whom everything is known.

usage: tools/measure_blazepose.py MOTIONS.npz [--photos FOLDER] [--pictures N] [--out FILE]

Writes hmr_ros/data/blazepose_errors.npz, from which the stand-in draws (its fields:
hmr_ros/data/measured_errors.py). Only poses of the train clips are used. `hmr eval front-end`
compares the two on other pictures.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hmr_ros.cli.evaluations.front_end import SEED, observed
from hmr_ros.data.detections.fitting import fit
from hmr_ros.data.measured_errors import CLASSES, FILE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motions", type=Path)
    parser.add_argument("--photos", type=Path, help="folder of background photographs")
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write what was observed there (.npz) as well")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    # Another seed than the evaluation's, and other clips.
    seen = observed(args.motions, "train", args.photos, args.pictures, args.workers, SEED + 1)
    if args.keep is not None:
        np.savez(args.keep, **asdict(seen))
    errors = fit(seen)
    small = {k: np.asarray(v, np.float16) for k, v in asdict(errors).items()}
    np.savez_compressed(args.out, **small, people=len(seen))
    lengths = np.linalg.norm(errors.pools[..., :2], axis=-1)
    for c, name in enumerate(CLASSES):
        print(
            f"{name:14s} error median {np.median(lengths[:, c]):.3f}, p90 "
            f"{np.quantile(lengths[:, c], 0.9):.3f} of the person, confidence median "
            f"{np.median(errors.pools[:, c, ..., 2]):.2f}"
        )
    print(f"missed {errors.missed.round(2).tolist()}; {len(seen)} people; wrote {args.out}")


if __name__ == "__main__":
    main()
