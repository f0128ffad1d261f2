"""Motion clips: a file of many clips with splits, or one AMASS / SMPL recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

SPLITS = ("train", "val", "test")


class MotionError(ValueError):
    """A motion file that cannot be used; the text names the file and the field."""


@dataclass(frozen=True, eq=False)
class Motions:
    """C clips of together T frames, on SMPL's 24 joints; world frame Y up, metres.

    poses:  [T, 24, 3] float32 axis-angle; joint 0 is the global orientation.
    trans:  [T, 3] float32, position of the pelvis (of a recording: less its place at rest).
    starts: [C + 1] int64; clip c is the frames ``starts[c]:starts[c + 1]``.
    names:  C clip names. splits: C of ``SPLITS``.
    fps:    frames a second.
    """

    poses: np.ndarray
    trans: np.ndarray
    starts: np.ndarray
    names: tuple[str, ...]
    splits: tuple[str, ...]
    fps: float

    def __len__(self) -> int:
        return len(self.names)

    def frames(self, clip: int) -> slice:
        """Rows of ``poses`` and ``trans`` that belong to a clip."""
        return slice(int(self.starts[clip]), int(self.starts[clip + 1]))

    def select(self, clips: list[int]) -> Motions:
        """Only these clips, in this order. Raises MotionError if there are none."""
        if not clips:
            raise MotionError("no motion clip matches what was asked for")
        rows = [self.frames(c) for c in clips]
        lengths = [r.stop - r.start for r in rows]
        return Motions(
            poses=np.concatenate([self.poses[r] for r in rows]),
            trans=np.concatenate([self.trans[r] for r in rows]),
            starts=np.concatenate([[0], np.cumsum(lengths)]),
            names=tuple(self.names[c] for c in clips),
            splits=tuple(self.splits[c] for c in clips),
            fps=self.fps,
        )

    def split(self, name: str) -> Motions:
        """The clips of one of ``SPLITS``."""
        if name not in SPLITS:
            raise MotionError(f"split {name!r} is unknown; known: {', '.join(SPLITS)}")
        return self.select([c for c, split in enumerate(self.splits) if split == name])


def load_motions(path: str | Path) -> Motions:
    """Read ``.npz`` files of two kinds, told apart by their keys.

    Many clips: ``poses`` [T, 24, 3], ``trans`` [T, 3], ``clip`` [T] (runs of equal numbers),
    ``clip_name`` and ``clip_split`` per clip, ``fps``.
    One recording, as AMASS and SMPL tools write it: ``poses`` [T, 72] or [T, 156] or longer, whose
    first 22 joints are SMPL's, ``trans`` [T, 3], ``mocap_framerate`` (or ``mocap_frame_rate``);
    Z up there, turned to Y up here. It is one clip of the split ``train``, without hand rotations.

    Raises MotionError (also for a missing file).
    """
    path = Path(path)
    if not path.is_file():
        raise MotionError(
            f"motion file {path} does not exist; expected an .npz with poses, trans and clip, "
            "or an AMASS recording"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name in _KEYS}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise MotionError(f"motion file {path} cannot be read: {error}") from error
    for key in ("poses", "trans"):
        if key not in arrays:
            raise MotionError(f"motion file {path}: {key!r} is missing; it has {sorted(arrays)}")
    motions = _clips(path, arrays) if "clip" in arrays else _recording(path, arrays)
    for key, values in (("poses", motions.poses), ("trans", motions.trans)):
        if not np.isfinite(values).all():
            raise MotionError(f"motion file {path}: {key} holds values that are not finite")
    return motions


_RATES = ("mocap_framerate", "mocap_frame_rate")
_KEYS = ("poses", "trans", "clip", "clip_name", "clip_split", "fps", *_RATES)
_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)  # from Z up


def _clips(path: Path, arrays: dict[str, np.ndarray]) -> Motions:
    for key in ("clip_name", "clip_split", "fps"):
        if key not in arrays:
            raise MotionError(f"motion file {path}: {key!r} is missing beside 'clip'")
    poses = arrays["poses"]
    frames = len(poses)
    expected = {"poses": (frames, 24, 3), "trans": (frames, 3), "clip": (frames,)}
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise MotionError(
                f"motion file {path}: {key} has shape {arrays[key].shape}, expected {shape}"
            )
    clip = arrays["clip"].astype(np.int64)
    starts = np.flatnonzero(np.diff(clip, prepend=clip[0] - 1)) if frames else np.zeros(0, int)
    numbers = clip[starts]
    if len(np.unique(numbers)) < len(numbers):
        raise MotionError(f"motion file {path}: the frames of a clip must follow each other")
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(arrays["clip_name"]):
        raise MotionError(f"motion file {path}: clip names clips that clip_name does not hold")
    splits = tuple(str(arrays["clip_split"][c]) for c in numbers)
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown:
        raise MotionError(f"motion file {path}: clip_split holds {unknown}, expected {SPLITS}")
    return Motions(
        poses=poses.astype(np.float32),
        trans=arrays["trans"].astype(np.float32),
        starts=np.append(starts, frames).astype(np.int64),
        names=tuple(str(arrays["clip_name"][c]) for c in numbers),
        splits=splits,
        fps=float(arrays["fps"]),
    )


def _recording(path: Path, arrays: dict[str, np.ndarray]) -> Motions:
    from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle

    poses, trans = arrays["poses"], arrays["trans"]
    if poses.ndim != 2 or poses.shape[1] < 66 or trans.shape != (len(poses), 3):
        raise MotionError(
            f"motion file {path}: poses {poses.shape} and trans {trans.shape}, expected "
            "[T, 72 or more] and [T, 3]"
        )
    rate = next((float(arrays[key]) for key in _RATES if key in arrays), None)
    if rate is None or rate <= 0:
        raise MotionError(f"motion file {path}: no frame rate under {' or '.join(_RATES)}")
    joints = np.zeros((len(poses), 24, 3))
    joints[:, :22] = poses[:, :66].reshape(-1, 22, 3)
    if poses.shape[1] == 72:
        joints[:, 22:] = poses[:, 66:].reshape(-1, 2, 3)
    joints[:, 0] = axis_angle_from_matrix(_Y_UP @ matrix_from_axis_angle(joints[:, 0]))
    return Motions(
        poses=joints.astype(np.float32),
        trans=(trans @ _Y_UP.T).astype(np.float32),
        starts=np.array([0, len(poses)], np.int64),
        names=(path.stem,),
        splits=("train",),
        fps=rate,
    )
