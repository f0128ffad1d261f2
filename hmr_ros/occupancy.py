"""Where people may be: capsules of body parts that grow with the uncertainty of their joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.body.segments import SEGMENTS
from hmr_ros.compiled import compiled
from hmr_ros.regions import radius2

SMALLEST = 1e-6  # of a variance, m^2: what rounding leaves may be negative
PARTS = np.array([part for part, _, _ in SEGMENTS], np.uint8)
# Joints at the ends of each segment. A part that ends in no joint is as uncertain at its end as at
# its beginning.
FIRST = np.array([a for _, a, _ in SEGMENTS])
LAST = np.array([a if b is None else b for _, a, b in SEGMENTS])


@dataclass(frozen=True)
class Capsules(EqualLength):
    """K capsules: person [K] row of the bodies, part [K] joint that moves it, start and end [K, 3]
    metres in the camera frame, start_radius and end_radius [K] metres, visibility [K]."""

    person: np.ndarray
    part: np.ndarray
    start: np.ndarray
    end: np.ndarray
    start_radius: np.ndarray
    end_radius: np.ndarray
    visibility: np.ndarray


def capsules(
    bodies: Bodies, vertices: np.ndarray, body: BodyModel, level: float = 0.95
) -> Capsules:
    """24 capsules a body, in order.

    vertices: [N, V, 3] of the posed bodies, camera frame. A capsule holds the flesh of its part,
    and each of its ends grows by ``joint_radii``. Raises ValueError for a ``level`` outside of
    0..1; 0 is the flesh alone.
    """
    start, end, flesh = _flesh(bodies.joints, vertices, body)
    reach = joint_radii(bodies, level)
    people, parts = len(bodies), len(SEGMENTS)
    return Capsules(
        person=np.repeat(np.arange(people), parts),
        part=np.tile(PARTS, people),
        start=start.reshape(-1, 3),
        end=end.reshape(-1, 3),
        start_radius=(flesh + reach[:, FIRST]).reshape(-1),
        end_radius=(flesh + reach[:, LAST]).reshape(-1),
        visibility=np.minimum(bodies.visibility[:, FIRST], bodies.visibility[:, LAST]).reshape(-1),
    )


def warm_up(vertices: np.ndarray, body: BodyModel) -> None:
    """Compile what ``capsules`` needs, on any mesh."""
    _flesh(np.zeros((len(vertices), 24, 3), np.float32), vertices, body)


def inflated(points: np.ndarray, parts: np.ndarray, bodies: Bodies, level: float) -> np.ndarray:
    """Points [N, P, 3] on the flesh of ``parts`` [P], moved straight away from their parts' axes by
    the credible radius there: the surface of what ``capsules`` holds, in the flesh's own shape."""
    reach = joint_radii(bodies, level)
    first, last = FIRST[parts], LAST[parts]
    joints = bodies.joints.astype(np.float64)
    at, away = _from_axis(points, joints[:, first], joints[:, last])
    away /= np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
    room = (1 - at) * reach[:, first] + at * reach[:, last]
    return points + room[..., None] * away


def joint_radii(bodies: Bodies, level: float) -> np.ndarray:
    """[N, 24] metres: ``credible_radius`` of each joint's place in the camera frame, by its own
    covariance about the pelvis and the pelvis' together. The tail of the sum is taken to be between
    the two, as much nearer to one as that has more variance."""
    about, pelvis = bodies.joint_cov.astype(np.float64), bodies.transl_cov.astype(np.float64)
    own, common = np.trace(about, axis1=-2, axis2=-1), np.trace(pelvis, axis1=-2, axis2=-1)[:, None]
    share = own / np.maximum(own + common, SMALLEST)
    tail = share * bodies.joint_tails + (1 - share) * bodies.joint_tails[:, :1]
    return credible_radius(about + pelvis[:, None], level, tail)


def credible_radius(
    covariance: np.ndarray, level: float, tail: np.ndarray | float = 0.0
) -> np.ndarray:
    """Radii [...] of balls that hold an error of covariance [..., 3, 3] and ``tail`` [...]
    (``hmr_ros.regions``) with probability ``level``.

    A Gaussian's squared length is a weighted sum of chi-squares, taken as a scaled chi-square of
    the same mean and variance (Satterthwaite 1946): within 3 points of the level from 0.5 up. A
    Student t divides both by the same chi-square. Raises ValueError for a ``level`` outside of
    0..1.
    """
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    square = np.maximum((covariance * np.swapaxes(covariance, -1, -2)).sum((-1, -2)), SMALLEST**2)
    trace = np.maximum(trace, SMALLEST)
    scale, dimensions = square / trace, trace**2 / square
    return np.sqrt(scale * radius2(level, tail, dimensions))


def volumes(found: Capsules) -> np.ndarray:
    """[K] cubic metres: a truncated cone between two half balls."""
    length = np.linalg.norm(found.end - found.start, axis=1)
    r, q = found.start_radius, found.end_radius
    return np.pi * (length * (r * r + r * q + q * q) / 3 + 2 / 3 * (r**3 + q**3))


def beyond(found: Capsules, points: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """[N, P] metres by which points [N, P, 3] of ``parts`` [P] lie outside of their own parts'
    capsules; negative inside. ``found`` are all capsules of N bodies, in order."""
    shape = (-1, len(SEGMENTS))
    start, end = (v.reshape(*shape, 3)[:, parts] for v in (found.start, found.end))
    first, last = (v.reshape(shape)[:, parts] for v in (found.start_radius, found.end_radius))
    at, gap = _from_axis(points, start, end)
    return np.linalg.norm(gap, axis=-1) - ((1 - at) * first + at * last)


def _from_axis(
    points: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share [...] of the way along segments at which points [..., 3] are nearest, and the steps
    [..., 3] from there to them."""
    along = end - start
    length2 = np.maximum((along**2).sum(-1), 1e-12)
    at = np.clip(((points - start) * along).sum(-1) / length2, 0, 1)
    return at, points - (start + at[..., None] * along)


def _flesh(
    joints: np.ndarray, vertices: np.ndarray, body: BodyModel
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start and end [N, 24, 3], and the radius [N, 24] that holds all flesh of the part."""
    start, end = (joints.take(ends, 1).astype(np.float64) for ends in (FIRST, LAST))
    for row, own in _tips(body):
        # Half as far again as the middle of the flesh.
        end[:, row] += 1.5 * (vertices[:, own].mean(1) - start[:, row])
    parts = np.ascontiguousarray(body.part_id)
    return start, end, _radii(np.ascontiguousarray(vertices), parts, start, end)


@lru_cache(maxsize=4)
def _tips(body: BodyModel) -> list[tuple[int, np.ndarray]]:
    """Rows of the segments that end in no joint but in flesh, and the vertices of that."""
    ends = [
        (row, np.flatnonzero(body.part_id == part))
        for row, (part, _, joint) in enumerate(SEGMENTS)
        if joint is None
    ]
    return [(row, own) for row, own in ends if len(own)]


@compiled
def _radii(vertices, parts, start, end):
    """Greatest distance [N, 24] of each part's vertices from its segment; 0 without any."""
    out = np.zeros(start.shape[:2])
    for n in range(len(vertices)):
        for v in range(vertices.shape[1]):
            k = parts[v]
            length2 = at = 0.0
            for a in range(3):
                step = end[n, k, a] - start[n, k, a]
                length2 += step * step
                at += (vertices[n, v, a] - start[n, k, a]) * step
            at = min(max(at / max(length2, 1e-12), 0.0), 1.0)
            square = 0.0
            for a in range(3):
                place = start[n, k, a] + at * (end[n, k, a] - start[n, k, a])
                square += (vertices[n, v, a] - place) ** 2
            out[n, k] = max(out[n, k], square)
    return np.sqrt(out)
