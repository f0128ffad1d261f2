"""One recording in an AMASS or SMPL layout, and another frame rate for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.data.clips import MotionError, Motions
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle, slerp

RATES = ("mocap_framerate", "mocap_frame_rate")
RECORDING_KEYS = ("poses", "trans", "root_orient", "pose_body", *RATES)
# Columns of ``poses``: SMPL, SMPL+H and SMPL-X; all begin with the pelvis and 21 body joints.
_WIDTHS = {72: "SMPL", 156: "SMPL+H", 165: "SMPL-X"}
_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)  # from Z up


def recording(path: Path, arrays: dict[str, np.ndarray], fps: float | None) -> Motions:
    """One clip of the split ``train``, named as the file.

    arrays: ``poses`` [T, 72], [T, 156] or [T, 165] axis-angle (or ``root_orient`` [T, 3] and
    ``pose_body`` [T, 63]), ``trans`` [T, 3] metres, a frame rate under one of ``RATES``. The
    world's Z is up there and Y here. Hands of SMPL+H and SMPL-X, faces and shapes are left out.
    fps: rate to resample to, None for none. Raises MotionError.
    """
    poses, trans = _poses(path, arrays), arrays.get("trans")
    if trans is None:
        raise MotionError(f"motion file {path}: 'trans' is missing; it has {sorted(arrays)}")
    if trans.shape != (len(poses), 3):
        raise MotionError(f"motion file {path}: trans {trans.shape}, expected ({len(poses)}, 3)")
    key = next((key for key in RATES if key in arrays), None)
    if key is None:
        raise MotionError(f"motion file {path}: no frame rate under {' or '.join(RATES)}")
    if arrays[key].size != 1 or not 0 < float(arrays[key].reshape(-1)[0]) < np.inf:
        raise MotionError(f"motion file {path}: {key} is {arrays[key]}, expected frames a second")
    rate = float(arrays[key].reshape(-1)[0])
    for key, values in (("poses", poses), ("trans", trans)):
        if not np.isfinite(values).all():
            raise MotionError(f"motion file {path}: {key} holds values that are not finite")
    joints = np.zeros((len(poses), 24, 3))
    joints[:, :22] = poses[:, :66].reshape(-1, 22, 3)
    if poses.shape[1] == 72:
        joints[:, 22:] = poses[:, 66:].reshape(-1, 2, 3)
    joints[:, 0] = axis_angle_from_matrix(_Y_UP @ matrix_from_axis_angle(joints[:, 0]))
    return one_clip(path.stem, joints, trans @ _Y_UP.T, rate, fps)


def one_clip(
    name: str, poses: np.ndarray, trans: np.ndarray, rate: float, fps: float | None
) -> Motions:
    """A clip of the split ``train``; poses [T, 24, 3] and trans [T, 3] at ``rate`` frames a second
    are resampled to ``fps`` unless it is None."""
    if fps is not None:
        poses, trans = resampled(poses, trans, rate, fps)
    return Motions(
        poses=poses.astype(np.float32),
        trans=trans.astype(np.float32),
        starts=np.array([0, len(poses)], np.int64),
        names=(name,),
        splits=("train",),
        fps=rate if fps is None else float(fps),
    )


def resampled(
    poses: np.ndarray, trans: np.ndarray, rate: float, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Poses [T, 24, 3] axis-angle and trans [T, 3] at times 0, 1 / fps, ... of a recording with
    ``rate`` frames a second: rotations on the shortest arc (slerp), places linearly."""
    if abs(rate - fps) < 1e-3 * fps:
        return poses, trans
    last = len(poses) - 1
    # A hair of tolerance, so that rounding does not drop the last frame.
    times = np.arange(int(np.floor(last * fps / rate + 1e-6)) + 1) * (rate / fps)
    before = np.minimum(np.floor(times + 1e-9).astype(int), last)
    after = np.minimum(before + 1, last)
    share = np.clip(times - before, 0.0, 1.0)
    start, end = (matrix_from_axis_angle(poses[k].astype(np.float64)) for k in (before, after))
    moved = slerp(start, end, share[:, None])
    places = trans[before] + share[:, None] * (trans[after] - trans[before])
    return axis_angle_from_matrix(moved), places


def _poses(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    if "poses" in arrays:
        poses = arrays["poses"]
        if poses.ndim != 2 or poses.shape[1] not in _WIDTHS or not len(poses):
            kinds = ", ".join(f"[T, {n}] ({kind})" for n, kind in _WIDTHS.items())
            raise MotionError(
                f"motion file {path}: poses has shape {poses.shape}, expected {kinds}"
            )
        return poses
    if not {"root_orient", "pose_body"} <= set(arrays):
        raise MotionError(f"motion file {path}: 'poses' is missing; it has {sorted(arrays)}")
    root, body = arrays["root_orient"], arrays["pose_body"]
    if root.ndim != 2 or root.shape[1] != 3 or body.shape != (len(root), 63) or not len(root):
        raise MotionError(
            f"motion file {path}: root_orient {root.shape} and pose_body {body.shape}, expected "
            "[T, 3] and [T, 63]"
        )
    return np.concatenate([root, body], axis=1)
