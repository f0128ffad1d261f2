"""Motion clips in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPLITS = ("train", "val", "test")


class MotionError(ValueError):
    """A motion file that cannot be used; the text names the file and the field."""


@dataclass(frozen=True, eq=False)
class Motions:
    """C clips of together T frames, on SMPL's 24 joints; world frame Y up, metres.

    poses:  [T, 24, 3] float32 axis-angle; joint 0 is the global orientation.
    trans:  [T, 3] float32, position of the pelvis (of a recording: less its place at rest).
    starts: [C + 1] int64; clip c is the frames ``starts[c]:starts[c + 1]``.
    names:  C clip names. splits: C of ``SPLITS``.
    fps:    frames a second.
    """

    poses: np.ndarray
    trans: np.ndarray
    starts: np.ndarray
    names: tuple[str, ...]
    splits: tuple[str, ...]
    fps: float

    def __len__(self) -> int:
        return len(self.names)

    def frames(self, clip: int) -> slice:
        """Rows of ``poses`` and ``trans`` that belong to a clip."""
        return slice(int(self.starts[clip]), int(self.starts[clip + 1]))

    def select(self, clips: list[int]) -> Motions:
        """Only these clips, in this order. Raises MotionError if there are none."""
        if not clips:
            raise MotionError("no motion clip matches what was asked for")
        rows = [self.frames(c) for c in clips]
        lengths = [r.stop - r.start for r in rows]
        return Motions(
            poses=np.concatenate([self.poses[r] for r in rows]),
            trans=np.concatenate([self.trans[r] for r in rows]),
            starts=np.concatenate([[0], np.cumsum(lengths)]),
            names=tuple(self.names[c] for c in clips),
            splits=tuple(self.splits[c] for c in clips),
            fps=self.fps,
        )

    def split(self, name: str) -> Motions:
        """The clips of one of ``SPLITS``."""
        if name not in SPLITS:
            raise MotionError(f"split {name!r} is unknown; known: {', '.join(SPLITS)}")
        return self.select([c for c, split in enumerate(self.splits) if split == name])
