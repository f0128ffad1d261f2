"""Human3.6M, from the JSON files of 3DMPPE_ROOTNET_RELEASE (no .cdf, no .h5).

Layout: ``annotations/Human36M_subject9_{data,camera,joint_3d}.json`` and ``images/``. Joints are in
the world, in millimetres; they come out in the camera's frame, in metres.
Ionescu et al., TPAMI 2014; files by Moon et al., ICCV 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, pixels
from hmr_ros.data.datasets.fields import Fields, existing
from hmr_ros.data.datasets.joint_names import H36M17
from hmr_ros.data.datasets.json_file import read_json
from hmr_ros.data.datasets.plausible import check_depth, check_skeleton
from hmr_ros.data.datasets.protocols import Protocol

SUBJECTS = {"train": (1, 5, 6, 7, 8), "test": (9, 11)}
# Protocol: every so many frames, and which cameras.
CHOICE = {"p1": (5, (1, 2, 3, 4)), "p2": (5, (4,)), "17": (64, (1, 2, 3, 4))}
FPS = 50.0


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    """One callable a subject."""
    if split not in SUBJECTS:
        raise ValueError(f"Human3.6M has the splits train and test, not {split!r}")
    step, cameras = CHOICE[protocol.subset]
    step = 1 if every_frame else step
    for subject in SUBJECTS[split]:
        for kind in ("data", "camera", "joint_3d"):
            existing(
                _file(folder, subject, kind),
                "an annotation file",
                "take the annotations of 3DMPPE_ROOTNET_RELEASE (docs/datasets.md)",
            )
    return [partial(read, folder, subject, step, cameras) for subject in SUBJECTS[split]]


def read(folder: Path, subject: int, step: int, cameras: tuple[int, ...]) -> Iterator[Annotated]:
    """Every ``step``-th image of a subject from ``cameras``. Raises DatasetError."""
    data = read_json(_file(folder, subject, "data"))
    poses = read_json(_file(folder, subject, "joint_3d"))
    calibration = read_json(_file(folder, subject, "camera"))
    boxes = {}
    for number, annotation in enumerate(data.items("annotations")):
        fields = Fields(data.path, annotation, f"annotations[{number}]")
        boxes[fields.get("image_id")] = fields.array("bbox", (4,))
    images = data.items("images")
    if not images:
        raise data.error("images", "is empty", "download it again")
    for number, entry in enumerate(images):
        image = Fields(data.path, entry, f"images[{number}]")
        frame, camera = int(image.number("frame_idx")), int(image.number("cam_idx"))
        if frame % step or camera not in cameras:
            continue
        if image.get("id") not in boxes:
            raise image.error("id", "has no entry in annotations", "download it again")
        action = f"{int(image.number('action_idx'))}"
        again = f"{int(image.number('subaction_idx'))}"
        joints = poses.fields(action).fields(again).array(f"{frame}", (17, 3))
        yield _annotated(
            folder, subject, image, calibration.fields(f"{camera}"), joints, boxes[image.get("id")],
            Fields(poses.path, {}, f"{action}.{again}"), frame,
        )  # fmt: skip


def _annotated(
    folder: Path,
    subject: int,
    image: Fields,
    camera: Fields,
    joints: np.ndarray,
    box: np.ndarray,
    pose: Fields,
    frame: int,
) -> Annotated:
    rotation, translation = camera.array("R", (3, 3)), camera.array("t", (3,))
    focal, centre = camera.array("f", (2,)), camera.array("c", (2,))
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3], world_to_camera[:3, 3] = rotation, translation / 1000
    intrinsics = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    joints = (joints @ rotation.T + translation) / 1000
    check_skeleton(pose, f"{frame}", joints[None], H36M17)
    check_depth(pose, f"{frame}", joints[:1, 2])
    path = existing(folder / "images" / image.text("file_name"), "the image", "unpack the images")
    people = People(
        boxes=box[None],
        track_ids=np.array([subject]),
        evaluated=np.ones(1, bool),
        joints3d=joints[None],
        joints3d_valid=np.ones((1, 17), bool),
        keypoints=np.concatenate([pixels(joints, intrinsics), np.ones((17, 1))], 1)[None],
    )
    return Annotated(
        path, int(image.number("width")), int(image.number("height")), people, H36M17, H36M17, "",
        intrinsics, world_to_camera=world_to_camera, sequence=path.parent.name, frame=frame,
        fps=FPS,
    )  # fmt: skip


def _file(folder: Path, subject: int, kind: str) -> Path:
    return folder / "annotations" / f"Human36M_subject{subject}_{kind}.json"
