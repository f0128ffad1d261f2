"""What hides whom in a film, without drawing it: boxes for things, and for other people.

Coarser than a picture and much quicker: enough to train on what stays hidden for
seconds, not to measure anything by.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.sequences.sequence import Sequence, SequenceTruth

CHANCE = 0.6  # of a person before whom something is put that stays there
TRIES = 8
HIDES = (0.08, 0.6)  # share of the person's points, over the film, that it may hide
ROOM = 0.2  # metres around the joints of somebody who hides others


def hidden_over_time(
    film: Sequence, truth: SequenceTruth, points: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """[T, P, K] bool: something or somebody is between the camera and the points [T, P, K, 3]
    (world), among them counters, pillars and walls put there for good for ``CHANCE`` of the people.
    """
    eye = truth.camera_positions[:, None, None]
    people = points.shape[1]
    hidden = np.zeros(points.shape[:3], bool)
    for a, b in _things(film):
        hidden |= _behind(eye, points, a, b)
    for person in range(people):
        if rng.random() > CHANCE:
            continue
        for _ in range(TRIES):
            by = _behind(eye, points, *_put_before(rng, truth, person))
            if HIDES[0] < by[:, person].mean() < HIDES[1] and by.mean() < HIDES[1]:
                hidden |= by
                break
    for mover in film.movers:
        reach = np.abs(mover.prop.vertices[:, ::2]).max()
        top = mover.prop.vertices[:, 1].max()
        half = np.array([0.7 * reach, 0.0, 0.7 * reach])
        at = mover.positions[:, None, None]
        hidden |= _behind(eye, points, at - half, at + half + [0, top, 0])
    for other in range(people):
        joints = truth.joints_world[:, other].astype(float)
        middle = joints[:, :1, [0, 2]]
        a = np.concatenate([middle - ROOM, joints[..., 1].min(1)[:, None, None]], 2)[..., [0, 2, 1]]
        b = np.concatenate([middle + ROOM, joints[..., 1].max(1)[:, None, None]], 2)[..., [0, 2, 1]]
        by = _behind(eye, points, a[:, None], b[:, None])
        by[:, other] = False
        hidden |= by
    return hidden


def _things(film: Sequence) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes about the film's furniture, along the axes of the room: their least and greatest
    corners [3]."""
    pieces = [p.vertices for p in film.props if p.kind == Thing.FURNITURE]
    boxes = [(v.min(0).astype(float), v.max(0).astype(float)) for v in pieces]
    shrink = [0.1 * (high - low) * [1, 0, 1] for low, high in boxes]
    return [(low + s, high - s) for (low, high), s in zip(boxes, shrink, strict=True)]


def _put_before(
    rng: np.random.Generator, truth: SequenceTruth, person: int
) -> tuple[np.ndarray, np.ndarray]:
    """A box between the camera and where the person is at some moment."""
    at = int(rng.integers(len(truth.times)))
    eye = truth.camera_positions[at]
    pelvis = truth.joints_world[at, person, 0].astype(float)
    spot = eye + rng.uniform(0.4, 0.9) * (pelvis - eye)
    spot[[0, 2]] += rng.normal(0, 0.3, 2)
    kind = rng.random()
    if kind < 0.55:  # a table or a counter: hides the legs
        size = np.array([rng.uniform(0.2, 1.0), rng.uniform(0.6, 1.15), rng.uniform(0.2, 1.0)])
        low = 0.0
    elif kind < 0.85:  # a pillar, a door's frame: hides a side
        size = np.array([rng.uniform(0.05, 0.3), 3.0, rng.uniform(0.05, 0.3)])
        low = 0.0
    else:  # what hangs: hides the upper body
        size = np.array([rng.uniform(0.2, 0.6), 1.5, rng.uniform(0.05, 0.3)])
        low = rng.uniform(1.0, 1.4)
    half = np.array([size[0], 0, size[2]])
    floor = np.array([spot[0], low, spot[2]])
    return floor - half, floor + half + [0, size[1], 0]


def _behind(eye: np.ndarray, points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whether the boxes from low to high [..., 3] cut the lines from eye to points [..., 3], clear
    of both ends (slab test)."""
    way = points - eye
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)
    a, b = (low - eye) / way, (high - eye) / way
    enter, leave = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
    return (enter < leave) & (leave > 0.02) & (enter < 0.97)
