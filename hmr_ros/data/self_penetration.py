"""Whether the limbs of a pose pass through the body: a quick test with capsules.

A capsule is a segment with a radius at each end, rigid with one joint. It is fitted to the skin of
the shaped body in the T-pose: its ends move sideways to where they are deepest in the flesh, and
the radii are the distances to the skin there. So capsules lie inside, and two that reach into each
other by more than flesh gives way are a penetration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BETAS, BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.rounding import rounded

# The joint a capsule moves with, and both ends as weights of rest joints.
_Ends = tuple[int, dict[int, float], dict[int, float]]
_TRUNK: dict[str, _Ends] = {
    "hips": (0, {1: 0.75, 2: 0.25}, {1: 0.25, 2: 0.75}),
    "belly": (3, {3: 0.5, 6: 0.5, 1: 0.25, 2: -0.25}, {3: 0.5, 6: 0.5, 1: -0.25, 2: 0.25}),
    "chest": (9, {9: 0.65, 16: 0.35}, {9: 0.65, 17: 0.35}),
    "shoulders": (9, {9: 0.25, 12: 0.25, 16: 0.5}, {9: 0.25, 12: 0.25, 17: 0.5}),
    "neck": (12, {12: 1.0}, {15: 1.0}),
    "head": (15, {15: 1.3, 12: -0.3}, {15: 1.8, 12: -0.8}),
}
_LEFT_LIMBS: dict[str, _Ends] = {
    "upper_arm": (16, {16: 0.5, 18: 0.5}, {18: 1.0}),
    "forearm": (18, {18: 1.0}, {20: 1.0}),
    "hand": (20, {20: 1.0}, {22: 0.8, 20: 0.2}),
    "thigh": (1, {1: 0.7, 4: 0.3}, {4: 1.0}),
    "shin": (4, {4: 1.0}, {7: 1.0}),
    "foot": (7, {7: 0.9, 10: 0.1}, {10: 1.0}),
}
# Neighbours that always touch, on the same side of the body, and the trunk's own capsules.
_NEIGHBOURS = {
    ("upper_arm", "forearm"),
    ("forearm", "hand"),
    ("upper_arm", "hand"),
    ("thigh", "shin"),
    ("shin", "foot"),
    ("upper_arm", "shoulders"),
    ("thigh", "hips"),
}
# Metres that the skin of two capsules may overlap: flesh gives way, and clothes are not skin.
_GIVES = 0.018
_SOFT = {("belly", "thigh"): 0.045, ("chest", "thigh"): 0.035, ("thigh", "thigh"): 0.03}
_SOFT |= {("chest", "upper_arm"): 0.052, ("belly", "upper_arm"): 0.03, ("hips", "shin"): 0.03}
_SOFT |= {("thigh", "foot"): 0.03, ("hips", "foot"): 0.03, ("hand", "hand"): 0.01}


@dataclass(frozen=True, eq=False)
class Capsules:
    """K capsules of a body, and the P pairs of them that must not overlap.

    names: K. joint: [K] int64. ends: [K, 2, 3] metres from that joint in the T-pose. radii: [K, 2].
    pairs: [P, 2] int64. gives: [P] metres of overlap allowed. rest: [24, 3] rest joints.
    parents: [24].
    """

    names: tuple[str, ...]
    joint: np.ndarray
    ends: np.ndarray
    radii: np.ndarray
    pairs: np.ndarray
    gives: np.ndarray
    rest: np.ndarray
    parents: np.ndarray


@lru_cache(maxsize=4)
def mean_capsules(body: BodyModel) -> Capsules:
    """``fitted_capsules`` of the mean shape, made once."""
    return fitted_capsules(body)


def fitted_capsules(body: BodyModel, betas: np.ndarray | None = None) -> Capsules:
    """The capsules of a body with shape ``betas`` [10] (None: the mean)."""
    betas = np.zeros(BETAS) if betas is None else np.asarray(betas, np.float64)
    rest = rounded(rest_joints(body, betas[None])[0])
    skin = body.v_template.astype(np.float64) + (body.shapedirs.astype(np.float64) * betas).sum(-1)
    parts = dict(_TRUNK)
    for side, sign in (("left", 0), ("right", 1)):
        for name, (joint, *ends) in _LEFT_LIMBS.items():
            both = [{j + sign: w for j, w in end.items()} for end in ends]
            parts[f"{side}_{name}"] = (joint + sign, *both)
    names, joint = tuple(parts), np.array([p[0] for p in parts.values()])
    ends, radii = np.zeros((len(parts), 2, 3)), np.zeros((len(parts), 2))
    for k, (_, *pair) in enumerate(parts.values()):
        raw = [sum(w * rest[j] for j, w in end.items()) for end in pair]
        for e, point in enumerate(raw):
            ends[k, e], radii[k, e] = _deepest(point, raw[1] - raw[0], skin)
    pairs = np.array([p for p in np.ndindex(len(names), len(names)) if _may_not_touch(names, *p)])
    local = ends - rest[joint][:, None]
    capsules = Capsules(
        names, joint, local, radii, pairs, _allowed(names, pairs), rest, body.parents.astype(int)
    )
    # What overlaps in the T-pose does so always.
    apart = depths(capsules, np.tile(np.eye(3), (1, 24, 1, 1)))[0] <= 0
    return Capsules(
        names,
        joint,
        local,
        radii,
        pairs[apart],
        capsules.gives[apart],
        rest,
        capsules.parents,
    )


def penetrates(body: BodyModel, rotations: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Whether poses with local ``rotations`` [N, 24, 3, 3] go through the mean body: [N] bool.

    margin: metres of overlap beyond what is allowed anyway.
    """
    return overlap(mean_capsules(body), rotations) > margin


def overlap(capsules: Capsules, rotations: np.ndarray) -> np.ndarray:
    """Metres by which the worst pair of capsules overlaps more than allowed; [N], mostly < 0.

    rotations: [N, 24, 3, 3] local; the global orientation does not matter.
    """
    return (depths(capsules, rotations) - capsules.gives).max(-1)


def depths(capsules: Capsules, rotations: np.ndarray) -> np.ndarray:
    """Overlap in metres (< 0: apart) of each pair, [N, P]; rotations [N, 24, 3, 3] local."""
    c = capsules
    rotations = np.ascontiguousarray(rotations, np.float64)
    out = np.empty((len(rotations), len(c.pairs)))
    _depths(rotations, c.rest, c.parents, c.joint, c.ends, c.radii, c.pairs, out)
    return out


def _deepest(point: np.ndarray, along: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, float]:
    """The place across ``along`` near ``point`` that is farthest from the skin, and how far."""
    across = _perpendicular(along)
    skin = skin[np.abs(skin - point).max(1) < 0.25]
    best = _gaps(point[None], skin)[0]
    start, limit = point, best
    for step in (0.02, 0.01, 0.005, 0.0025):
        for _ in range(4):
            moves = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
            tried = rounded([point + step * (a * across[0] + b * across[1]) for a, b in moves])
            reach = _gaps(tried, skin)
            reach[_gaps(tried, start[None]) > limit] = 0  # stays in the flesh
            if reach.max() <= best:
                break
            best, point = reach.max(), tried[reach.argmax()]
    return point, float(best)


def _perpendicular(along: np.ndarray) -> np.ndarray:
    """[2, 3] unit vectors at right angles to ``along`` and to each other."""
    least = np.eye(3)[rounded(np.abs(along)).argmin()]
    first = np.cross(along, least)
    first = first / np.sqrt((first**2).sum())
    second = np.cross(along, first)
    return np.stack([first, second / np.sqrt((second**2).sum())])


def _gaps(points: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """[N] metres from points [N, 3] to the nearest of [S, 3]."""
    return rounded(np.sqrt(((skin - points[:, None]) ** 2).sum(-1).min(1)))


def _plain(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _may_not_touch(names: tuple[str, ...], a: int, b: int) -> bool:
    if a >= b or (names[a] in _TRUNK and names[b] in _TRUNK):
        return False
    pair = _plain(names[a]), _plain(names[b])
    neighbours = pair in _NEIGHBOURS or pair[::-1] in _NEIGHBOURS
    across = {names[a].split("_")[0], names[b].split("_")[0]} == {"left", "right"}
    return across or not neighbours


def _allowed(names: tuple[str, ...], pairs: np.ndarray) -> np.ndarray:
    plain = [(_plain(names[a]), _plain(names[b])) for a, b in pairs]
    return np.array([_SOFT.get(p, _SOFT.get(p[::-1], _GIVES)) for p in plain])


@reproducible
def _depths(rotations, rest, parents, joint, ends, radii, pairs, out):
    count = len(joint)
    turns, places = np.empty((24, 3, 3)), np.empty((24, 3))
    tips = np.empty((count, 2, 3))
    for n in range(rotations.shape[0]):
        turns[0], places[0] = np.eye(3), rest[0]
        for j in range(1, 24):
            p = parents[j]
            for a in range(3):
                places[j, a] = places[p, a]
                for b in range(3):
                    places[j, a] += turns[p, a, b] * (rest[j, b] - rest[p, b])
                    entry = 0.0
                    for c in range(3):
                        entry += turns[p, a, c] * rotations[n, j, c, b]
                    turns[j, a, b] = entry
        for k in range(count):
            j = joint[k]
            for e in range(2):
                for a in range(3):
                    tips[k, e, a] = places[j, a]
                    for b in range(3):
                        tips[k, e, a] += turns[j, a, b] * ends[k, e, b]
        for m in range(pairs.shape[0]):
            k, i = pairs[m, 0], pairs[m, 1]
            out[n, m] = _capsule_depth(tips[k], radii[k], tips[i], radii[i])


@reproducible
def _capsule_depth(one, one_radii, other, other_radii):
    """Overlap where two segments are nearest (Ericson, Real-Time Collision Detection, 5.1.9)."""
    a = b = c = d = e = 0.0
    for x in range(3):
        u, v, w = one[1, x] - one[0, x], other[1, x] - other[0, x], one[0, x] - other[0, x]
        a += u * u
        b += u * v
        c += u * w
        d += v * v
        e += v * w
    s, spread = 0.0, a * d - b * b
    if spread > 1e-12:
        s = min(max((b * e - c * d) / spread, 0.0), 1.0)
    t = (b * s + e) / d
    if t < 0:
        t, s = 0.0, min(max(-c / a, 0.0), 1.0)
    elif t > 1:
        t, s = 1.0, min(max((b - c) / a, 0.0), 1.0)
    distance = 0.0
    for x in range(3):
        gap = (
            one[0, x] + s * (one[1, x] - one[0, x]) - other[0, x] - t * (other[1, x] - other[0, x])
        )
        distance += gap * gap
    reach = one_radii[0] + s * (one_radii[1] - one_radii[0])
    reach += other_radii[0] + t * (other_radii[1] - other_radii[0])
    return reach - np.sqrt(distance)
