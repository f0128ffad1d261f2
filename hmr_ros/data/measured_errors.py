"""BlazePose's own errors, as measured by ``tools/measure_blazepose.py`` on rendered people."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("blazepose_errors.npz")
# How a landmark is seen. ``hidden`` is behind something else, ``outside`` beyond the border.
CLASSES = ("visible", "self_occluded", "hidden", "outside")
SELF_OCCLUDED = CLASSES.index("self_occluded")
OUTSIDE = CLASSES.index("outside")
# Classes of people: by the longer side of their landmarks' box (pixels) and by the share of their
# landmarks that is hidden or outside.
SIZES = (110.0, 200.0)
HIDDEN_SHARES = (0.15, 0.4, 0.65)
FACE = 11  # BlazePose's first landmarks


@dataclass(frozen=True, eq=False)
class MeasuredErrors:
    """What BlazePose gives on people of S = 3 sizes and H = 4 shares of hidden landmarks.

    offsets: [33, 3] metres in the frame of the joint that carries each landmark: where BlazePose
    puts the landmark of a visible limb, relative to the body model's.
    pools: [33, 4, S, Q, 5], for each landmark, class and size Q measured (x, y, confidence, height
    and spread of the heat-map's peak), sorted from the least to the largest error; errors in units
    of ``size_of``, after the offset is taken off; the spread in cells of the 64 x 64 heat-map.
    The error of a landmark outside of the image counts from the nearest place inside, x and y
    positive inwards.
    missed: [S, H, 2] share of people for whom nothing is found in their box: of those with a face
    in the image, and of those most of whose face is ``outside``.
    ranks: [H, D, 4, 33] of D measured people, for each class and landmark the rank of its error in
    the pool, 0 to 1: what belongs together in one person (a copula). Where a person's landmark was
    of another class, the rank is that of an about equally difficult person.
    """

    offsets: np.ndarray
    pools: np.ndarray
    missed: np.ndarray
    ranks: np.ndarray


def load_measured(path: Path = FILE) -> MeasuredErrors:
    """Raises ValueError if the file is missing or lacks a field."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist; make it with tools/measure_blazepose.py")
    with np.load(path) as file:
        names = [f.name for f in fields(MeasuredErrors)]
        missing = set(names) - set(file.files)
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}")
        return MeasuredErrors(**{name: file[name].astype(np.float32) for name in names})


def size_of(pixels: np.ndarray) -> np.ndarray:
    """[N] extent of people in the image: the longer side of the box around landmarks [N, K, 2]."""
    return (np.nanmax(pixels, 1) - np.nanmin(pixels, 1)).max(1)
