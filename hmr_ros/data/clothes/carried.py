"""Things in people's hands, chosen by what the pose allows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.grips import PALM, Hand, Stance, stance
from hmr_ros.data.clothes.parts import (
    Part,
    assembled,
    dot,
    frame_of,
    from_frame,
    in_frame,
    rod,
    solid,
)
from hmr_ros.data.clothes.sheets import sheet_faces
from hmr_ros.data.scenes.nearness import point_gap
from hmr_ros.data.scenes.paint import cardboard, cloth, hard, metal, plastic, wood
from hmr_ros.data.scenes.scene import Person, Prop
from hmr_ros.data.scenes.shapes import BOX, DRUM

UP = np.array([0.0, 1.0, 0.0])


def sample_carried(
    rng: np.random.Generator, person: Person, body: BodyModel, kind: str | None = None
) -> Prop | None:
    """Something that the person holds, in the world frame; it touches a hand or both.

    kind: one of ``KINDS``, or None for any. Returns None where the pose allows nothing (of that
    kind). The hands stay open: the body model has no fingers to close.
    Raises ValueError for an unknown kind.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"nobody carries {kind!r}; known: {', '.join(KINDS)}")
    pose = stance(person, body)
    names = list(KINDS) if kind is None else [kind]
    # As drawn one after the other by weight: those whose time comes first.
    order = np.argsort(rng.standard_exponential(len(names)) / [KINDS[n][1] for n in names])
    first = int(rng.integers(2))
    for n in order:
        make = KINDS[names[n]][0]
        for side in (first, 1 - first):
            parts = make(rng, pose, pose.hands[side])
            if parts:
                return assembled(rng, parts, any(own is _CANOPY for _, _, own, _ in parts))
    return None


def _bag(rng, pose: Stance, hand: Hand) -> list[Part]:
    """Hangs under a hand that hangs: a shopping bag or a briefcase."""
    if hand.fingers[1] > -0.55 or not pose.front.any():
        return []
    half = np.array([rng.uniform(0.04, 0.09), rng.uniform(0.12, 0.2), rng.uniform(0.14, 0.22)])
    grip = hand.middle + 0.045 * hand.fingers
    drop = rng.uniform(0.05, 0.16)
    frame = frame_of(UP, pose.front)
    middle = grip - UP * (drop + half[1])
    if middle[1] - half[1] < 0.02:
        return []
    # Beside the leg, not through it.
    side = np.sign(dot(hand.middle - pose.joints[0], frame[0]))
    middle = middle + frame[0] * side * (half[0] - 0.03)
    local = in_frame(frame, middle)
    if not pose.free(local - half, local + half, frame, 0.05):
        return []
    material = cloth(rng) if rng.random() < 0.6 else plastic(rng)
    strap = plastic(rng)
    top = middle + UP * half[1]
    parts = [solid(BOX, frame, middle, half, material)]
    for ahead in (-0.5, 0.5):
        parts.append(rod(top + frame[2] * ahead * half[2], grip, 0.006, strap))
    return parts


def _suitcase(rng, pose: Stance, hand: Hand) -> list[Part]:
    """On the floor behind or beside, its bar in a low hand."""
    if not 0.5 < hand.middle[1] < 1.15 or not pose.front.any():
        return []
    half = np.array([rng.uniform(0.18, 0.24), rng.uniform(0.25, 0.34), rng.uniform(0.1, 0.15)])
    frame = frame_of(UP, pose.front)
    side = np.sign(dot(hand.middle - pose.joints[0], frame[0]))
    back = rng.uniform(0.05, 0.35)
    middle = hand.middle * [1, 0, 1] + UP * (half[1] + 0.04) - frame[2] * back
    middle = middle + frame[0] * side * rng.uniform(0.05, 0.15)
    local = in_frame(frame, middle)
    if middle[1] + half[1] > hand.middle[1] - 0.08:
        return []
    if not pose.free(local - half, local + half, frame, 0.07):
        return []
    shell, bar = plastic(rng), metal(rng)
    top = middle + UP * half[1]
    parts = [solid(BOX, frame, middle, half, shell)]
    across = 0.05 * _level(hand.thumb)
    for sign in (-1, 1):
        parts.append(rod(top + frame[0] * sign * 0.06, hand.hold + sign * across, 0.007, bar))
        wheel = middle - UP * (half[1] + 0.015) + frame[0] * sign * 0.7 * half[0]
        parts.append(solid(DRUM, frame[[1, 0, 2]] * [[1], [-1], [1]], wheel, (0.025,) * 3, bar))
    parts.append(rod(hand.hold - across, hand.hold + across, 0.011, bar))
    return parts


def _level(vector: np.ndarray) -> np.ndarray:
    flat = vector * [1, 0, 1]
    length = math.sqrt(dot(flat, flat))
    return flat / length if length > 0.2 else np.array([1.0, 0, 0])


def _between(pose: Stance) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Middle of the two palms, the way from right to left along the floor, and their distance; if
    both hands are before the trunk."""
    left, right = pose.hands
    across = left.middle - right.middle
    apart = math.sqrt(dot(across, across))
    middle = 0.5 * (left.middle + right.middle)
    if not pose.front.any() or not 0.16 < apart < 0.62 or abs(across[1]) > 0.4 * apart:
        return None
    ahead = dot(middle - 0.5 * (pose.joints[0] + pose.joints[9]), pose.front)
    if ahead < 0.17 or not pose.joints[0, 1] - 0.12 < middle[1] < pose.joints[12, 1]:
        return None
    return middle, across / apart, apart


def _box(rng, pose: Stance, hand: Hand) -> list[Part]:
    """A box between both hands."""
    held = _between(pose)
    if held is None:
        return []
    middle, across, apart = held
    frame = frame_of(_upright(across), pose.front)
    half = np.array([0.5 * apart - PALM, rng.uniform(0.08, 0.18), rng.uniform(0.1, 0.2)])
    if half[0] < 0.05:
        return []
    for _ in range(4):
        centre = middle + frame[2] * (half[2] - 0.06)
        local = in_frame(frame, centre)
        if pose.free(local - half, local + half, frame, 0.09):
            return [solid(BOX, frame, centre, half, cardboard(rng))]
        half = half * [1, 0.75, 0.75]
    return []


def _upright(across: np.ndarray) -> np.ndarray:
    up = UP - across * across[1]
    return up / math.sqrt(dot(up, up))


def _tray(rng, pose: Stance, hand: Hand) -> list[Part]:
    """A tray with cups on one level hand, or held by both."""
    held = _between(pose)
    if not pose.front.any():
        return []
    if held is not None:
        middle, across, apart = held
        frame = frame_of(_upright(across), pose.front)
        half = np.array([0.5 * apart - 0.01, 0.008, rng.uniform(0.13, 0.19)])
        centre = middle + frame[2] * (half[2] - 0.05)
    else:
        if abs(hand.forearm[1]) > 0.4 or abs(hand.fingers[1]) > 0.45 or hand.middle[1] < 0.75:
            return []
        if dot(hand.middle - pose.joints[9], pose.front) < 0.15:
            return []
        frame = frame_of(UP, pose.front)
        half = np.array([rng.uniform(0.16, 0.24), 0.008, rng.uniform(0.13, 0.18)])
        centre = hand.middle + UP * (PALM + half[1])
    local = in_frame(frame, centre)
    if not pose.free(local - half, local + half, frame, 0.08):
        return []
    parts = [solid(BOX, frame, centre, half, hard(rng))]
    cup = plastic(rng)
    for _ in range(int(rng.integers(0, 4))):
        tall, wide = rng.uniform(0.04, 0.09), rng.uniform(0.03, 0.045)
        spot = rng.uniform(-0.7, 0.7, 2)
        foot = centre + frame[0] * spot[0] * half[0] + frame[2] * spot[1] * half[2]
        parts.append(
            solid(DRUM, frame, foot + frame[1] * (half[1] + tall), (wide, tall, wide), cup)
        )
    return parts


def _umbrella(rng, pose: Stance, hand: Hand) -> list[Part]:
    """Over the head, in a hand with the forearm up."""
    if hand.forearm[1] < 0.45:
        return []
    lean = rng.normal(0, 0.12, 2)
    shaft = np.array([lean[0], 1.0, lean[1]])
    shaft = shaft / math.sqrt(dot(shaft, shaft))
    radius, deep = rng.uniform(0.42, 0.6), rng.uniform(0.13, 0.22)
    clear = max(pose.joints[15, 1] + 0.28 - hand.middle[1], 0.3)
    top = hand.hold + shaft * (clear + deep)
    bar, fabric = metal(rng), cloth(rng)
    ring, ribs = np.linspace(0, 1, _RINGS), 16
    around = -np.arange(ribs) * (2 * np.pi / ribs)
    scallop = 1 - 0.06 * ring[:, None] ** 2 * (np.arange(ribs) % 2)
    out = radius * np.sin(0.5 * np.pi * ring)[:, None] * scallop
    local = np.stack(
        [out * np.cos(around), -deep * (1 - np.cos(0.5 * np.pi * ring))[:, None] + 0 * out]
        + [out * np.sin(around)],
        -1,
    ).reshape(-1, 3)
    frame = frame_of(shaft, np.array([0.2, 0.1, 0.9]))
    canopy = from_frame(local, frame, top)
    return [
        (canopy, local, _CANOPY, fabric),
        rod(hand.hold - 0.12 * shaft, top + 0.04 * shaft, 0.008, bar),
    ]


_RINGS = 5
_CANOPY = sheet_faces(_RINGS, 16, True)


def _phone(rng, pose: Stance, hand: Hand) -> list[Part]:
    """A telephone or tablet in the palm, its screen away from it."""
    size = rng.choice([0.075, 0.08, 0.11])
    half = np.array([size * 0.48, 0.005, size])
    frame = frame_of(hand.palm, hand.fingers)
    centre = hand.hold + hand.palm * (half[1] + 0.004) + hand.fingers * rng.uniform(0, 0.03)
    local = in_frame(frame, centre)
    if not pose.free(local - half, local + half, frame, 0.05):
        return []
    case = plastic(rng)
    screen = solid(BOX, frame, centre + frame[1] * half[1], half * [0.93, 0.1, 0.95], metal(rng))
    return [solid(BOX, frame, centre, half, case), screen]


def _bottle(rng, pose: Stance, hand: Hand) -> list[Part]:
    """A bottle or can across the palm."""
    wide, tall = rng.uniform(0.028, 0.042), rng.uniform(0.05, 0.12)
    frame = frame_of(hand.thumb, hand.fingers)
    centre = hand.hold + hand.palm * wide + frame[1] * 0.3 * tall
    half = np.array([wide, tall, wide])
    local = in_frame(frame, centre)
    if not pose.free(local - half, local + half, frame, 0.06):
        return []
    material = plastic(rng)
    parts = [solid(DRUM, frame, centre, half, material)]
    if tall > 0.08:
        neck = centre + frame[1] * (tall + 0.02)
        parts.append(solid(DRUM, frame, neck, (0.4 * wide, 0.02, 0.4 * wide), plastic(rng)))
    return parts


def _pole(rng, pose: Stance, hand: Hand) -> list[Part]:
    """A broom, mop or stick that stands on the floor."""
    height = hand.middle[1]
    if not 0.6 < height < 1.6 or not pose.front.any():
        return []
    grip = hand.hold
    away = (grip - pose.joints[0]) * [1, 0, 1]
    away = away / max(math.sqrt(dot(away, away)), 1e-6)
    foot = grip * [1, 0, 1] + away * rng.uniform(0.0, 0.3) * height
    along = (grip - foot) / math.sqrt(dot(grip - foot, grip - foot))
    end = foot + along * max(rng.uniform(1.2, 1.6), height / along[1] + 0.12)
    steps = foot + np.linspace(0, 1, 24)[:, None] * (end - foot)
    if point_gap(steps, pose.solid) < 0.11:
        return []
    parts = [rod(foot + 0.02 * UP, end, rng.uniform(0.011, 0.016), wood(rng))]
    if rng.random() < 0.7:
        frame = frame_of(UP, away)
        half = (rng.uniform(0.1, 0.25), 0.04, rng.uniform(0.025, 0.06))
        parts.append(solid(BOX, frame, foot + 0.041 * UP, half, plastic(rng)))
    return parts


_Maker = Callable[[np.random.Generator, Stance, Hand], list[Part]]
# What makes each kind, and how often it is tried first.
KINDS: dict[str, tuple[_Maker, float]] = {
    "bag": (_bag, 3.0),
    "suitcase": (_suitcase, 2.0),
    "box": (_box, 6.0),
    "tray": (_tray, 3.0),
    "umbrella": (_umbrella, 2.0),
    "phone": (_phone, 1.0),
    "bottle": (_bottle, 1.0),
    "pole": (_pole, 1.5),
}
