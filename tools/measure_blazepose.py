#!/usr/bin/env python3
"""Measure what BlazePose gets wrong, on rendered people of whom everything is known.

usage: tools/measure_blazepose.py MOTIONS.npz [--photos FOLDER] [--people N] [--out FILE]

Writes hmr_ros/data/blazepose_errors.npz, from which the lifter's training draws (see
hmr_ros/data/measured_errors.py for its fields). Only poses of the train clips are used.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hmr_ros.body.keypoints import keypoints, mixture
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.backgrounds import background_photos
from hmr_ros.data.measured_errors import CLASSES, FILE, SELF_OCCLUDED, size_of
from hmr_ros.data.motions import load_motions
from hmr_ros.data.people_scene import SceneRanges, sample_scene
from hmr_ros.data.rendering import RenderedImage, render
from hmr_ros.frontend.finder import PeopleFinder
from hmr_ros.models.skeleton import main_joints
from hmr_ros.parameters import validated

QUANTILES = 64
SKIN_M = 0.03  # a landmark this close behind the surface in front of it is that surface
# Someone else was found, or nobody: not an error of single landmarks.
WRONG_PERSON = 0.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motions", type=Path)
    parser.add_argument("--photos", type=Path, help="folder of background photographs")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    body = load_body_model()
    records = collect(body, args)
    np.savez_compressed(args.out, **summary(records))
    print(f"wrote {args.out}")


def collect(body: BodyModel, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Per person and landmark: error in the image, direction of the body, class, confidence."""
    rng = np.random.default_rng(args.seed)
    motions = load_motions(args.motions).split("train")
    photos = background_photos(args.photos) if args.photos else ()
    ranges = SceneRanges(people=(1, 2), distance=(1.3, 8.0), photos=photos)
    finder = PeopleFinder(validated({"threads": 1}))
    owners = main_joints(mixture(body, "blazepose33"), body)
    parts, seen, wrong = [], 0, 0
    while seen < args.people:
        picture = render(sample_scene(rng, body, motions, ranges), body, supersample=1)
        wanted = (picture.boxes[:, 3] > 48) & (picture.shown > 0.35)
        boxes = picture.boxes[wanted]
        if not len(boxes):
            continue
        side = boxes[:, 2:].max(1, keepdims=True)
        loose = boxes + rng.normal(0, 0.03, boxes.shape) * side
        people = finder.keypoints_in(picture.image, loose.astype(np.float32))
        truth = truth_of(picture, body, owners)
        rows = np.flatnonzero(wanted)
        for row, given in zip(rows, range(len(boxes)), strict=True):
            seen += 1
            record = {name: value[row] for name, value in truth.items()}
            record["error"] = people.keypoints[given, :, :2] - record.pop("pixels")
            record["confidence"] = people.keypoints[given, :, 2]
            off = np.median(np.linalg.norm(record["error"], axis=-1)) / record["size"]
            if not people.found[given] or off > WRONG_PERSON:
                wrong += 1
                continue
            parts.append(record)
        if seen % 100 < len(boxes):
            print(f"{seen} people, {wrong} not found or somebody else", flush=True)
    return {name: np.stack([p[name] for p in parts]) for name in parts[0]}


def truth_of(picture: RenderedImage, body: BodyModel, owners: np.ndarray) -> dict[str, np.ndarray]:
    """Landmarks of all people of a picture: pixels, how they are seen, and their limb's axes."""
    points = keypoints(body, picture.rotations, picture.betas, picture.transl, "blazepose33")
    pixels = picture.camera.project(points)
    rest = rest_joints(body, picture.betas)
    _, turned = forward_kinematics(picture.rotations, rest, body.parents)
    height, width = picture.depth.shape
    column, row = np.moveaxis(np.nan_to_num(np.round(pixels), nan=-1).astype(int), -1, 0)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    gaps = np.linalg.norm(body.v_template[None] - body.joint_template[:, None], axis=-1).min(1)
    # Landmarks that are joints lie inside the limb, by up to its thickness.
    slack = SKIN_M + 1.5 * gaps[owners] * np.isin(np.arange(len(owners)), INNER)
    in_front = picture.depth[row, column] < points[..., 2] - slack
    own = picture.person_id[row, column] == np.arange(len(points))[:, None]
    state = np.where(in_front, np.where(own, SELF_OCCLUDED, CLASSES.index("hidden")), 0)
    state = np.where(inside, state, CLASSES.index("outside"))
    # Metres in the limb's frame to pixels: first order of the projection.
    z = points[..., 2]
    to_pixel = np.zeros((*z.shape, 2, 3))
    to_pixel[..., 0, 0], to_pixel[..., 1, 1] = picture.camera.fx / z, picture.camera.fy / z
    to_pixel[..., 0, 2] = -picture.camera.fx * points[..., 0] / z**2
    to_pixel[..., 1, 2] = -picture.camera.fy * points[..., 1] / z**2
    return {
        "pixels": pixels,
        "state": state,
        "axes": to_pixel @ turned[:, owners],
        "size": size_of(pixels),
    }


INNER = [*range(11, 17), *range(23, 29)]  # shoulders to wrists, hips to ankles: skeleton joints


def summary(records: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The fields of ``MeasuredErrors``."""
    state, error, size = records["state"], records["error"], records["size"]
    offsets = np.zeros((state.shape[1], 3))
    pools = np.zeros((state.shape[1], len(CLASSES), QUANTILES, 3))
    counts = np.zeros((state.shape[1], len(CLASSES)), int)
    for k in range(state.shape[1]):
        offsets[k] = typical_offset(
            records["axes"][:, k][state[:, k] == 0],
            error[:, k][state[:, k] == 0],
            size[state[:, k] == 0],
        )
        rest = (error[:, k] - records["axes"][:, k] @ offsets[k]) / size[:, None]
        for c in range(len(CLASSES)):
            rows = np.flatnonzero(state[:, k] == c)
            counts[k, c] = len(rows)
            if len(rows) < 10:  # too few of this landmark: whatever is known of the class
                continue
            order = rows[np.argsort(np.linalg.norm(rest[rows], axis=-1))]
            picked = order[np.linspace(0, len(order) - 1, QUANTILES).round().astype(int)]
            pools[k, c, :, :2] = rest[picked]
            pools[k, c, :, 2] = records["confidence"][picked, k]
    for c in range(len(CLASSES)):
        known = counts[:, c] >= 10
        pools[~known, c] = pools[known, c].mean(0) if known.any() else 0
        errors = np.linalg.norm(pools[:, c, :, :2], axis=-1)
        print(
            f"{CLASSES[c]:14s} {counts[:, c].sum():7d} landmarks, error median "
            f"{np.median(errors):.3f}, p90 {np.quantile(errors, 0.9):.3f} of the person, "
            f"confidence median {np.median(pools[:, c, :, 2]):.2f}"
        )
    print("offsets (mm):", np.round(1e3 * offsets).astype(int).tolist())
    return {
        "offsets": offsets.astype(np.float32),
        "pools": pools.astype(np.float16),
        "counts": counts,
        "people": np.array(len(state)),
    }


def typical_offset(axes: np.ndarray, error: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The 3D offset (metres, limb frame) that explains the errors best, robustly and with a prior.

    axes [M, 2, 3]: pixels a metre; error [M, 2] pixels; size [M] of the person in pixels.
    """
    offset = np.zeros(3)
    scaled_axes, scaled = axes / size[:, None, None], error / size[:, None]
    for _ in range(10):
        left = np.linalg.norm(scaled - scaled_axes @ offset, axis=-1)
        weight = 1 / (1 + (left / 0.02) ** 2)
        normal = np.einsum("m,mac,mad->cd", weight, scaled_axes, scaled_axes)
        right = np.einsum("m,mac,ma->c", weight, scaled_axes, scaled)
        offset = np.linalg.solve(normal + 1e-2 * len(axes) * 0.02 * np.eye(3), right)
    return offset


if __name__ == "__main__":
    main()
