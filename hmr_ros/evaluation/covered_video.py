"""Real people, half of each covered for a while: where are the joints that cannot be seen?

No video of people comes with the truth of what is hidden. But what a board hides that is painted
over the picture, the front end has seen without it: its confident keypoints of the clear video are
what bodies of the covered one are judged by, in the image. Joints in view are told beside, but of
them the keypoints that bodies come from and are judged by are the same ones, with the same errors:
who copies them is right there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hmr_ros.body.keypoints import keypoints
from hmr_ros.evaluation.bootstrap import mean_interval, paired_difference
from hmr_ros.evaluation.coco import BLAZEPOSE_TO_COCO, KEYPOINTS
from hmr_ros.evaluation.keypoint_metrics import THRESHOLD
from hmr_ros.frame import Frame
from hmr_ros.pipeline import Pipeline
from hmr_ros.tracks import Tracks, TrackState

LIMB = BLAZEPOSE_TO_COCO[5:]  # shoulders to wrists, hips to ankles among BlazePose's 33
SURE = 0.8  # confidence of keypoints to judge by
SMALLEST = 64  # pixels: height of a box
CLEAR_S, COVERED_S = 2.0, 2.0  # in turns, from when a person is first seen
LASTING_S = 1.0
BOARD = (104, 112, 120)  # BGR
SAME_BOX = 1.0  # pixels


@dataclass(frozen=True)
class Sighting:
    """The people of one clear picture who are large enough. ids [N]; boxes [N, 4] x, y, width,
    height; keypoints [N, 33, 3] pixels and confidence; covered_s [N]: for how long each has been
    covered, negative if clear; boards [N, 4] left, top, right, bottom."""

    ids: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    covered_s: np.ndarray
    boards: np.ndarray


@dataclass(frozen=True)
class Judged:
    """A person in a picture. away: by model [12] distance of the limb keypoints over the longer
    side of the box; sure, covered: [12] bool."""

    id: int
    covered_s: float
    sure: np.ndarray
    covered: np.ndarray
    away: dict[str, np.ndarray]


def sightings(tracked: Iterable[Tracks]) -> Iterator[Sighting]:
    """Of the people of a clear video in order, and where boards are to be."""
    first: dict[int, float] = {}
    for tracks in tracked:
        bodies = tracks.bodies
        rows = np.flatnonzero(
            (tracks.states == TrackState.TRACKED) & (bodies.boxes[:, 3] >= SMALLEST)
        )
        ids, boxes = tracks.ids[rows], bodies.boxes[rows]
        ages = np.array([tracks.stamp - first.setdefault(int(i), tracks.stamp) for i in ids])
        turn, within = np.divmod(ages, CLEAR_S + COVERED_S)
        yield Sighting(
            ids=ids,
            boxes=boxes,
            keypoints=bodies.keypoints_2d[rows],
            covered_s=within - CLEAR_S,
            boards=boards(boxes, (ids + turn) % 2 == 0),
        )


def boards(boxes: np.ndarray, low: np.ndarray) -> np.ndarray:
    """[N, 4] left, top, right, bottom in whole pixels, for boxes [N, 4]: where ``low`` [N] over
    what is below the hips, as a counter hides it, else over the left half, as a door frame does."""
    x, y, width, height = boxes.T
    left = np.where(low, x - 0.25 * width, x - 0.4 * width)
    right = np.where(low, x + 1.25 * width, x + 0.5 * width)
    top = np.where(low, y + 0.5 * height, y - 0.05 * height)
    return np.round(np.stack([left, top, right, y + 1.1 * height], 1)).astype(int)


def covered(image: np.ndarray, seen: Sighting) -> tuple[np.ndarray, np.ndarray]:
    """``painted`` with boards over those whose turn it is."""
    return painted(image, seen.boards[seen.covered_s >= 0])


def painted(image: np.ndarray, boards: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A copy of the picture [H, W, 3] with ``boards``, and where they lie [H, W] bool."""
    image, where = image.copy(), np.zeros(image.shape[:2], bool)
    for board in boards:
        left, top, right, bottom = np.maximum(board, 0)
        image[top:bottom, left:right] = BOARD
        where[top:bottom, left:right] = True
    return image, where


def judged(
    frames: Iterable[Frame], seen: Iterable[Sighting], pipelines: Mapping[str, Pipeline]
) -> Iterator[list[Judged]]:
    """What every pipeline says of the covered pictures, in the boxes of the clear ones; of a
    picture those whom all of them report. frames: the clear ones, which ``seen`` is of."""
    for clear, people in zip(frames, seen, strict=True):
        image, where = covered(clear.image, people)
        frame = replace(clear, image=image)
        said: dict[str, dict[int, np.ndarray]] = {}
        for name, pipeline in pipelines.items():
            tracks = pipeline(frame, boxes=people.boxes)
            rows, bodies = _rows_of(tracks, people), tracks.bodies
            if not said:
                own = bodies.keypoints_2d[:, LIMB, :2]
                said[KEYPOINTS] = {n: own[m] for n, m in rows.items()}
            smpl = bodies.rotations, bodies.betas, bodies.transl
            places = keypoints(pipeline.body, *smpl, "blazepose33")[:, LIMB]
            points = frame.camera.project(places)
            said[name] = {n: points[m] for n, m in rows.items()}
        together = set.intersection(*(set(points) for points in said.values()))
        yield [_judged(people, row, where, said) for row in sorted(together)]


def _judged(
    people: Sighting, row: int, where: np.ndarray, said: Mapping[str, Mapping[int, np.ndarray]]
) -> Judged:
    meant = people.keypoints[row, LIMB]
    height, width = where.shape
    x, y = (np.clip(meant[:, :2].astype(int), 0, [width - 1, height - 1])).T
    size = max(people.boxes[row, 2:])
    return Judged(
        id=int(people.ids[row]),
        covered_s=float(people.covered_s[row]),
        sure=meant[:, 2] >= SURE,
        covered=where[y, x],
        away={
            name: np.linalg.norm(points[row] - meant[:, :2], axis=1) / size
            for name, points in said.items()
        },
    )


def _rows_of(tracks: Tracks, people: Sighting) -> dict[int, int]:
    """Row of ``tracks`` by row of ``people``: who is looked for in a given box comes back in it."""
    now = np.flatnonzero(tracks.states == TrackState.TRACKED)
    if not len(now) or not len(people.boxes):
        return {}
    gaps = np.abs(tracks.bodies.boxes[now][:, None] - people.boxes[None]).max(-1)
    return {int(n): int(now[m]) for m, n in zip(*np.nonzero(gaps < SAME_BOX), strict=True)}


SUBSETS: dict[str, Callable[[Judged], np.ndarray]] = {
    "covered": lambda one: one.covered,
    f"covered for {LASTING_S:.0f} s": lambda one: one.covered & (one.covered_s >= LASTING_S),
    "in view": lambda one: ~one.covered,
}


def rows_of(people: list[Judged]) -> list[dict]:
    """A row a model and subset of sure limb joints: mean distance in percent of the box's longer
    side, and the share within ``THRESHOLD`` of it (``pck``); intervals draw people anew. Of all but
    the first model how much farther off than that they are too, paired: ``more_percent``."""
    rows = []
    if not people:
        return rows
    ids, names = np.array([one.id for one in people]), list(people[0].away)
    away = {name: 100 * np.array([one.away[name] for one in people]) for name in names}
    first = next(name for name in names if name != KEYPOINTS)
    for subset, chosen in SUBSETS.items():
        counted = np.array([one.sure & chosen(one) for one in people])
        if not counted.any():
            continue
        for name, distance in away.items():
            mean = mean_interval(distance, counted, ids)
            right = mean_interval((distance <= 100 * THRESHOLD).astype(float), counted, ids)
            row = {"joints": subset, "n": int(counted.sum()), "model": name, "people": mean.n}
            row |= {"away_percent": mean.value, "pck": right.value}
            row["ci95"] = {"away_percent": list(mean[1:3]), "pck": list(right[1:3])}
            if name != first:
                gap = paired_difference(distance, away[first], counted, ids)
                row["more_percent"] = gap.value
                row["ci95"]["more_percent"] = [gap.low, gap.high]
            rows.append(row)
    return rows
