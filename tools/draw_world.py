#!/usr/bin/env python3
"""Draw what docs/world.md shows: scenes of each mix, a picture's truth, and a film with its camera.

usage: tools/draw_world.py MOTIONS.npz [--out docs/images]

Procedural rooms only: photographs that others own are not put into pictures that are shipped.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.joint_visibility import SELF_OCCLUDED, VISIBLE
from hmr_ros.data.motions import Motions, load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import NO_PART, RenderedImage
from hmr_ros.data.scenes.mixes import HEAVY, LIGHT, REALISTIC
from hmr_ros.data.scenes.sampling import sample_scene
from hmr_ros.data.sequences.sample import sample_sequence

WIDTH, HEIGHT = 320, 240
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]
SEEN, OWN, GONE = (80, 220, 80), (60, 200, 255), (60, 60, 255)  # green, amber, red


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    body, motions = load_body_model(), load_motions(args.motions).split("val")
    sheet = mixes(body, motions, args.seed)
    cv2.imwrite(str(args.out / "world.jpg"), sheet, QUALITY)
    cv2.imwrite(str(args.out / "world_truth.jpg"), truth(body, motions, args.seed), QUALITY)
    cv2.imwrite(str(args.out / "world_film.jpg"), film(body, motions, args.seed), QUALITY)
    print(f"wrote world.jpg, world_truth.jpg and world_film.jpg to {args.out}")


def mixes(body: BodyModel, motions: Motions, seed: int, across: int = 5) -> np.ndarray:
    """A row of scenes of each mix: light, realistic, heavy."""
    rows = []
    for number, mix in enumerate((LIGHT, REALISTIC, HEAVY)):
        mix = replace(mix, rooms=1.0)
        pictures = []
        for column in range(across):
            rng = np.random.default_rng([seed, number, column])
            scene = sample_scene(rng, body, motions, mix, (), 2 * WIDTH, 2 * HEIGHT)
            pictures.append(small(render(scene, body).image))
        rows.append(np.hstack(pictures))
    return np.vstack(rows)


def truth(body: BodyModel, motions: Motions, seed: int, across: int = 4) -> np.ndarray:
    """Pictures, under them the parts, the depth and the joints by how they are seen."""
    columns = []
    for column in range(across):
        rng = np.random.default_rng([seed, 9, column])
        mix = replace(REALISTIC, rooms=1.0)
        scene = sample_scene(rng, body, motions, mix, (), 2 * WIDTH, 2 * HEIGHT)
        picture = render(scene, body)
        layers = (picture.image, parts(picture), depths(picture), joints(picture))
        columns.append(np.vstack([small(layer) for layer in layers]))
    return np.hstack(columns)


def film(body: BodyModel, motions: Motions, seed: int, across: int = 5) -> np.ndarray:
    """Frames of two films, from the first to the last."""
    rows = []
    for row, kind in enumerate(("drive_by", "approach")):
        rng = np.random.default_rng([seed, 5, row])
        shown = sample_sequence(
            rng, body, motions, REALISTIC, 60, kind, fps=10, width=2 * WIDTH, height=2 * HEIGHT
        )
        at = np.linspace(0, len(shown) - 1, across).astype(int)
        pictures = [joints(render(shown.scene(int(f), body), body)) for f in at]
        rows.append(np.hstack([small(p) for p in pictures]))
    return np.vstack(rows)


def parts(picture: RenderedImage) -> np.ndarray:
    """The SMPL part at each pixel as a colour, other things grey."""
    colours = np.random.default_rng(3).integers(60, 255, (256, 3)).astype(np.uint8)
    colours[NO_PART] = 40
    shown = colours[picture.part_id]
    thing = (picture.part_id == NO_PART) & np.isfinite(picture.depth)
    shown[thing] = 90
    return shown


def depths(picture: RenderedImage) -> np.ndarray:
    """Near is bright."""
    near = 1.5 / np.maximum(picture.depth, 1.5)
    return cv2.applyColorMap((255 * near).astype(np.uint8), cv2.COLORMAP_INFERNO)


def joints(picture: RenderedImage) -> np.ndarray:
    """Green: seen; amber: behind the own body; red: behind something else."""
    image = picture.image.copy()
    for places, seen in zip(picture.joints_2d, picture.visibility, strict=True):
        for (x, y), state in zip(places, seen, strict=True):
            if np.isfinite(x) and abs(x) < 1e4 and abs(y) < 1e4:
                colour = SEEN if state == VISIBLE else OWN if state == SELF_OCCLUDED else GONE
                cv2.circle(image, (round(float(x)), round(float(y))), 4, colour, -1, cv2.LINE_AA)
    return image


def small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
