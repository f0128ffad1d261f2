"""AGORA: rendered crowds of scanned people, one table a tenth of a split.

The tables ("Camera dataframe with SMPL joints and vertices") are pickled pandas frames and are
read after the conversion that docs/datasets.md gives, from ``smpl/validation_*.pkl`` or
``smplx/validation_*.pkl``; images from ``images/``, in 3840x2160 or 1280x720. Cameras as in the
set's own projection (agora_evaluation). Patel et al., CVPR 2021.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, tight_box
from hmr_ros.data.datasets.fields import Fields, existing, refusal
from hmr_ros.data.datasets.image_size import image_size
from hmr_ros.data.datasets.joint_names import SMPL24, SMPLX22
from hmr_ros.data.datasets.plausible import check_depth, check_skeleton
from hmr_ros.data.datasets.protocols import Protocol
from hmr_ros.data.datasets.safe_pickle import read_plain_pickle

SENSOR_MM = (36.0, 20.25)
FULL_WIDTH = 3840
# A word of the image's name: focal length in mm, position in cm (Unreal: x forward, y right, z up),
# yaw and pitch in degrees.
CAMERAS = {
    "hdri": (50.0, (0, 0, 170), 0.0, 0.0),
    "cam00": (18.0, (400, -275, 265), 135.0, 30.0),
    "cam01": (18.0, (400, 225, 265), -135.0, 30.0),
    "cam02": (18.0, (-490, 170, 265), -45.0, 30.0),
    "cam03": (18.0, (-490, -275, 265), 45.0, 30.0),
    "ag2": (28.0, (0, 0, 170), 0.0, 15.0),
}
# All other scenes: the table gives position and yaw, above a floor 1.7 m below.
SCENE_FOCAL_MM, SCENE_FLOOR = 28.0, 1.7


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    if split not in ("validation", "train"):
        raise ValueError(f"AGORA has the splits validation and train, not {split!r}")
    model = protocol.subset or "smpl"
    files = sorted((folder / model).glob(f"{split}*.pkl"))
    if not files:
        raise refusal(
            folder / model, "", f"holds no {split}*.pkl", "convert the tables: docs/datasets.md"
        )
    return [partial(read, file, folder / "images", model) for file in files]


def read(path: Path, images: Path, model: str) -> Iterator[Annotated]:
    """The images of one table. Raises DatasetError."""
    table = Fields(path, read_plain_pickle(path))
    names = table.items("imgPath")
    if not names:
        raise table.error("imgPath", "is empty", "convert the table again")
    columns = ("gender", "occlusion", "isValid", "gt_joints_2d", "gt_joints_3d", "camX", "camY",
               "camZ", "camYaw")  # fmt: skip
    if "gt_verts" in table:
        columns += ("gt_verts",)
    for column in columns:
        if len(table.items(column)) != len(names):
            raise table.error(
                column,
                f"has {len(table.items(column))} rows, imgPath {len(names)}",
                "convert the table again",
            )
    for row, name in enumerate(names):
        cells = {column: table.content[column][row] for column in columns}
        yield _annotated(Fields(path, cells, f"row {row}"), images, str(name), model)


def _annotated(cells: Fields, images: Path, name: str, model: str) -> Annotated:
    joint_names = SMPL24 if model == "smpl" else SMPLX22
    count = len(joint_names)
    people = len(cells.items("isValid"))
    # The joints proper come first; vertices chosen as keypoints follow.
    joints = cells.array("gt_joints_3d", (people, -1, 3))
    points = cells.array("gt_joints_2d", (people, -1, 2))
    for field, array in (("gt_joints_3d", joints), ("gt_joints_2d", points)):
        if array.shape[1] < count:
            raise cells.error(
                field, f"has {array.shape[1]} joints, expected {count} or more", "another release?"
            )
    joints, points = joints[:, :count], points[:, :count]
    if people:
        check_skeleton(cells, "gt_joints_3d", joints, joint_names)
        check_depth(cells, "gt_joints_3d", joints[:, 0, 2])
    small = images / name.replace(".png", "_1280x720.png")
    image = small if small.is_file() else existing(images / name, "the image", "unpack the images")
    width, height = image_size(image)
    points = points * (width / FULL_WIDTH)
    evaluated = cells.mask("isValid", (people,))
    occlusion = cells.array("occlusion", (people,), finite=False) / 100
    if not np.isfinite(occlusion[evaluated]).all():  # whoever is not valid need not have one
        raise cells.error(
            "occlusion", "is not finite for somebody valid", "convert the table again"
        )
    genders = [cells.known_gender("gender", g) for g in cells.items("gender")]
    if len(genders) != people:
        raise cells.error("gender", f"has {len(genders)} values for {people} people", "convert it")
    intrinsics, world_to_camera = _camera(cells, name, width, height)
    found = People(
        boxes=np.array([tight_box(p) for p in points]).reshape(-1, 4),
        track_ids=np.arange(people),
        evaluated=evaluated,
        genders=np.array(genders, "<U7"),
        joints3d=joints,
        joints3d_valid=np.ones((people, count), bool),
        vertices=cells.array("gt_verts", (people, -1, 3)) if "gt_verts" in cells else None,
        keypoints=np.concatenate([points, np.ones((people, count, 1))], 2),
        occlusion=occlusion,
    )
    return Annotated(
        image, width, height, found, joint_names, joint_names, "", intrinsics,
        world_to_camera=world_to_camera, sequence=Path(name).stem,
    )  # fmt: skip


def _camera(cells: Fields, name: str, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """K [3, 3] and world to camera [4, 4] of the image called ``name``; the world is Unreal's,
    turned so that x points right, y down and z forward, in metres."""
    word = next((w for w in CAMERAS if w in name), None)
    if word:
        focal, position, yaw, pitch = CAMERAS[word]
        floor = 0.0
    else:
        focal, floor, pitch = SCENE_FOCAL_MM, SCENE_FLOOR, 0.0
        position = [cells.number(f"cam{axis}") for axis in "XYZ"]
        yaw = cells.number("camYaw")
    forward, right, up = np.asarray(position, float) / 100
    place = np.array([right, -up - floor, forward])
    a, b = np.radians(-yaw), np.radians(pitch)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = nod @ turn
    world_to_camera[:3, 3] = -world_to_camera[:3, :3] @ place
    fx, fy = focal / SENSOR_MM[0] * width, focal / SENSOR_MM[1] * height
    return np.array([[fx, 0, width / 2], [0, fy, height / 2], [0, 0, 1]]), world_to_camera
