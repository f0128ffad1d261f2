"""Boxes a user gives for the images of a run: the file, read and checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


class BoxesError(ValueError):
    """A boxes file that cannot be used; the text names the file and the entry."""


def read_boxes(path: str | Path) -> list[tuple[str, np.ndarray]]:
    """``[{"image": "name.jpg", "bbox": [x, y, w, h]}, ...]`` as (name, [4] float32), in order."""
    path = Path(path)
    try:
        entries = json.loads(path.read_text())
    except OSError as error:
        raise BoxesError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BoxesError(f"{path}: is no JSON ({error})") from None
    if not isinstance(entries, list):
        raise BoxesError(f'{path}: expected a list of {{"image": ..., "bbox": [x, y, w, h]}}')
    boxes = []
    for i, entry in enumerate(entries):
        try:
            name, box = str(entry["image"]), np.array(entry["bbox"], np.float32)
        except (KeyError, TypeError, ValueError):
            raise BoxesError(f'{path}: entry {i} lacks "image" or a numeric "bbox"') from None
        if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= 0).any():
            raise BoxesError(
                f"{path}: entry {i}: bbox {entry['bbox']} is not x, y, width > 0, height > 0"
            )
        boxes.append((name, box))
    return boxes
