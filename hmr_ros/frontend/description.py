"""Answers of the landmark network as ``People``."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from hmr_ros.frontend.boxes import around, clipped
from hmr_ros.frontend.landmarks import POINTS, Landmarks
from hmr_ros.people import People

# The landmarks leave out the top of the head, the fingers and the toes.
BOX_MARGIN = 0.08
PRESENT = 0.5


def boxes_of(seen: Landmarks, image: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] around the landmarks that are present, clipped to the image."""
    height, width = image.shape[:2]
    boxes = [
        around(points[presence >= PRESENT], BOX_MARGIN)
        for points, presence in zip(seen.points, seen.presence, strict=True)
    ]
    return clipped(np.array(boxes).reshape(-1, 4), width, height)


def described(seen: Landmarks, boxes: np.ndarray, source: np.ndarray, image: np.ndarray) -> People:
    """Answers of the landmark network as People.

    The confidence of a keypoint is visibility times presence, and 0 outside the image.
    """
    height, width = image.shape[:2]
    inside = ((seen.points >= 0) & (seen.points < (width, height))).all(-1)
    confidence = seen.visibility * seen.presence * inside
    return People(
        boxes=boxes,
        scores=seen.flags,
        keypoints=np.concatenate([seen.points, confidence[..., None]], -1).astype(np.float32),
        found=np.ones(len(seen), bool),
        keypoint_set="blazepose33",
        source=source,
        presence=seen.presence * inside,
        heatmaps=seen.heatmaps,
        masks=seen.masks,
        crops=seen.crops,
        world=seen.world,
        features=seen.features,
    )


def nothing_in(boxes: np.ndarray, source: np.ndarray) -> People:
    """One row a box, nobody found."""
    count = len(boxes)
    return People(
        boxes=boxes,
        scores=np.zeros(count, np.float32),
        keypoints=np.zeros((count, POINTS, 3), np.float32),
        found=np.zeros(count, bool),
        keypoint_set="blazepose33",
        source=source,
    )


def written_over(blank: People, rows: np.ndarray, people: People) -> People:
    """``blank`` with ``people`` in some rows; 0 elsewhere in fields that only ``people`` has."""
    merged = {}
    for field in fields(people):
        value, rest = getattr(people, field.name), getattr(blank, field.name)
        if isinstance(value, np.ndarray):
            if rest is None:
                rest = np.zeros((len(blank), *value.shape[1:]), value.dtype)
            merged[field.name] = rest.copy()
            merged[field.name][rows] = value
    return blank.replace(**merged)
