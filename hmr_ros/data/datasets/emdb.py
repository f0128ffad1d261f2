"""EMDB: one pickle a sequence, one person filmed by a moving phone, in the world's frame.

Layout as in its ``dataset.md``: ``P0/NAME/P0_NAME_data.pkl`` and ``P0/NAME/images/00000.jpg``.
Kaufmann et al., ICCV 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, pixels, transformed
from hmr_ros.data.datasets.fields import Fields, existing, refusal
from hmr_ros.data.datasets.joint_names import SMPL24
from hmr_ros.data.datasets.plausible import check_depth, check_poses, few, posed_skeleton
from hmr_ros.data.datasets.protocols import Protocol
from hmr_ros.data.datasets.safe_pickle import read_plain_pickle

FPS = 30.0


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    """One callable a file; a sequence of the other part yields nothing."""
    if split not in ("1", "2", "all"):
        raise ValueError(f"EMDB has the splits 1, 2 and all, not {split!r}")
    files = sorted(folder.glob("P[0-9]/*/*_data.pkl"))
    if not files:
        raise refusal(
            folder, "", "holds no P?/*/*_data.pkl", "unpack P0.zip to P9.zip of EMDB into it"
        )
    return [partial(read, file, split, every_frame) for file in files]


def read(path: Path, split: str, every_frame: bool) -> Iterator[Annotated]:
    """The images of one sequence if it belongs to ``split``. Raises DatasetError."""
    fields = Fields(path, read_plain_pickle(path))
    if split != "all" and not fields.mask(f"emdb{split}", ()):
        return
    frames = int(fields.number("n_frames"))
    good = fields.mask("good_frames_mask", (frames,))
    camera, smpl = fields.fields("camera"), fields.fields("smpl")
    intrinsics = camera.array("intrinsics", (3, 3))
    cameras = camera.array("extrinsics", (frames, 4, 4))
    width, height = int(camera.number("width")), int(camera.number("height"))
    roots = smpl.array("poses_root", (frames, 3))
    poses = smpl.array("poses_body", (frames, 69)).reshape(frames, 23, 3)
    poses = np.concatenate([roots[:, None], poses], axis=1)
    transl = smpl.array("trans", (frames, 3))
    betas = smpl.array("betas", (10,))
    points = fields.array("kp2d", (frames, 24, 2), finite=False)
    corners = fields.fields("bboxes").array("bboxes", (frames, 4), finite=False)
    gender = fields.gender("gender")
    if not np.isfinite(points[good]).all() or not np.isfinite(corners[good]).all():
        raise fields.error(
            "kp2d and bboxes", "hold values that are not finite in good frames", "download it again"
        )
    if good.any():
        some = np.flatnonzero(good)[few(good.sum())]
        _check(fields, smpl, poses[some], transl[some], cameras[some], intrinsics, points[some])
    images = path.parent / "images"
    for frame in range(frames):
        if not (every_frame or good[frame]):
            continue
        image = existing(images / f"{frame:05d}.jpg", "the image", "unpack the sequence again")
        low, high = corners[frame, :2], corners[frame, 2:]
        people = People(
            boxes=np.nan_to_num(np.concatenate([low, np.maximum(high - low, 0)]))[None],
            track_ids=np.zeros(1, np.int64),
            evaluated=good[frame : frame + 1],
            genders=np.array([gender]),
            poses=poses[frame][None],
            betas=betas[None],
            transl=transl[frame][None],
            keypoints=np.concatenate([points[frame], np.ones((24, 1))], 1)[None],
        )
        yield Annotated(
            image, width, height, people, (), SMPL24, "smpl", intrinsics,
            world_to_camera=cameras[frame], sequence=path.name.removesuffix("_data.pkl"),
            frame=frame, fps=FPS,
        )  # fmt: skip


def _check(
    fields: Fields,
    smpl: Fields,
    poses: np.ndarray,
    transl: np.ndarray,
    cameras: np.ndarray,
    intrinsics: np.ndarray,
    points: np.ndarray,
) -> None:
    """Units, frames and order agree: a body in these poses, at this place, is seen in kp2d."""
    skeleton = posed_skeleton(poses)
    roots = np.stack([transformed(t, c) for t, c in zip(transl, cameras, strict=True)])
    check_depth(smpl, "trans", roots[:, 2])
    extent = np.linalg.norm(np.ptp(points, axis=1), axis=1)
    apart = np.linalg.norm(pixels(roots, intrinsics) - points[:, 0], axis=1)
    if not np.median(apart / np.maximum(extent, 1)) < 0.5:
        raise smpl.error(
            "trans",
            "projected with camera.extrinsics and camera.intrinsics, it lies outside the person in "
            "kp2d",
            "metres, and extrinsics from world to camera? download it again",
        )
    seen = roots[:, None] + np.einsum("nab,njb->nja", cameras[:, :3, :3], skeleton)
    drawn = pixels(seen, intrinsics)
    check_poses(fields, "kp2d", drawn - drawn[:, :1], points - points[:, :1])
