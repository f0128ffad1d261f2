"""People followed through films on disk: what the pipeline said of each frame, and the truth.

A folder holds one ``film-00000.npz`` a film and ``manifest.json``, which says what they were drawn
from. No picture is kept: a network over time goes on from the bodies of single frames.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

VERSION = 1
MANIFEST = "manifest.json"
# Kept in half precision: rotations to 5e-4.
HALF = ("rotations", "joint_cov", "transl_cov", "visibility", "true_rotations")


class FilmError(ValueError):
    """A folder of films that cannot be used; the text says why and what to do."""


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
    true_keypoints:  [T, P, 33, 2] on the plane at z = 1; true_state: [T, P, 33], rows of
                     ``measured_errors.CLASSES``.
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
    true_keypoints: np.ndarray
    true_state: np.ndarray
    camera_rotations: np.ndarray
    camera_positions: np.ndarray
    odometry_rotations: np.ndarray
    odometry_positions: np.ndarray

    def __len__(self) -> int:
        return len(self.stamps)


def film_path(folder: Path, number: int) -> Path:
    return folder / f"film-{number:05d}.npz"


def films_in(folder: Path) -> int:
    """Length of the unbroken row of films from the first."""
    count = 0
    while film_path(folder, count).is_file():
        count += 1
    return count


def begin_folder(folder: Path, manifest: dict) -> None:
    """Make the folder, or go on with one that has the same manifest.

    Raises FilmError for a folder that was drawn from anything else; it stays as it is.
    """
    path = folder / MANIFEST
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest, indent=2) + "\n")
        return
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise FilmError(f"{path} is no manifest of films: {error}") from error
    wrong = [
        f"{k}: {found.get(k)!r} there, {manifest.get(k)!r} here"
        for k in sorted({*found, *manifest})
        if found.get(k) != manifest.get(k)
    ]
    if wrong:
        raise FilmError(f"{folder} holds other films ({'; '.join(wrong)}): choose another --out")


def write_film(folder: Path, number: int, film: Film) -> None:
    """A reader sees the whole film or none."""
    path = film_path(folder, number)
    arrays = {f.name: getattr(film, f.name) for f in fields(Film)}
    arrays |= {name: arrays[name].astype(np.float16) for name in HALF}
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_film(folder: Path, number: int) -> Film:
    """Raises FilmError for a file that is missing or damaged."""
    path = film_path(folder, number)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {f.name: file[f.name] for f in fields(Film)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FilmError(f"{path} is damaged: delete it and draw it anew ({error})") from error
    return Film(**arrays | {name: arrays[name].astype(np.float32) for name in HALF})
