"""3DOH50K: single images of people behind objects, one JSON a split.

Layout: ``testset/annots.json`` (or ``test/``), ``testset/images/00000.jpg``; one entry an image.
Zhang, Huang and Wang, CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, pixels, transformed
from hmr_ros.data.datasets.fields import Fields, existing, refusal
from hmr_ros.data.datasets.image_size import image_size
from hmr_ros.data.datasets.joint_names import SMPL24
from hmr_ros.data.datasets.json_file import read_json
from hmr_ros.data.datasets.plausible import check_depth, check_skeleton
from hmr_ros.data.datasets.protocols import Protocol

# How far, as a share of the box's longer side, 3D and 2D joints may lie apart.
AGREEMENT = 0.1


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    if split not in ("train", "test"):
        raise ValueError(f"3DOH has the splits train and test, not {split!r}")
    places = [folder / f"{split}set", folder / split]
    place = next((p for p in places if p.is_dir()), None)
    if place is None:
        raise refusal(places[0], "", "the folder is missing", "unpack 3DOH50K into this folder")
    return [partial(read, place)]


def read(folder: Path) -> Iterator[Annotated]:
    """The images of one split. Raises DatasetError."""
    path = folder / "annots.json"
    content = read_json(path)
    if not content.content:
        raise refusal(path, "", "has no entries", "download it again")
    for name in sorted(content.content):
        yield _annotated(folder, content.fields(name), name)


def _annotated(folder: Path, fields: Fields, name: str) -> Annotated:
    intrinsics = fields.array("intri", (3, 3))
    extrinsics = fields.array("extri", (4, 4))
    scale = float(fields.array("scale", (1,))[0])
    points = fields.array("smpl_joints_2d", (24, 2))
    stored = fields.array("smpl_joints_3d", (24, 3))
    (left, top), (right, bottom) = fields.array("bbox", (2, 2))
    if scale <= 0:
        raise fields.error("scale", f"is {scale}", "expected a positive number")
    joints = _in_camera(fields, stored, extrinsics, intrinsics, points) / scale
    check_skeleton(fields, "smpl_joints_3d", joints[None], SMPL24)
    check_depth(fields, "smpl_joints_3d", joints[:1, 2])
    image = existing(
        folder / fields.text("img_path").replace("\\", "/"), "the image", "unpack the images"
    )
    people = People(
        boxes=np.array([[left, top, right - left, bottom - top]]),
        track_ids=np.zeros(1, np.int64),
        evaluated=np.ones(1, bool),
        genders=np.array(["neutral"]),
        poses=fields.array("pose", (1, 72)).reshape(1, 24, 3),
        betas=fields.array("betas", (1, 10)),
        joints3d=joints[None],
        joints3d_valid=np.ones((1, 24), bool),
        keypoints=np.concatenate([points, np.ones((24, 1))], 1)[None],
    )
    return Annotated(
        image, *image_size(image), people, SMPL24, SMPL24, "smpl", intrinsics,
        world_to_camera=extrinsics, sequence=name,
    )  # fmt: skip


def _in_camera(
    fields: Fields,
    joints: np.ndarray,
    extrinsics: np.ndarray,
    intrinsics: np.ndarray,
    points: np.ndarray,
) -> np.ndarray:
    """The joints in the camera's frame, still in the file's own scale.

    Readers of this set disagree on whether the file holds them in the camera's frame or the
    world's. Their projection decides: one of the two meets the 2D joints.
    """
    extent = max(np.ptp(points, axis=0).max(), 1.0)
    for candidate in (joints, transformed(joints, extrinsics)):
        apart = np.linalg.norm(pixels(candidate, intrinsics) - points, axis=1)
        if np.isfinite(apart).all() and np.median(apart) < AGREEMENT * extent:
            return candidate
    raise fields.error(
        "smpl_joints_3d",
        "projected with intri, it does not meet smpl_joints_2d, with extri or without",
        "another joint order, other units or another release? see docs/datasets.md",
    )
