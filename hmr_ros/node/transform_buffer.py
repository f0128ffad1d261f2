"""What ``/tf`` and ``/tf_static`` told of late, and where one frame is in another at a moment.

``tf2_ros`` is not among the wheels that this package is installed from. This holds what a camera's
pose needs of it, with tf2's rules, in plain numpy and without ROS.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from hmr_ros.geometry.rotations import matrix_from_quaternion, slerp

WINDOW_S = 10.0  # how long a moving frame is remembered, as tf2 does by default
BACK_S = 1.0  # a stamp older than the frame's latest by more: time has started anew
UNIT = 0.01  # how far the square of a quaternion's length may be from 1, as in tf2
# Frames that come and go (people, for one) must not fill the memory: beyond so many, those that
# fell silent are dropped.
MANY = 1000
REFUSED_KEPT = 100


class TransformError(ValueError):
    """Why the place of a frame in another is not known; the text says what to mend.

    behind_ns: how much older than asked for the newest transform is, where that is the reason.
    """

    def __init__(self, reason: str, behind_ns: int = 0) -> None:
        super().__init__(reason)
        self.behind_ns = behind_ns


class FramePose(NamedTuple):
    """Point p of the source frame is ``rotation @ p + position`` in the target frame.

    rotation: [3, 3], position: [3] metres, both float64. held_ns: how much older than asked for
    the oldest transform in it is; 0 if all were told for that moment, or before and after it.
    """

    rotation: np.ndarray
    position: np.ndarray
    held_ns: int


class _Sample(NamedTuple):
    parent: str
    translation: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


class TransformBuffer:
    """Transforms by child frame: the latest static one, and a window of stamped ones.

    One thread may add while another looks up. Names count with or without a leading slash.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._static: dict[str, _Sample] = {}
            self._times: dict[str, list[int]] = {}
            self._samples: dict[str, list[_Sample]] = {}
            self._refused: dict[str, str] = {}
            self._late: dict[str, tuple[int, _Sample]] = {}
            self._asked: frozenset[str] = frozenset()

    def forget_after(self, stamp_ns: int) -> None:
        """Forget what was told for later moments, as when a bag starts anew. Static frames stay:
        nobody tells them twice."""
        with self._lock:
            self._late.clear()
            for child in list(self._times):
                self._cut(child, stamp_ns)

    def add(
        self,
        parent: str,
        child: str,
        stamp_ns: int,
        translation: tuple[float, float, float],
        quaternion: tuple[float, float, float, float],
        static: bool = False,
    ) -> None:
        """Take in that point p of ``child`` is ``R(quaternion) @ p + translation`` in ``parent``.

        translation in metres, quaternion x, y, z, w. What cannot be a transform is refused, and
        ``lookup`` says so where it is missed. A stamp that comes again replaces the first. A frame
        that is told both static and stamped is what it was told last: whoever still moves it wins.
        A stamp ``BACK_S`` older than the newest is only late; if the next is too, time has started
        anew there.
        """
        parent, child = bare(parent), bare(child)
        with self._lock:
            fault = _fault(parent, child, translation, quaternion)
            if fault:
                self._refused[child] = fault
                while len(self._refused) > REFUSED_KEPT:
                    self._refused.pop(next(iter(self._refused)))
                return
            self._refused.pop(child, None)
            sample = _Sample(parent, translation, quaternion)
            if static:
                self._static[child] = sample
                self._forget(child)
            else:
                self._static.pop(child, None)
                self._insert(child, stamp_ns, sample)

    def lookup(self, target: str, source: str, stamp_ns: int, tolerance_ns: int = 0) -> FramePose:
        """Where ``source`` is in ``target`` at a moment.

        Between two stamps: linear in the translation, along the shortest arc in the rotation. The
        latest transform is taken as it is for moments up to ``tolerance_ns`` later; nothing is
        extrapolated. Raises TransformError.
        """
        target, source = bare(target), bare(source)
        with self._lock:
            up, down = self._way(source, stamp_ns), self._way(target, stamp_ns)
            self._asked = frozenset((*up, *down))
            shared = next((frame for frame in up if frame in down), None)
            if shared is None:
                raise TransformError(self._missing(target, up, down))
            edges = [
                [self._edge(frame, stamp_ns, tolerance_ns) for frame in way[: way.index(shared)]]
                for way in (up, down)
            ]
        (r, p), (r_target, p_target) = (_composed(e) for e in edges)
        held = max((e.held_ns for way in edges for e in way), default=0)
        return FramePose(r_target.T @ r, r_target.T @ (p - p_target), held)

    def _insert(self, child: str, stamp_ns: int, sample: _Sample) -> None:
        times, late = self._times.get(child), self._late.pop(child, None)
        if times is not None and stamp_ns < times[-1] - BACK_S * 1e9:
            if late is None:
                self._late[child] = stamp_ns, sample
                return
            self._cut(child, min(late[0], stamp_ns))
            self._put(child, *late)
        self._put(child, stamp_ns, sample)

    def _put(self, child: str, stamp_ns: int, sample: _Sample) -> None:
        """Among what is known, in the order of the stamps."""
        if child not in self._times:
            if len(self._times) >= MANY:
                self._drop_silent()
            self._times[child], self._samples[child] = [], []
        times, samples = self._times[child], self._samples[child]
        i = bisect_left(times, stamp_ns)
        if i < len(times) and times[i] == stamp_ns:
            samples[i] = sample
            return
        times.insert(i, stamp_ns)
        samples.insert(i, sample)
        old = bisect_left(times, times[-1] - int(WINDOW_S * 1e9))
        del times[:old], samples[:old]

    def _cut(self, child: str, stamp_ns: int) -> None:
        times = self._times[child]
        first = bisect_left(times, stamp_ns + 1)
        del times[first:], self._samples[child][first:]
        if not times:
            self._forget(child)

    def _forget(self, child: str) -> None:
        for kept in (self._times, self._samples, self._late):
            kept.pop(child, None)

    def _drop_silent(self) -> None:
        limit = max(times[-1] for times in self._times.values()) - int(WINDOW_S * 1e9)
        for child in [c for c, t in self._times.items() if t[-1] < limit and c not in self._asked]:
            self._forget(child)

    def _parent(self, frame: str, stamp_ns: int) -> str | None:
        if frame in self._static:
            return self._static[frame].parent
        times = self._times.get(frame)
        if times is None:
            return None
        return self._samples[frame][max(0, bisect_left(times, stamp_ns + 1) - 1)].parent

    def _way(self, frame: str, stamp_ns: int) -> list[str]:
        """The frame, its parent, and so on to the root."""
        way = [frame]
        while (parent := self._parent(way[-1], stamp_ns)) is not None:
            if parent in way:
                loop = " in ".join(repr(f) for f in (*way[way.index(parent) :], parent))
                raise TransformError(
                    f"'/tf' goes round in a loop: {loop}; two nodes publish the same frame"
                )
            way.append(parent)
        return way

    def _edge(self, child: str, stamp_ns: int, tolerance_ns: int) -> FramePose:
        """The child in its parent."""
        if child in self._static:
            return _pose(self._static[child])
        times, samples = self._times[child], self._samples[child]
        i = bisect_left(times, stamp_ns)
        if i == len(times):
            behind = stamp_ns - times[-1]
            if behind > tolerance_ns:
                refused = self._refused.get(child)
                raise TransformError(
                    f"the newest transform of {child!r} is {behind * 1e-9:.3f} s older than the "
                    "image: "
                    + (refused or "publish it more often, or set odometry_tolerance_s")
                    + ("" if behind < 1e9 else "; do both clocks agree (use_sim_time)?"),
                    behind,
                )
            return _pose(samples[-1])._replace(held_ns=behind)
        if times[i] == stamp_ns:
            return _pose(samples[i])
        if i == 0:
            raise TransformError(
                f"the image is {(times[0] - stamp_ns) * 1e-9:.3f} s older than anything that "
                f"'/tf' has said of {child!r}"
            )
        before, after = samples[i - 1], samples[i]
        if before.parent != after.parent:  # it moves to another parent when that is told
            return _pose(before)
        share = (stamp_ns - times[i - 1]) / (times[i] - times[i - 1])
        return _between(_pose(before), _pose(after), share)

    def _missing(self, target: str, up: list[str], down: list[str]) -> str:
        """Why two ways up do not meet."""
        source, top = up[0], up[-1]
        parents = {s.parent for s in self._static.values()}
        parents |= {samples[-1].parent for samples in self._samples.values()}
        refused = self._refused.get(top) or self._refused.get(target)
        if refused:
            reason = refused
        elif len(down) == 1 and target not in parents:
            reason = (
                f"nobody on '/tf' or '/tf_static' knows {target!r}: is the odometry running, and "
                "is odometry_frame its frame?"
            )
        elif len(up) == 1:
            reason = (
                f"'/tf' and '/tf_static' have said nothing of {source!r}, the image's frame: "
                "publish where the camera is mounted (robot_state_publisher, or "
                "static_transform_publisher of tf2_ros)"
            )
        else:
            reason = (
                f"'/tf' has said nothing of {top!r}, to which {source!r} leads up: is the "
                "odometry running?"
            )
        return f"no transform from {target!r} to {source!r}: {reason}"


def bare(frame: str) -> str:
    """The name without the leading slash that tf1 allowed."""
    return frame.lstrip("/")


def _fault(parent: str, child: str, translation: tuple, quaternion: tuple) -> str:
    """What makes this no transform, or ''."""
    if not parent or not child:
        return f"a transform of {child!r} in {parent!r} has an empty name and was refused"
    if parent == child:
        return f"a transform of {child!r} in itself was refused"
    if not all(map(math.isfinite, (*translation, *quaternion))):
        return f"a transform of {child!r} that is not finite was refused: mend what publishes it"
    square = sum(v * v for v in quaternion)
    if abs(square - 1) > UNIT:
        return (
            f"a transform of {child!r} with a quaternion of length {math.sqrt(square):.3g} was "
            "refused: mend what publishes it"
        )
    return ""


def _pose(sample: _Sample) -> FramePose:
    rotation = matrix_from_quaternion(np.array(sample.quaternion))
    return FramePose(rotation, np.array(sample.translation), 0)


def _between(a: FramePose, b: FramePose, share: float) -> FramePose:
    rotation = slerp(a.rotation, b.rotation, share)
    return FramePose(rotation, a.position + share * (b.position - a.position), 0)


def _composed(edges: list[FramePose]) -> tuple[np.ndarray, np.ndarray]:
    """From the first frame to the parent of the last."""
    rotation, position = np.eye(3), np.zeros(3)
    for edge in edges:
        rotation, position = edge.rotation @ rotation, edge.rotation @ position + edge.position
    return rotation, position
