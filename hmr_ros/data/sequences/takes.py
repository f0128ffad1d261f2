"""Motion of any length: stretches of clips joined where they look alike.

As in motion graphs (Kovar et al. 2002): a stretch ends, and the next one begins at a frame with
nearly the same pose and speed, possibly in a mirror; over half a second one is blended into
the other (slerp of every joint), the headings aligned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.sequences.floor_clips import FloorClips, heading, mirror
from hmr_ros.geometry.rotations import slerp

BLEND_SECONDS = 0.45
_LEAST_SECONDS = 1.2  # that a stretch plays before the next one, where it is as long
_AMONG = 6  # the next one is one of so many that fit best


@dataclass(frozen=True, eq=False)
class Take:
    """S frames of one body's motion at the rate of the clips it is made of.

    rotations: [S, 24, 3, 3] float64 local, joint 0 to a world with Y up. moves: [S, 2] metres in
    (x, z) since the frame before, as captured. height: [S] of the pelvis, as captured. kinds: of
    the stretches. joins: first frames of the blends.
    """

    rotations: np.ndarray
    moves: np.ndarray
    height: np.ndarray
    kinds: tuple[str, ...]
    joins: tuple[int, ...]


def sample_take(rng: np.random.Generator, clips: FloorClips, frames: int) -> Take:
    """At least one stretch; as many as ``frames`` frames need. Stretches of the kind "" are left.

    Where one stretch is long enough there is no join.
    """
    usable = np.flatnonzero([bool(k) for k in clips.kinds])
    lengths = np.diff(clips.starts)
    blend = max(2, int(BLEND_SECONDS * clips.fps))
    least = max(blend + 2, int(_LEAST_SECONDS * clips.fps))
    weight = np.sqrt(np.minimum(lengths[usable], frames))
    stretch = int(usable[rng.choice(len(usable), p=weight / weight.sum())])
    spare = max(0, int(lengths[stretch]) - frames)
    first = int(clips.starts[stretch]) + int(rng.integers(spare + 1))
    flipped = bool(rng.integers(2))
    rotations, moves, height = _played(clips, first, stretch, flipped)
    kinds, joins = [clips.kinds[stretch]], []
    while len(rotations) < frames:
        like = (clips.mirrored if flipped else clips.features)[clips.starts[stretch + 1] - blend]
        stretch, first, flipped = _next(rng, clips, usable, like, blend, least)
        following = _played(clips, first, stretch, flipped)
        kinds.append(clips.kinds[stretch])
        joins.append(len(rotations) - blend)
        rotations, moves, height = _joined((rotations, moves, height), following, blend)
    part = slice(0, frames)
    return Take(rotations[part], moves[part], height[part], tuple(kinds), tuple(joins))


def _played(clips, first, stretch, flipped):
    part = slice(first, int(clips.starts[stretch + 1]))
    rotations = clips.rotations[part].astype(float)
    pelvis = clips.pelvis[part]
    if flipped:
        rotations, pelvis = mirror(rotations), pelvis * [-1, 1, 1]
    moves = np.diff(pelvis[:, [0, 2]], axis=0, prepend=pelvis[:1, [0, 2]])
    return rotations, moves, pelvis[:, 1]


def _next(rng, clips, usable, like, blend, least):
    """(stretch, first frame, in a mirror) of a continuation that looks ``like`` at its start."""
    begins, owners = [], []
    for stretch in usable:
        first, last = int(clips.starts[stretch]), int(clips.starts[stretch + 1])
        room = max(first + 1, last - max(least, blend + 2))
        rows = np.arange(first, min(room, last - blend - 2))
        begins.append(rows)
        owners.append(np.full(len(rows), stretch))
    begins, owners = np.concatenate(begins), np.concatenate(owners)
    if len(begins) > 4000:
        some = np.sort(rng.choice(len(begins), 4000, replace=False))
        begins, owners = begins[some], owners[some]
    cost = np.concatenate(
        [((f[begins] - like).astype(float) ** 2).sum(1) for f in (clips.features, clips.mirrored)]
    )
    best = np.argsort(cost, kind="stable")[: _AMONG * 4]
    # Neighbouring frames are the same continuation: choose among some that are apart.
    apart: list[int] = []
    for c in best:
        if all(abs(int(c) - a) > blend for a in apart) and cost[c] < 2.5 * cost[best[0]] + 0.02:
            apart.append(int(c))
    chosen = apart[int(rng.integers(min(len(apart), _AMONG)))]
    row = chosen % len(begins)
    return int(owners[row]), int(begins[row]), chosen >= len(begins)


def _joined(before, after, blend):
    """The end of ``before`` blended into the start of ``after``, which is turned to its heading."""
    r0, m0, h0 = before
    r1, m1, h1 = after
    yaw = heading(r0[-blend // 2, 0]) - heading(r1[blend // 2, 0])
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    r1 = r1.copy()
    r1[:, 0] = turn @ r1[:, 0]
    m1 = np.stack([c * m1[:, 0] + s * m1[:, 1], c * m1[:, 1] - s * m1[:, 0]], 1)
    m1[0] = m1[1]
    t = (np.arange(blend) + 1) / (blend + 1)
    share = t * t * (3 - 2 * t)
    mixed = slerp(r0[-blend:], r1[:blend], share[:, None])
    w = share[:, None]
    return (
        np.concatenate([r0[:-blend], mixed, r1[blend:]]),
        np.concatenate([m0[:-blend], m0[-blend:] * (1 - w) + m1[:blend] * w, m1[blend:]]),
        np.concatenate([h0[:-blend], h0[-blend:] * (1 - share) + h1[:blend] * share, h1[blend:]]),
    )
