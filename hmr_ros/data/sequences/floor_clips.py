"""Stretches of clips that can be played on a flat floor, ready to be joined end to end.

Captured people climb, stand on boxes and sit on things that are not there; animated ones walk on
the spot. A stretch is kept where the lowest point of the body stays at the clip's own floor, the
body is balanced over what touches it, and the foot that carries it does not slide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.ndimage import grey_opening, uniform_filter1d

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.geometry.rotations import matrix_from_axis_angle

MIRRORED = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
FEATURE_JOINTS = [4, 5, 7, 8, 15, 18, 19, 20, 21]
LEAST_SECONDS = 0.8  # of a stretch
ABOVE_FLOOR = 0.1  # metres that the lowest point may be over the clip's floor but in a leap
LEAP_SECONDS = 0.9  # longest time in the air
HIGHEST_LEAP = 0.5  # metres under the lowest point; nobody jumps higher, but people climb
SPARSE = 9  # every so many vertices stand for the body
OFF_BALANCE = 0.15  # metres between the body's middle and the middle of what touches, over 1 s
SLIDE = 0.35  # m/s of the carrying foot; more is walking on the spot
WALKING, RUNNING = 0.45, 2.3  # m/s
_LEAST_STANDING = 0.75  # height of the pelvis of who stands, shares of a straight leg
_NO_FLOOR = ("swim", "driving", "sitting", "jump_loop")  # in the names of animations


@dataclass(frozen=True, eq=False)
class FloorClips:
    """F frames in W stretches, ``fps`` frames a second; world axes, Y up.

    rotations [F, 24, 3, 3] float32; pelvis [F, 3] float64, of the recording, its height over
    the floor there. starts [W + 1].
    features [F, D] float32: pose and its change in the heading's frame, metres; mirrored: the same
    of the body in a mirror. kinds: W of "walk", "run", "stand", "other". names: W clips.
    """

    rotations: np.ndarray
    pelvis: np.ndarray
    starts: np.ndarray
    features: np.ndarray
    mirrored: np.ndarray
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    fps: float

    def __len__(self) -> int:
        return len(self.kinds)


@lru_cache(maxsize=6)
def floor_clips(motions: Motions, body: BodyModel) -> FloorClips:
    """What of some clips can be played on a floor. Kept for the last few pairs of arguments.

    Raises MotionError if the clips are of more than one split, or if nothing can be played.
    """
    if len(set(motions.splits)) > 1:
        raise MotionError(
            f"sequences are drawn from one split, not from {sorted(set(motions.splits))}: "
            "choose with motions.split(name)"
        )
    stretches = []
    every = max(1, round(motions.fps / 30))
    fps = motions.fps / every
    for clip in range(len(motions)):
        rows = np.arange(len(motions.poses))[motions.frames(clip)][::every]
        stretches += _stretches(motions, body, rows, fps, motions.names[clip])
    if not stretches:
        raise MotionError("no clip shows a second of somebody on a flat floor")
    parts = [np.concatenate(p) for p in zip(*(s[0] for s in stretches), strict=True)]
    lengths = [len(s[0][0]) for s in stretches]
    return FloorClips(
        *parts[:2],
        np.concatenate([[0], np.cumsum(lengths)]),
        *parts[2:],
        tuple(s[1] for s in stretches),
        tuple(s[2] for s in stretches),
        fps,
    )


def of_kinds(clips: FloorClips, kinds: tuple[str, ...]) -> FloorClips:
    """The same, but only stretches of these kinds are begun; all if there are none."""
    chosen = tuple(k if k in kinds else "" for k in clips.kinds)
    return replace(clips, kinds=chosen) if any(chosen) else clips


def mirror(rotations: np.ndarray) -> np.ndarray:
    """Local rotations [..., 24, 3, 3] of a body in a mirror across the world's x = 0."""
    sign = np.array([-1, 1, 1], rotations.dtype)
    return rotations[..., MIRRORED, :, :] * sign[:, None] * sign


def heading(root: np.ndarray) -> np.ndarray:
    """Yaw [...] of root rotations [..., 3, 3]: where the body's front points, 0 along +Z."""
    return np.arctan2(root[..., 0, 2], root[..., 2, 2])


def sole_vertices(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the left and of the right foot that can touch the floor: heel, ball, toes."""
    sides = []
    for ankle, toes in ((7, 10), (8, 11)):
        foot = np.flatnonzero(np.isin(body.part_id, (ankle, toes)))
        height = body.v_template[foot, 1]
        low = foot[height < height.min() + 0.02]
        along = np.argsort(body.v_template[low, 2], kind="stable")
        sides.append(low[along[np.linspace(0, len(low) - 1, 8).astype(int)]])
    return sides[0], sides[1]


def touching_vertices(body: BodyModel) -> np.ndarray:
    """All vertices of the feet and some of the rest: enough to find the lowest point."""
    feet = np.isin(body.part_id, (7, 8, 10, 11))
    some = np.zeros(len(feet), bool)
    some[::SPARSE] = True
    return np.flatnonzero(feet | some)


def _stretches(motions, body, rows, fps, name):
    """[((rotations, pelvis, features, mirrored features), kind, name), ...] of one clip."""
    least = max(8, int(LEAST_SECONDS * fps))
    if len(rows) < least or any(word in name.lower() for word in _NO_FLOOR):
        return []
    rotations = matrix_from_axis_angle(motions.poses[rows].astype(float))
    pelvis = motions.trans[rows].astype(float)
    rest = rest_joints(body, np.zeros((1, 10)))
    skin = vertices(
        body,
        rotations,
        np.zeros((len(rows), 10)),
        subset=touching_vertices(body),
    )
    skin = skin - rest[0, 0] + pelvis[:, None]
    lowest = skin[..., 1].min(1)
    level = grey_opening(lowest, max(3, int(LEAP_SECONDS * fps)), mode="nearest")
    low_enough = level - np.percentile(level, 2) < ABOVE_FLOOR
    low_enough &= lowest - level < HIGHEST_LEAP
    second = max(3, int(fps))
    touching = skin[..., 1] - lowest[:, None] < 0.04
    support = (skin * touching[..., None]).sum(1) / touching.sum(1)[:, None]
    middle = skin[:, touching_vertices(body) % SPARSE == 0].mean(1)
    off = uniform_filter1d((middle - support)[:, [0, 2]], second, axis=0, mode="nearest")
    balanced = np.sqrt((off**2).sum(1)) < OFF_BALANCE
    feet = np.concatenate(sole_vertices(body))
    soles = vertices(body, rotations, np.zeros((len(rows), 10)), subset=feet)
    soles = soles - rest[0, 0] + pelvis[:, None]
    speed = np.sqrt((np.gradient(soles[..., [0, 2]], 1 / fps, axis=0) ** 2).sum(-1))
    high = soles[..., 1] - lowest[:, None]
    carrying = np.where(high < 0.03, speed, np.inf).min(1)
    carrying[np.isinf(carrying) | (level + 0.04 < lowest)] = 0
    held = uniform_filter1d(carrying, second, mode="nearest") < SLIDE
    good = low_enough & balanced & held
    joints, _ = forward_kinematics(rotations, np.repeat(rest, len(rows), 0), body.parents)
    found = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good, [0]])))
    leg = rest[0, 0, 1] - rest[0, 7, 1]
    for first, last in edges.reshape(-1, 2):
        if last - first < least:
            continue
        part = slice(first, last)
        over = pelvis[part] - np.stack([0 * level, level, 0 * level], 1)[part]
        arrays = (
            rotations[part].astype(np.float32),
            over,
            _features(rotations[part], joints[part], pelvis[part], fps),
            _features(
                mirror(rotations[part]),
                joints[part][:, MIRRORED] * [-1, 1, 1],
                pelvis[part] * [-1, 1, 1],
                fps,
            ),
        )
        rise = joints[part, 0, 1] - joints[part][:, (7, 8), 1].min(1)
        found.append((arrays, _kind(pelvis[part], rise / leg, fps), name))
    return found


def _kind(pelvis: np.ndarray, straight: np.ndarray, fps: float) -> str:
    if straight.min() < _LEAST_STANDING:
        return "other"
    flat = uniform_filter1d(pelvis[:, [0, 2]], max(3, int(0.6 * fps)), axis=0, mode="nearest")
    speed = np.sqrt((np.gradient(flat, 1 / fps, axis=0) ** 2).sum(1))
    if np.percentile(speed, 90) < 0.35:
        return "stand"
    if np.ptp(pelvis[:, 1]) > 0.2:
        return "other"
    middle = np.median(speed)
    return "other" if middle < WALKING else "walk" if middle < RUNNING else "run"


def _features(rotations, joints, pelvis, fps) -> np.ndarray:
    """[T, D]: where some joints are and go, seen from the pelvis and turned to the heading."""
    yaw = heading(rotations[:, 0])
    c, s = np.cos(yaw), np.sin(yaw)
    o, i = np.zeros_like(c), np.ones_like(c)
    unturn = np.stack([c, o, -s, o, i, o, s, o, c], -1).reshape(-1, 3, 3)
    seen = np.einsum("tab,tjb->tja", unturn, joints[:, FEATURE_JOINTS] - joints[:, :1])
    going = 0.15 * fps * np.gradient(seen, axis=0)
    ahead = 0.3 * fps * np.einsum("tab,tb->ta", unturn, np.gradient(pelvis, axis=0))
    height = joints[:, 0, 1] - joints[:, (7, 8), 1].min(1)
    parts = [seen.reshape(len(seen), -1), going.reshape(len(seen), -1), ahead, height[:, None]]
    return np.concatenate(parts, 1).astype(np.float32)
