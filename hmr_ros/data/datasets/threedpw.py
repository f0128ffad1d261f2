"""3DPW: one pickle a sequence, people filmed by a moving phone.

Layout as in the readme of the data set: ``sequenceFiles/{train,validation,test}/NAME.pkl`` and
``imageFiles/NAME/image_00000.jpg``. von Marcard et al., ECCV 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, pixels, tight_box, transformed
from hmr_ros.data.datasets.fields import Fields, existing, refusal
from hmr_ros.data.datasets.image_size import image_size
from hmr_ros.data.datasets.joint_names import OPENPOSE18, SMPL24
from hmr_ros.data.datasets.noise_boxes import noise_boxes
from hmr_ros.data.datasets.plausible import (
    check_depth,
    check_poses,
    check_skeleton,
    few,
    posed_skeleton,
)
from hmr_ros.data.datasets.protocols import Protocol
from hmr_ros.data.datasets.safe_pickle import read_plain_pickle

SPLITS = ("train", "validation", "test")
FPS = 30.0
# Median distance of projected joints and detected keypoints, as a share of the person's extent.
FARTHEST_KEYPOINT = 0.35
# Sequences, without their running number, in which objects hide people.
OBJECT_OCCLUDED = (
    "courtyard_backpack", "courtyard_basketball", "courtyard_bodyScannerMotions", "courtyard_box",
    "courtyard_golf", "courtyard_jacket", "courtyard_laceShoe", "downtown_stairs", "flat_guitar",
    "flat_packBags", "outdoors_climbing", "outdoors_crosscountry", "outdoors_fencing",
    "outdoors_freestyle", "outdoors_golf", "outdoors_parcours", "outdoors_slalom",
)  # fmt: skip
# First image and the one after the last in which people hide each other.
PERSON_OCCLUDED = {
    "courtyard_basketball_00": (200, 280),
    "courtyard_captureSelfies_00": (500, 600),
    "courtyard_dancing_00": (60, 370),
    "courtyard_dancing_01": (60, 270),
    "courtyard_hug_00": (100, 500),
    "downtown_bus_00": (1620, 1900),
}
CROWDED = ("courtyard_hug_00", "courtyard_dancing_00")


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    """One callable a sequence. Raises DatasetError if sequences of the protocol are missing."""
    splits = SPLITS if split == "all" else (split,)
    if not set(splits) <= set(SPLITS):
        raise ValueError(f"3DPW has the splits {', '.join(SPLITS)} and all, not {split!r}")
    cure = "unpack sequenceFiles.zip and imageFiles.zip of 3DPW into this folder"
    files = []
    for name in splits:
        place = existing(folder / "sequenceFiles" / name, "a folder of 3DPW", cure)
        files += sorted(place.glob("*.pkl"))
    existing(folder / "imageFiles", "a folder of 3DPW", cure)
    _check_complete(folder, protocol.subset, {file.stem for file in files})
    return [
        partial(read, file, folder / "imageFiles" / file.stem, protocol.subset, every_frame)
        for file in files
        if _chosen(file.stem, protocol.subset)
    ]


def _chosen(name: str, subset: str) -> bool:
    hidden_by_objects = name.rsplit("_", 1)[0] in OBJECT_OCCLUDED
    return {
        "oc": hidden_by_objects,
        "pc": name in PERSON_OCCLUDED,
        "nc": not hidden_by_objects and name not in PERSON_OCCLUDED,
        "crowd": name in CROWDED,
    }.get(subset, True)


def _check_complete(folder: Path, subset: str, names: set[str]) -> None:
    """A figure on part of a protocol's list is no figure of the protocol."""
    kinds = {name.rsplit("_", 1)[0] for name in names}
    wanted = {"oc": OBJECT_OCCLUDED, "pc": PERSON_OCCLUDED, "crowd": CROWDED}.get(subset, ())
    missing = [n for n in wanted if n not in (kinds if subset == "oc" else names)]
    if missing or not names:
        what = ", ".join(missing) or "every sequence"
        raise refusal(
            folder / "sequenceFiles", "", f"{what} is missing", "unpack sequenceFiles.zip again"
        )


def read(path: Path, images: Path, subset: str, every_frame: bool) -> Iterator[Annotated]:
    """The images of one sequence. Raises DatasetError."""
    fields = Fields(path, read_plain_pickle(path))
    intrinsics = fields.array("cam_intrinsics", (3, 3))
    cameras = fields.array("cam_poses", (-1, 4, 4))
    frames = len(cameras)
    genders = [fields.known_gender("genders", g) for g in fields.items("genders")]
    people = len(genders)
    poses = fields.array("poses", (people, frames, 72)).reshape(people, frames, 24, 3)
    transl = fields.array("trans", (people, frames, 3))
    keypoints = fields.array("poses2d", (people, frames, 3, 18)).swapaxes(2, 3)
    joints = fields.array("jointPositions", (people, frames, 72)).reshape(people, frames, 24, 3)
    betas = fields.array("betas", (people, -1))
    if betas.shape[1] < 10:
        raise fields.error("betas", f"has {betas.shape[1]} values, expected 10", "another release?")
    valid = fields.mask("campose_valid", (people, frames))
    valid &= np.abs(keypoints).sum((2, 3)) > 0
    check_skeleton(fields, "jointPositions", joints.reshape(-1, 24, 3), SMPL24)
    if np.median(np.linalg.norm(joints[:, :, 0] - transl, axis=-1)) > 1.0:
        raise fields.error(
            "trans", "is far from the pelvis in jointPositions", "both in metres? download it again"
        )
    some = few(frames)
    for person in range(people):
        about = joints[person, some] - joints[person, some, :1]
        check_poses(fields, "jointPositions", posed_skeleton(poses[person, some]), about)
    in_camera = np.stack([transformed(joints[:, f], cameras[f]) for f in range(frames)], axis=1)
    if valid.any():
        check_depth(fields, "cam_poses", in_camera[valid][:, 0, 2])
        _check_projection(fields, pixels(in_camera[valid], intrinsics), keypoints[valid])
    first, last = PERSON_OCCLUDED[path.stem] if subset == "pc" else (0, frames)
    size = None
    for frame in range(first, min(last, frames)):
        if not (every_frame or valid[:, frame].any()):
            continue
        image = existing(images / f"image_{frame:05d}.jpg", "the image", "unpack imageFiles.zip")
        size = size or image_size(image)
        boxes = _boxes(keypoints[:, frame], in_camera[:, frame], intrinsics)
        found = People(
            boxes=boxes,
            track_ids=np.arange(people),
            evaluated=valid[:, frame],
            genders=np.array(genders),
            poses=poses[:, frame],
            betas=betas[:, :10],
            transl=transl[:, frame],
            joints3d=in_camera[:, frame],
            joints3d_valid=np.ones((people, 24), bool),
            keypoints=keypoints[:, frame],
            noise_boxes=noise_boxes(path.stem, frame, boxes, size) if subset == "xocc" else None,
        )
        yield Annotated(
            image, *size, found, SMPL24, OPENPOSE18, "smpl", intrinsics,
            world_to_camera=cameras[frame], sequence=path.stem, frame=frame, fps=FPS,
        )  # fmt: skip


def _check_projection(fields: Fields, joints: np.ndarray, keypoints: np.ndarray) -> None:
    """Cameras, joints and detected keypoints agree, as pixels [M, 24, 2] and [M, 18, 3]."""
    limbs = [name for name in OPENPOSE18 if name in SMPL24]
    ours = joints[:, [SMPL24.index(name) for name in limbs]]
    detected = keypoints[:, [OPENPOSE18.index(name) for name in limbs]]
    apart = np.linalg.norm(ours - detected[..., :2], axis=2)
    extent = np.linalg.norm(np.ptp(ours, axis=1), axis=1, keepdims=True)
    share = (apart / np.maximum(extent, 1))[detected[..., 2] > 0]
    if share.size and not np.median(share) < FARTHEST_KEYPOINT:
        raise fields.error(
            "cam_poses",
            "projects jointPositions far from poses2d",
            "it must take the world into the camera; is it 3DPW's own file?",
        )


def _boxes(keypoints: np.ndarray, joints: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Around the detected keypoints; around the projected joints where there are none."""
    boxes = []
    for detected, body in zip(keypoints, joints, strict=True):
        seen = detected[detected[:, 2] > 0, :2]
        boxes.append(tight_box(seen if len(seen) > 1 else pixels(body, intrinsics)))
    return np.array(boxes)
