"""People followed through films on disk: what the pipeline said of each frame, and the truth.

A folder holds one ``film-00000.npz`` a film and ``manifest.json``, which says what they were drawn
from. No picture is kept: a network over time goes on from the bodies of single frames.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from hmr_ros.data.drawn_folder import Pieces
from hmr_ros.whole_file import whole_file

VERSION = 4
# Kept in half precision: rotations to 5e-4.
HALF = ("rotations", "joint_cov", "transl_cov", "visibility", "true_rotations")


class FilmError(ValueError):
    """A folder of films that cannot be used; the text says why and what to do."""


FILMS = Pieces(
    name="film-{n:05d}.npz",
    what="films",
    drawn_by="hmr train films --out {folder} --films N",
    says=("split",),
    version=VERSION,
    error=FilmError,
)


@dataclass(frozen=True, eq=False)
class Film:
    """T frames of P people; metres, radians, seconds. Camera frame: optical.

    stamps:          [T] of the camera's driver.
    seen:            [T, P] bool: the pipeline gave a body of the person, else the row is zero.
    rotations:       [T, P, 24, 3, 3], joint 0 to the camera. betas: [T, P, 10].
    pelvis:          [T, P, 3] camera frame. joint_cov: [T, P, 24, 3, 3] m^2, about the pelvis.
    transl_cov:      [T, P, 3, 3] m^2. visibility: [T, P, 24] probability.
    keypoints:       [T, P, 33, 3] on the plane at z = 1, with confidence. box: [T, P, 4] left,
                     top, right, bottom on that plane.
    true_rotations:  [T, P, 24, 3, 3], joint 0 to the camera. true_betas: [P, 10].
    true_pelvis:     [T, P, 3] camera frame. true_visibility: [T, P, 24], values of
                     ``hmr_ros.data.joint_visibility``.
    camera_rotations: [T, 3, 3] world (Y up) to camera, camera_positions: [T, 3], both true;
    odometry_rotations, odometry_positions: as a robot knows them.
    """

    stamps: np.ndarray
    seen: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    pelvis: np.ndarray
    joint_cov: np.ndarray
    transl_cov: np.ndarray
    visibility: np.ndarray
    keypoints: np.ndarray
    box: np.ndarray
    true_rotations: np.ndarray
    true_betas: np.ndarray
    true_pelvis: np.ndarray
    true_visibility: np.ndarray
    camera_rotations: np.ndarray
    camera_positions: np.ndarray
    odometry_rotations: np.ndarray
    odometry_positions: np.ndarray

    def __len__(self) -> int:
        return len(self.stamps)


def write_film(folder: Path, number: int, film: Film) -> None:
    """A reader sees the whole film or none."""
    arrays = {f.name: getattr(film, f.name) for f in fields(Film)}
    arrays |= {name: arrays[name].astype(np.float16) for name in HALF}
    with whole_file(FILMS.path(folder, number)) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_film(folder: Path, number: int) -> Film:
    """Raises FilmError for a file that is missing or damaged."""
    path = FILMS.path(folder, number)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {f.name: file[f.name] for f in fields(Film)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FilmError(f"{path} is damaged: delete it and draw it anew ({error})") from error
    return Film(**arrays | {name: arrays[name].astype(np.float32) for name in HALF})


def films_of(folder: Path, split: str) -> Iterator[Film]:
    """The films of a folder in order.

    Raises FilmError for a folder without films, of another version or split, or with a damaged one.
    """
    found = FILMS.manifest(folder)["split"]
    if found != split:
        raise FilmError(
            f"{folder} holds films of the split {found!r}, expected {split!r}: "
            f"hmr train films --split {split} draws some"
        )
    count = FILMS.count(folder)
    if not count:
        raise FilmError(f"{folder} holds no films yet: `{FILMS.drawn_by.format(folder=folder)}`")
    for number in range(count):
        yield read_film(folder, number)
