"""BlazePose's own errors, as measured by ``tools/measure_blazepose.py`` on rendered people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("blazepose_errors.npz")
# How a landmark is seen. ``hidden`` is behind something else, ``outside`` beyond the border.
CLASSES = ("visible", "self_occluded", "hidden", "outside")
SELF_OCCLUDED = CLASSES.index("self_occluded")


@dataclass(frozen=True)
class MeasuredErrors:
    """offsets: [33, 3] metres in the frame of the joint that carries each landmark: where BlazePose
    puts the landmark of a visible limb, relative to the body model's.
    pools: [33, 4, Q, 3], for each landmark and class Q measured (x, y, confidence), sorted from
    the least to the largest error; errors in units of ``size_of``, after the offset is taken off.
    """

    offsets: np.ndarray
    pools: np.ndarray


def load_measured(path: Path = FILE) -> MeasuredErrors:
    """Raises ValueError if the file is missing or lacks a field."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist; make it with tools/measure_blazepose.py")
    with np.load(path) as file:
        missing = {"offsets", "pools"} - set(file.files)
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}")
        return MeasuredErrors(file["offsets"], file["pools"].astype(np.float32))


def size_of(pixels: np.ndarray) -> np.ndarray:
    """[N] extent of people in the image: the longer side of the box around landmarks [N, K, 2]."""
    return (np.nanmax(pixels, 1) - np.nanmin(pixels, 1)).max(1)
