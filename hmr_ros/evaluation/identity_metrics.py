"""Whether people are found, and keep their identity through a clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from scipy.optimize import linear_sum_assignment

LEAST_IOU = 0.5
GREATEST_DISTANCE = 0.5  # metres

# Our names of motmetrics' figures. The counts make intervals: idf1 is 2 id_true_positives over
# objects + predictions, 1 - mota is misses + false_positives + switches over objects.
_NAMES = {
    "mota": "mota",
    "motp": "motp",
    "idf1": "idf1",
    "precision": "precision",
    "recall": "recall",
    "num_switches": "switches",
    "num_fragmentations": "fragmentations",
    "mostly_tracked": "mostly_tracked",
    "partially_tracked": "partially_tracked",
    "mostly_lost": "mostly_lost",
    "num_frames": "frames",
    "num_objects": "objects",
    "num_predictions": "predictions",
    "num_misses": "misses",
    "num_false_positives": "false_positives",
    "idtp": "id_true_positives",
}
_RATIOS = {"mota", "motp", "idf1", "precision", "recall"}
OVERALL = "overall"


@dataclass(frozen=True)
class Frame:
    """The P people of a frame and the Q that were reported.

    true_ids [P], ids [Q]: whole numbers, unique in a frame. distances [P, Q]: less is nearer, NaN
    where they may not be matched (``box_distances``, ``point_distances``).
    """

    true_ids: np.ndarray
    ids: np.ndarray
    distances: np.ndarray

    def __post_init__(self) -> None:
        shape = len(self.true_ids), len(self.ids)
        if np.shape(self.distances) != shape:
            raise ValueError(f"distances must be {shape}, got {np.shape(self.distances)}")
        for name, ids in (("true_ids", self.true_ids), ("ids", self.ids)):
            if len(np.unique(ids)) != len(ids):
                raise ValueError(f"{name} of a frame must differ, got {list(ids)}")


def box_iou(boxes_1: np.ndarray, boxes_2: np.ndarray) -> np.ndarray:
    """[P, Q] intersection over union of boxes [P, 4] and [Q, 4]: x, y, width, height."""
    a, b = np.asarray(boxes_1, float)[:, None], np.asarray(boxes_2, float)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    total = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    # Edges of thin boxes round away: never more than 1, so that 1 - IoU is a distance.
    return np.minimum(shared / np.where(total > 0, total, 1), 1)


def box_distances(true: np.ndarray, boxes: np.ndarray, least_iou: float = LEAST_IOU) -> np.ndarray:
    """[P, Q] 1 - IoU, NaN below ``least_iou``; boxes as in ``box_iou``."""
    overlap = box_iou(true, boxes)
    return np.where(overlap >= least_iou, 1 - overlap, np.nan)


def point_distances(
    true: np.ndarray, points: np.ndarray, greatest: float = GREATEST_DISTANCE
) -> np.ndarray:
    """[P, Q] metres between roots [P, 3] and [Q, 3] in one frame, NaN beyond ``greatest``."""
    gap = np.asarray(true, float)[:, None] - np.asarray(points, float)[None]
    distance = np.linalg.norm(gap, axis=-1)
    return np.where(distance <= greatest, distance, np.nan)


def matches(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the most pairs that can be made; among those, the least total distance.

    distances: [P, Q], not negative, NaN where no pair may be made.
    """
    distances = np.asarray(distances, float)
    allowed = np.isfinite(distances)
    if not allowed.any():
        return np.zeros(0, int), np.zeros(0, int)
    forbidden = (distances[allowed].max() + 1) * (min(distances.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, distances, forbidden))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def detection_counts(frames: Iterable[Frame]) -> np.ndarray:
    """[F, 3] a frame: people found, people reported who are not there, people missed."""
    counts = []
    for frame in frames:
        found = len(matches(frame.distances)[0])
        counts.append([found, len(frame.ids) - found, len(frame.true_ids) - found])
    return np.array(counts, int).reshape(-1, 3)


def detection_scores(counts: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of ``detection_counts`` [F, 3]; NaN where nothing is counted."""
    right, wrong, missed = (int(count) for count in np.asarray(counts).sum(0))

    def ratio(part: float, whole: float) -> float:
        return part / whole if whole else float("nan")

    return {
        "precision": ratio(right, right + wrong),
        "recall": ratio(right, right + missed),
        "f1": ratio(2 * right, 2 * right + wrong + missed),
    }


def without(frame: Frame, ignored: np.ndarray) -> Frame:
    """``frame`` less the people ``ignored`` [P] bool and less the reports that fit them best.

    For people who are wholly hidden: to report them is neither asked for nor wrong.
    """
    ignored = np.asarray(ignored, bool)
    rows, columns = matches(frame.distances)
    kept = np.ones(len(frame.ids), bool)
    kept[columns[ignored[rows]]] = False
    return Frame(
        np.asarray(frame.true_ids)[~ignored],
        np.asarray(frame.ids)[kept],
        np.asarray(frame.distances)[~ignored][:, kept],
    )


def tracking_scores(clips: Mapping[str, Sequence[Frame]]) -> dict[str, dict[str, float]]:
    """CLEAR MOT (Bernardin 2008) and IDF1 (Ristani 2016) of each clip and of all, by motmetrics.

    Identities of different clips have nothing to do with each other. ``motp`` is the mean distance
    of matched pairs, in the unit of ``Frame.distances``: less is better. Undefined ratios are NaN.
    ImportError says how to install motmetrics where it is missing.
    """
    motmetrics = _motmetrics()
    if not clips or OVERALL in clips:
        raise ValueError(f"give one clip or more, none of them called {OVERALL!r}")
    accumulators = []
    for frames in clips.values():
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        for frame in frames:
            accumulator.update(list(frame.true_ids), list(frame.ids), frame.distances)
        accumulators.append(accumulator)
    table = motmetrics.metrics.create().compute_many(
        accumulators, metrics=list(_NAMES), names=list(clips), generate_overall=True
    )
    rows = {}
    for clip, (_, row) in zip([*clips, OVERALL], table.iterrows(), strict=True):
        figures = {ours: float(row[theirs]) for theirs, ours in _NAMES.items()}
        rows[clip] = {
            name: (value if np.isfinite(value) else float("nan")) if name in _RATIOS else int(value)
            for name, value in figures.items()
        }
    return rows


def _motmetrics() -> ModuleType:
    try:
        import motmetrics
    except ImportError as error:
        raise ImportError(
            "tracking figures need motmetrics: "
            "pip install -c requirements/constraints.txt motmetrics"
        ) from error
    return motmetrics
