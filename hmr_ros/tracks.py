"""Bodies with identity: what the pipeline returns for one frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from hmr_ros.bodies import Bodies


class TrackState(IntEnum):
    """Life of a track; the values are those of ``SmplBody.msg``."""

    TENTATIVE = 0  # seen too few times to be published
    TRACKED = 1  # seen in this image
    COASTING = 2  # not seen in this image: predicted, with growing covariance


@dataclass(frozen=True)
class Tracks:
    """The people of one frame, sorted by id, and what it took to find them.

    bodies:   the smoothed, metrically placed bodies (N of them).
    ids:      [N] int64, stable while a person is in view, never used again within a run.
    states:   [N] uint8, values of ``TrackState``.
    ages_s:   [N] float32, seconds since the track was first seen.
    stamp:    the frame's time, seconds.
    timings_ms: time spent in each stage of the pipeline for this frame.
    """

    bodies: Bodies
    ids: np.ndarray
    states: np.ndarray
    ages_s: np.ndarray
    stamp: float
    timings_ms: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.bodies)
        if not len(self.ids) == len(self.states) == len(self.ages_s) == n:
            raise ValueError(
                f"Tracks: {n} bodies, {len(self.ids)} ids, {len(self.states)} states, "
                f"{len(self.ages_s)} ages"
            )

    def __len__(self) -> int:
        return len(self.ids)


def of_one_picture(bodies: Bodies, stamp: float, counted: bool = True) -> Tracks:
    """Bodies of a picture that stands by itself, all seen now. Ids are 1, 2, ... in their order, or
    -1 unless ``counted``."""
    n = len(bodies)
    return Tracks(
        bodies=bodies,
        ids=np.arange(1, n + 1) if counted else np.full(n, -1),
        states=np.full(n, TrackState.TRACKED, np.uint8),
        ages_s=np.zeros(n, np.float32),
        stamp=stamp,
    )
