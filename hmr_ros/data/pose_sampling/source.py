"""What poses are made from: frames of clips, and a body that must not pass through itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_limits import worst_excess
from hmr_ros.data.motions import Motions
from hmr_ros.data.pose_sampling.turns import heading_removed, matrices, vectors
from hmr_ros.data.self_penetration import Capsules, mean_capsules, overlap

# Radians beyond the limits that pass: 99 % of captured frames do.
MARGIN = 0.1


@dataclass(frozen=True, eq=False)
class Source:
    """motions: clips to take frames from. ends: cumulated weight of the clips.
    rest: [24, 3] float64 rest joints of the mean body, metres. capsules: of that body."""

    motions: Motions
    ends: np.ndarray
    rest: np.ndarray
    capsules: Capsules

    def frame(self, rng: np.random.Generator) -> np.ndarray:
        """[24, 3, 3] of a clip's frame that faces +Z. Clips count with the root of their length."""
        clip = int(np.searchsorted(self.ends, rng.random() * self.ends[-1], side="right"))
        rows = self.motions.frames(min(clip, len(self.ends) - 1))
        pose = self.motions.poses[rng.integers(rows.start, rows.stop)].astype(np.float64)
        rotations = matrices(pose)
        rotations[0] = heading_removed(rotations[0])
        return rotations

    def is_clear(self, rotations: np.ndarray) -> bool:
        """No limb passes through the body."""
        return bool(overlap(self.capsules, rotations[None])[0] <= 0)

    def is_possible(self, rotations: np.ndarray) -> bool:
        """Within the joint limits, and clear."""
        return worst_excess(vectors(rotations)) <= MARGIN and self.is_clear(rotations)


@lru_cache(maxsize=8)
def source(motions: Motions, body: BodyModel) -> Source:
    """Made once for each pair of clips and body."""
    ends = np.cumsum(np.sqrt(np.diff(motions.starts)))
    return Source(motions, ends, body.joint_template.astype(np.float64), mean_capsules(body))
