"""Read BVH files (Biovision Hierarchy): a skeleton of offsets and channels, and its motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.data.clips import MotionError
from hmr_ros.geometry.rotations import matrix_from_axis_angle

_CHANNELS = {f"{axis}{kind}": (kind, n) for kind in ("position", "rotation") for n, axis in
             enumerate("XYZ")}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Bvh:
    """J joints, a parent before its children; lengths in the file's unit.

    names: J. parents: [J] int64, -1 at the root. offsets: [J, 3] from the parent, unposed.
    tips: end sites by joint number, [3] offsets. rotations: [T, J, 3, 3] float64 local.
    positions: [T, J, 3], offsets as moved by position channels. seconds: of a frame.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    offsets: np.ndarray
    tips: dict[int, np.ndarray]
    rotations: np.ndarray
    positions: np.ndarray
    seconds: float


def read_bvh(path: str | Path) -> Bvh:
    """Read a ``.bvh`` with any order and number of channels; degrees in the file.

    A root's position channels are its place, added to its offset as by most programs; another
    joint's position channels replace its offset. Rotations apply in the order of the channels, the
    last one first. Raises MotionError with the line for what is not BVH.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise MotionError(f"motion file {path} cannot be read: {error}") from error
    words = [(word, n + 1) for n, line in enumerate(lines) for word in line.split()]
    reader = _Words(path, words)
    skeleton = _hierarchy(reader)
    return _motion(reader, *skeleton)


def forward(bvh: Bvh) -> tuple[np.ndarray, np.ndarray]:
    """Joint places [T, J, 3] in the file's unit, and global rotations [T, J, 3, 3]."""
    places, turns = bvh.positions.copy(), bvh.rotations.copy()
    for j, p in enumerate(bvh.parents):
        if p >= 0:
            places[:, j] = places[:, p] + np.einsum("tab,tb->ta", turns[:, p], bvh.positions[:, j])
            turns[:, j] = turns[:, p] @ bvh.rotations[:, j]
    return places, turns


class _Words:
    """The words of a file one after the other, with the line of each for messages."""

    def __init__(self, path: Path, words: list[tuple[str, int]]) -> None:
        self.path, self.words, self.at = path, words, 0

    def error(self, wanted: str) -> MotionError:
        found, line = self.words[self.at] if self.at < len(self.words) else ("the end", "end")
        return MotionError(
            f"motion file {self.path}, line {line}: expected {wanted}, found {found}"
        )

    def peek(self) -> str:
        return self.words[self.at][0] if self.at < len(self.words) else ""

    def take(self, *wanted: str) -> str:
        word = self.peek()
        if not word or (wanted and word.lower() not in wanted):
            raise self.error(" or ".join(wanted) or "more")
        self.at += 1
        return word

    def number(self, what: str) -> float:
        try:
            value = float(self.peek())
        except ValueError:
            raise self.error(what) from None
        self.at += 1
        return value


def _hierarchy(reader: _Words):
    reader.take("hierarchy")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    tips: dict[int, np.ndarray] = {}
    open_joints: list[int] = []
    reader.take("root")
    while True:
        # A joint's name may hold spaces; it ends where its block begins.
        name = [reader.take()]
        while reader.peek() != "{":
            name.append(reader.take())
        reader.take("{")
        parents.append(open_joints[-1] if open_joints else -1)
        open_joints.append(len(names))
        names.append(" ".join(name))
        reader.take("offset")
        offsets.append([reader.number("an offset") for _ in range(3)])
        channels.append([])
        if reader.peek().lower() == "channels":
            reader.take()
            count = reader.number("a number of channels")
            for _ in range(int(count)):
                if reader.peek().capitalize() not in _CHANNELS:
                    raise reader.error("a channel such as Xrotation")
                channels[-1].append(reader.take().capitalize())
        while open_joints:
            word = reader.take("joint", "end", "}").lower()
            if word == "joint":
                break
            if word == "}":
                open_joints.pop()
                continue
            reader.take("site")
            reader.take("{")
            reader.take("offset")
            tips[open_joints[-1]] = np.array([reader.number("an offset") for _ in range(3)])
            reader.take("}")
        if not open_joints:
            return tuple(names), np.array(parents), np.array(offsets), tips, channels


def _motion(reader: _Words, names, parents, offsets, tips, channels) -> Bvh:
    reader.take("motion")
    reader.take("frames:")
    frames = int(reader.number("the number of frames"))
    reader.take("frame")
    reader.take("time:")
    seconds = reader.number("the seconds of a frame")
    if frames < 1 or not 0 < seconds < np.inf:
        raise MotionError(
            f"motion file {reader.path}: {frames} frames of {seconds} s, expected at least one "
            "frame and a time above 0"
        )
    width = sum(len(c) for c in channels)
    rest = [word for word, _ in reader.words[reader.at :]]
    if len(rest) != frames * width:
        raise MotionError(
            f"motion file {reader.path}: MOTION holds {len(rest)} numbers, expected {frames} "
            f"frames x {width} channels = {frames * width}"
        )
    try:
        values = np.array(rest, np.float64).reshape(frames, width)
    except ValueError as error:
        raise MotionError(f"motion file {reader.path}: MOTION: {error}") from error
    if not np.isfinite(values).all():
        raise MotionError(f"motion file {reader.path}: MOTION holds values that are not finite")
    rotations = np.tile(np.eye(3), (frames, len(names), 1, 1))
    positions = np.tile(offsets, (frames, 1, 1))
    column = 0
    for joint, its in enumerate(channels):
        for channel in its:
            kind, axis = _CHANNELS[channel]
            value = values[:, column]
            column += 1
            if kind == "position":
                start = offsets[joint, axis] if parents[joint] < 0 else 0.0
                positions[:, joint, axis] = start + value
            else:
                turn = np.zeros((frames, 3))
                turn[:, axis] = np.radians(value)
                rotations[:, joint] = rotations[:, joint] @ matrix_from_axis_angle(turn)
    return Bvh(names, parents, offsets, tips, rotations, positions, seconds)
