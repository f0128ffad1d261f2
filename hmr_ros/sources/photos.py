"""A single photograph, or a folder of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.sources.source import Picture, Source, SourceError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
FOLDER_RATE_HZ = 10.0


def read_photo(path: Path) -> np.ndarray:
    """[H, W, 3] uint8 BGR, turned upright by its EXIF orientation. Raises SourceError."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(
            f"{path}: is no picture OpenCV can decode ({data.size} bytes); expected one of "
            f"{', '.join(SUFFIXES)}, whole and not encrypted"
        )
    return image


def photo_source(path: Path) -> Source:
    """One photograph."""

    def read() -> Iterator[Picture]:
        yield Picture(read_photo(path), 0.0, path.name)

    return Source(str(path), "image", read, 1, FOLDER_RATE_HZ, sequence=False)


def folder_source(folder: Path) -> Source:
    """All photographs right in ``folder``, sorted by name, stamped 0.1 s apart.

    Raises SourceError if there is none.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise SourceError(
            f"{folder}: holds no picture ({', '.join(SUFFIXES)}) and no metadata.yaml of a bag"
        )

    def read() -> Iterator[Picture]:
        for i, path in enumerate(paths):
            yield Picture(read_photo(path), i / FOLDER_RATE_HZ, path.name)

    return Source(str(folder), "folder", read, len(paths), FOLDER_RATE_HZ, sequence=False)
