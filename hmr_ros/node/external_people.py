"""People found by another node: checked, and brought together with their images."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np

from hmr_ros.people import KEYPOINT_SETS, People, no_people

KEPT = 12  # images that wait for their people, and the other way round


class PeopleError(ValueError):
    """People of another node that cannot be used; the text names the field."""


def people_from_message(
    message, settings: SimpleNamespace
) -> tuple[People | None, np.ndarray | None]:
    """People, or boxes [N, 4] (x, y, width, height in pixels), of a ``hmr_ros/Person2DArray``.

    Boxes if at least one person comes without keypoints: then all of them are looked at by the
    node itself. At most ``max_people`` of ``min_score`` or more, largest first.

    Raises PeopleError.
    """
    persons = [p for p in message.people if p.score >= settings.min_score]
    if not persons:
        return no_people(), None
    sets = {p.keypoint_set for p in persons}
    boxes = np.array([p.box for p in persons], np.float32).reshape(-1, 4)
    if "" in sets:
        return None, boxes[_largest(boxes, settings.max_people)]
    if len(sets) > 1 or not sets <= set(KEYPOINT_SETS):
        raise PeopleError(
            f"people_2d: keypoint_set {', '.join(sorted(sets))}: one of "
            f"{', '.join(KEYPOINT_SETS)} for all people of a message, or empty for boxes"
        )
    (name,) = sets
    count = KEYPOINT_SETS[name]
    wrong = [len(p.keypoints) for p in persons if len(p.keypoints) != 3 * count]
    if wrong:
        raise PeopleError(
            f"people_2d: keypoints holds {wrong[0]} numbers, {name} needs 3 x {count}"
        )
    keypoints = np.array([p.keypoints for p in persons], np.float32).reshape(-1, count, 3)
    finite = np.isfinite(keypoints).all(-1)
    keypoints = np.where(finite[..., None], keypoints, 0).astype(np.float32)
    keypoints[..., 2] = np.clip(keypoints[..., 2], 0, 1)
    unset = (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0)
    boxes[unset] = _around(keypoints[unset])
    people = People(
        boxes=boxes,
        scores=np.array([p.score for p in persons], np.float32),
        keypoints=keypoints,
        found=(keypoints[..., 2] > 0).any(-1),
        keypoint_set=name,
        source=np.full(len(persons), "topic"),
    )
    return people[_largest(boxes, settings.max_people)], None


def boxes_from_detections(message, settings: SimpleNamespace) -> np.ndarray:
    """Boxes [N, 4] of the people in a ``vision_msgs/Detection2DArray``, largest first."""
    wanted = {c.strip() for c in settings.person_classes.split(",") if c.strip()}
    boxes = []
    for detection in message.detections:
        hypotheses = [r.hypothesis for r in detection.results]
        best = max(hypotheses, key=lambda h: h.score, default=None)
        known = best is not None  # a detector of one class may leave the hypotheses out
        if known and best.score < settings.min_score:
            continue
        if known and wanted and best.class_id not in wanted:
            continue
        box = detection.bbox
        x, y = box.center.position.x, box.center.position.y
        boxes.append((x - box.size_x / 2, y - box.size_y / 2, box.size_x, box.size_y))
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return array[_largest(array, settings.max_people)]


class StampPairs:
    """Brings images and people of equal stamps together, whichever comes first.

    Both sides are bounded: what has not met its partner after ``KEPT`` more is forgotten.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, OrderedDict] = {"image": OrderedDict(), "people": OrderedDict()}

    def add_image(self, message) -> tuple | None:
        """(image, people) if the people are here already."""
        return self._meet("image", "people", message)

    def add_people(self, message) -> tuple | None:
        """(image, people) if the image is here already."""
        pair = self._meet("people", "image", message)
        return pair and pair[::-1]

    def clear(self) -> None:
        for side in self._waiting.values():
            side.clear()

    def _meet(self, own: str, other: str, message) -> tuple | None:
        header = getattr(message, "image", message).header
        stamp = (header.stamp.sec, header.stamp.nanosec)
        partner = self._waiting[other].pop(stamp, None)
        if partner is not None:
            return message, partner
        side = self._waiting[own]
        side[stamp] = message
        while len(side) > KEPT:
            side.popitem(last=False)
        return None


def _largest(boxes: np.ndarray, most: int) -> np.ndarray:
    """Indices of the ``most`` largest boxes that are finite and not empty."""
    area = boxes[:, 2] * boxes[:, 3]
    usable = np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)
    order = np.argsort(-np.where(usable, area, -np.inf), kind="stable")
    return order[: min(most, int(usable.sum()))]


def _around(keypoints: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] around the keypoints [N, K, 3] that are not missing; empty if all are."""
    seen = keypoints[..., 2:] > 0
    low = np.where(seen, keypoints[..., :2], np.inf).min(1)
    high = np.where(seen, keypoints[..., :2], -np.inf).max(1)
    boxes = np.concatenate([low, high - low], 1)
    return np.where(np.isfinite(boxes), boxes, 0).astype(np.float32)
