"""Read motion clips: our file of many clips, AMASS / SMPL recordings, BVH, folders of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from hmr_ros.data.bvh_motion import read_bvh_motion
from hmr_ros.data.clips import SPLITS, MotionError, Motions
from hmr_ros.data.duplicate_clips import duplicates
from hmr_ros.data.recordings import RECORDING_KEYS, recording
from hmr_ros.data.split_rules import split_of

__all__ = ["SPLITS", "MotionError", "Motions", "load_motions"]

FPS = 30.0
_log = logging.getLogger(__name__)


def load_motions(
    path: str | Path, fps: float | None = FPS, splits: Mapping[str, str] | None = None
) -> Motions:
    """Read motion clips; clips of val and test that equal a train clip are left out, with a
    warning that names both.

    path: one of
      - ``.npz`` of many clips: ``poses`` [T, 24, 3], ``trans`` [T, 3], ``clip`` [T] (runs of equal
        numbers), ``clip_name`` and ``clip_split`` per clip, ``fps``, which is kept;
      - ``.npz`` of one recording in an AMASS or SMPL layout, see ``recordings.recording``;
      - ``.bvh``, see ``bvh_motion.read_bvh_motion``;
      - a folder with recordings and ``.bvh`` files in it or below it, all of one frame rate after
        resampling; clips are named by their path in it, without suffix.
    fps: recordings are resampled to this rate; None keeps theirs.
    splits: of the clips of a folder, see ``split_rules.split_of``; without, its ``splits.json``,
        without that a hash of the subject. A single recording is of the split ``train``.

    Raises MotionError, also for a missing file.
    """
    path = Path(path)
    if path.is_dir():
        motions = _folder(path, fps, splits)
    elif path.suffix.lower() == ".bvh":
        motions = read_bvh_motion(path, fps)
    else:
        motions = _npz(path, fps)
    return _without_duplicates(path, motions)


def _without_duplicates(path: Path, motions: Motions) -> Motions:
    found = duplicates(motions)
    for held_out, train in found:
        _log.warning(
            "%s: %s clip %r is left out: it equals train clip %r up to its root",
            path,
            motions.splits[held_out],
            motions.names[held_out],
            motions.names[train],
        )
    gone = {held_out for held_out, _ in found}
    if not gone:
        return motions
    return motions.select([c for c in range(len(motions)) if c not in gone])


def _folder(path: Path, fps: float | None, splits: Mapping[str, str] | None) -> Motions:
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in (".npz", ".bvh"))
    files = [f for f in files if not _is_shape_only(f)]
    if not files:
        raise MotionError(f"motion folder {path} holds no .npz or .bvh recording")
    parts = []
    for file in files:
        name = file.relative_to(path).with_suffix("").as_posix()
        read = read_bvh_motion if file.suffix.lower() == ".bvh" else _npz
        one = read(file, fps)
        if len(one) != 1:
            raise MotionError(
                f"motion file {file}: holds many clips with splits of their own; read it by itself"
            )
        parts.append((name, split_of(name, path, splits), one))
    rates = sorted({round(one.fps, 3) for _, _, one in parts})
    if len(rates) > 1:
        raise MotionError(
            f"motion folder {path}: frame rates {rates} cannot be mixed; give fps to resample to"
        )
    lengths = [len(one.poses) for _, _, one in parts]
    return Motions(
        poses=np.concatenate([one.poses for _, _, one in parts]),
        trans=np.concatenate([one.trans for _, _, one in parts]),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        names=tuple(name for name, _, _ in parts),
        splits=tuple(split for _, split, _ in parts),
        fps=parts[0][2].fps,
    )


def _is_shape_only(file: Path) -> bool:
    """AMASS keeps a subject's shape beside the recordings."""
    return file.name == "shape.npz" or file.stem.endswith("_stagei")


def _npz(path: Path, fps: float | None) -> Motions:
    if not path.is_file():
        raise MotionError(
            f"motion file {path} does not exist; expected an .npz with poses, trans and clip, "
            "an AMASS recording, a .bvh, or a folder of recordings"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = [name for name in file.files if name in _CLIP_KEYS + RECORDING_KEYS]
            arrays = {name: file[name] for name in keys}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise MotionError(f"motion file {path} cannot be read: {error}") from error
    motions = _clips(path, arrays) if "clip" in arrays else recording(path, arrays, fps)
    for key, values in (("poses", motions.poses), ("trans", motions.trans)):
        if not np.isfinite(values).all():
            raise MotionError(f"motion file {path}: {key} holds values that are not finite")
    return motions


_CLIP_KEYS = ("poses", "trans", "clip", "clip_name", "clip_split", "fps")


def _clips(path: Path, arrays: dict[str, np.ndarray]) -> Motions:
    for key in ("poses", "trans", "clip_name", "clip_split", "fps"):
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
