#!/usr/bin/env python3
"""Draw docs/images/scenes.jpg: pictures of the renderer, and the bodies that are found in them.

usage: tools/draw_found.py MOTIONS.npz [--estimator NAME] [--out docs/images]

The first pictures of a seed, none left out: above as the camera sees them, below with the bodies
of the whole pipeline, which looks at each picture by itself. Procedural rooms only, as in
draw_world.py.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.body.model import load_body_model
from hmr_ros.data.motions import load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.mixes import HEAVY, REALISTIC
from hmr_ros.data.scenes.sampling import sample_scene
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.frame import Frame
from hmr_ros.parameters import validated
from hmr_ros.pipeline import Pipeline
from hmr_ros.tracks import of_one_picture

WIDTH, HEIGHT = 640, 480  # as the pipeline sees them; half of that on the sheet
MIXES = (REALISTIC, REALISTIC, HEAVY, REALISTIC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motions", type=Path)
    parser.add_argument("--estimator", default=validated().estimator)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    body, motions = load_body_model(), load_motions(args.motions).split("val")
    pipeline = Pipeline(validated({"estimator": args.estimator}))
    columns = []
    for number, mix in enumerate(MIXES):
        rng = np.random.default_rng([args.seed, 21, number])
        mix = replace(mix, rooms=1.0)
        picture = render(sample_scene(rng, body, motions, mix, (), WIDTH, HEIGHT), body)
        frame = Frame(picture.image, picture.camera, 0.0)
        bodies = pipeline.bodies(frame, pipeline.people(frame, complete=True))
        tracks = of_one_picture(bodies, frame.stamp)
        found = draw_tracks(picture.image, tracks, pipeline.body, picture.camera)
        columns.append(np.vstack([picture.image, found]))
        print(f"picture {number}: {len(picture.visibility)} people, {len(tracks)} found")
    sheet = cv2.resize(np.hstack(columns), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    path = args.out / "scenes.jpg"
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
