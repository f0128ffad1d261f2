"""Pose-corrective offsets stored without their zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoseBlocks:
    """Blocks (vertex, joint) of ``posedirs`` that are not zero, sorted by vertex.

    start:  [V + 1] int32; blocks of vertex v are start[v] .. start[v + 1].
    joint:  [B] int32, 1..23.
    offset: [B, 3, 9] float32, metres a unit of the joint's (R - I), row-major.
    """

    start: np.ndarray
    joint: np.ndarray
    offset: np.ndarray


def pose_blocks(posedirs: np.ndarray) -> PoseBlocks:
    """Blocks of posedirs [V, 3, 207]: a joint bends only the skin around it."""
    blocks = posedirs.reshape(len(posedirs), 3, -1, 9).transpose(0, 2, 1, 3)
    used = (blocks != 0).any((2, 3))
    start = np.concatenate([[0], used.sum(1).cumsum()]).astype(np.int32)
    joint = (np.nonzero(used)[1] + 1).astype(np.int32)
    return PoseBlocks(start, joint, np.ascontiguousarray(blocks[used], np.float32))
