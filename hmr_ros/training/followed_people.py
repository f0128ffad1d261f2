"""People of films as clips to learn from: dropped frames, gaps and mirror images are made here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmr_ros.data.films import FILMS, Film, FilmError, films_of
from hmr_ros.data.keypoint_noise import MIRRORED as MIRRORED_LANDMARKS
from hmr_ros.data.sequences.floor_clips import MIRRORED
from hmr_ros.geometry.camera_pose import LEVEL
from hmr_ros.geometry.observed_rays import joint_std, relative_std

LEAST_FRAMES = 8
NO_ODOMETRY = 0.15  # share of clips without any
DROPPED, MOST_DROPPED = 0.5, 0.6  # share of clips that lose frames, and the largest share they lose
HOLE, LONGEST_HOLE = 0.25, 3.0  # share of clips with a stretch unseen, and its longest, seconds

# Arrays of F frames by name: ``hmr_ros.sighting_fields.SIGHTING`` but ``odometry`` and ``elapsed``,
# then ``stamps`` and the truth.
Followed = dict[str, np.ndarray]


def read_followed(folder: Path, split: str) -> list[Followed]:
    """Everybody in the films of a folder of ``split`` who was seen in ``LEAST_FRAMES`` frames.

    Raises FilmError as ``films_of``, and for a folder without such people.
    """
    people = [
        one_person(film, person)
        for film in films_of(folder, split)
        for person in range(film.seen.shape[1])
        if film.seen[:, person].sum() >= LEAST_FRAMES
    ]
    if not people:
        raise FilmError(
            f"nobody in the films of {folder} is seen in {LEAST_FRAMES} frames: draw more or "
            "longer ones into another folder (hmr train films --films N --frames N)"
        )
    return people


def corrected(folders: Iterable[Path]) -> dict:
    """Whose bodies the films of folders hold: ``estimator``, ``weights_sha256``, its
    ``calibration`` and ``refine_steps``. Raises FilmError where folders differ."""
    said = {str(folder): FILMS.manifest(folder).get("bodies") for folder in folders}
    first = next(iter(said.values()))
    if first is None or any(bodies != first for bodies in said.values()):
        raise FilmError(
            f"films must hold bodies of the same weights and calibration, draw them anew: {said}"
        )
    return first


def one_person(film: Film, person: int) -> Followed:
    """The frames in which the person was seen."""
    seen = film.seen[:, person]

    def of(name: str) -> np.ndarray:
        return getattr(film, name)[seen, person]

    pelvis = film.pelvis[seen, person]
    return {
        "rotations": of("rotations").astype(np.float16),
        "betas": of("betas"),
        "pelvis": pelvis,
        "joint_std": joint_std(film.joint_cov[seen, person]),
        "distance_std": relative_std(film.transl_cov[seen, person], pelvis),
        "visibility": of("visibility"),
        "keypoints": film.keypoints[seen, person],
        "box": film.box[seen, person],
        "camera_rotation": film.odometry_rotations[seen].astype(np.float32),
        "camera_position": film.odometry_positions[seen].astype(np.float32),
        "stamps": film.stamps[seen],
        "true_rotations": film.true_rotations[seen, person].astype(np.float16),
        "true_betas": np.repeat(film.true_betas[None, person], seen.sum(), 0),
        "true_pelvis": film.true_pelvis[seen, person],
        "true_visibility": film.true_visibility[seen, person],
        "true_camera": film.camera_rotations[seen].astype(np.float32),
        "true_position": film.camera_positions[seen].astype(np.float32),
    }


def clip_of(person: Followed, frames: int, rng: np.random.Generator) -> Followed:
    """At most ``frames`` frames of a person, with what a live stream does to them."""
    stamps = person["stamps"]
    keep = np.ones(len(stamps), bool)
    if rng.random() < DROPPED:
        keep &= rng.random(len(stamps)) > rng.uniform(0, MOST_DROPPED)
    if rng.random() < HOLE:
        begin = rng.uniform(stamps[0], stamps[-1])
        keep &= (stamps < begin) | (stamps > begin + rng.uniform(0.2, LONGEST_HOLE))
    rows = np.flatnonzero(keep)
    if len(rows) < LEAST_FRAMES:
        rows = np.arange(len(stamps))
    first = int(rng.integers(max(1, len(rows) - frames + 1)))
    clip = {name: value[rows[first : first + frames]] for name, value in person.items()}
    clip = with_elapsed(clip)
    if rng.random() < 0.5:
        clip = mirrored(clip)
    return without_odometry(clip) if rng.random() < NO_ODOMETRY else clip


def with_elapsed(clip: Followed) -> Followed:
    """``elapsed`` and ``odometry`` for ``stamps``."""
    elapsed = np.diff(clip["stamps"], prepend=clip["stamps"][:1])
    known = np.ones(len(elapsed), np.float32)
    return clip | {"elapsed": elapsed.astype(np.float32), "odometry": known}


def without_odometry(clip: Followed) -> Followed:
    """As if the camera were at rest and level."""
    level = np.repeat(LEVEL[None].astype(np.float32), len(clip["stamps"]), 0)
    none = np.zeros(len(level), np.float32)
    still = np.zeros((len(level), 3), np.float32)
    return clip | {"camera_rotation": level, "camera_position": still, "odometry": none}


def mirrored(clip: Followed) -> Followed:
    """The same in a mirror: left is right."""
    flip = np.array([-1.0, 1, 1], np.float32)
    turned = flip[:, None] * flip
    out = dict(clip)
    for name in ("rotations", "true_rotations"):
        out[name] = clip[name][:, MIRRORED] * turned.astype(clip[name].dtype)
    for name in ("camera_rotation", "true_camera"):
        out[name] = clip[name] * turned
    for name in ("pelvis", "true_pelvis", "camera_position", "true_position"):
        out[name] = clip[name] * flip
    for name in ("joint_std", "visibility", "true_visibility"):
        out[name] = clip[name][:, MIRRORED]
    out["keypoints"] = clip["keypoints"][:, MIRRORED_LANDMARKS] * flip
    out["box"] = clip["box"][:, [2, 1, 0, 3]] * [-1, 1, -1, 1]
    return out


def batch_of(clips: list[Followed], frames: int) -> dict[str, Tensor]:
    """Clips as tensors [N, frames, ...] float32, short ones padded with their last frame;
    ``counted`` [N, frames] is 0 there."""
    lengths = np.array([len(c["stamps"]) for c in clips])
    rows = [np.minimum(np.arange(frames), n - 1) for n in lengths]
    batch = {
        name: np.stack([c[name][r] for c, r in zip(clips, rows, strict=True)])
        for name in clips[0]
        if name != "stamps"
    }
    batch["counted"] = np.arange(frames) < lengths[:, None]
    batch["elapsed"] = batch["elapsed"] * batch["counted"]
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in batch.items()}


def whole(person: Followed) -> dict[str, Tensor]:
    """Everything of a person as a batch of one clip."""
    return batch_of([with_elapsed(person)], len(person["stamps"]))
