"""What is behind the people: photographs of a folder, or coloured noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png")


def background_photos(folder: str | Path | None) -> tuple[Path, ...]:
    """The pictures of a folder in order of name; none for None.

    Raises FileNotFoundError if the folder has no picture.
    """
    if folder is None:
        return ()
    folder = Path(folder)
    photos = tuple(sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES))
    if not photos:
        raise FileNotFoundError(
            f"{folder}: no background photograph ({', '.join(SUFFIXES)}) in it; name another "
            "folder or leave it out for coloured noise"
        )
    return photos


def sample_background(
    rng: np.random.Generator, width: int, height: int, photos: tuple[Path, ...] = ()
) -> np.ndarray:
    """[height, width, 3] uint8 BGR: mostly a cut-out of a photograph, mirrored half of the time.

    Raises ValueError for a file that is not a picture.
    """
    if not photos or rng.random() < 0.1:
        return _noise(rng, width, height)
    path = photos[rng.integers(len(photos))]
    photo = cv2.imread(str(path))
    if photo is None:
        raise ValueError(f"{path}: cannot be read as a picture; remove it from the folder")
    across = min(photo.shape[1], photo.shape[0] * width / height) * rng.uniform(0.6, 1)
    w, h = max(1, int(across)), max(1, int(across * height / width))
    x = rng.integers(photo.shape[1] - w + 1)
    y = rng.integers(photo.shape[0] - h + 1)
    method = cv2.INTER_AREA if w > width else cv2.INTER_LINEAR
    cut = cv2.resize(photo[y : y + h, x : x + w], (width, height), interpolation=method)
    return np.ascontiguousarray(cut[:, ::-1]) if rng.random() < 0.5 else cut


def _noise(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    total = np.zeros((height, width, 3), np.float32)
    for cells, strength in ((2, 0.5), (5, 0.3), (13, 0.15), (60, 0.08)):
        coarse = rng.random((cells, cells, 3)).astype(np.float32)
        total += strength * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (255 * np.clip(total * rng.uniform(0.5, 1.0), 0, 1)).astype(np.uint8)
