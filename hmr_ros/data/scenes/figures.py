"""People on the floor: posed, placed, and kept out of each other and of furniture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import skeleton_and_points
from hmr_ros.data.motions import Motions
from hmr_ros.data.pose_sampling.turns import product
from hmr_ros.data.poses import sample_rotations
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.nearness import point_gap
from hmr_ros.data.scenes.shapes import yaw_matrix

MAX_BETA = 2.5
APART = 0.24  # metres between the bones of two people
_SPARSE = 8  # every so many vertices are posed to place a figure
_FEET = (7, 8, 10, 11)


@dataclass(frozen=True, eq=False)
class Figure:
    """A person without clothes, world frame, float64; the pelvis moves with ``moved``.

    rotations [24, 3, 3], betas [10] float32, transl [3], joints [24, 3], bones [47, 3]: joints and
    the middles between them and their parents. skin: some of the vertices, [S, 3]. rump: those of
    the pelvis, [R, 3]. lowest: height of the lowest vertex.
    """

    rotations: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    bones: np.ndarray
    skin: np.ndarray
    rump: np.ndarray
    lowest: float
    activity: str

    @property
    def on_feet(self) -> bool:
        """Whether a foot is the lowest joint."""
        return int(self.joints[:, 1].argmin()) in _FEET and self.activity != "sit"

    def moved(self, shift: np.ndarray) -> Figure:
        shift = np.asarray(shift, float)
        return Figure(
            rotations=self.rotations,
            betas=self.betas,
            transl=self.transl + shift,
            joints=self.joints + shift,
            bones=self.bones + shift,
            skin=self.skin + shift,
            rump=self.rump + shift,
            lowest=self.lowest + shift[1],
            activity=self.activity,
        )

    @property
    def front(self) -> np.ndarray:
        """[3] where the pelvis faces, along the floor; unit length."""
        x, z = self.rotations[0, 0, 2], self.rotations[0, 2, 2]
        length = np.hypot(x, z)
        return np.array([x, 0.0, z]) / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])

    def near(self, other: Figure) -> bool:
        """Whether they would touch."""
        return bool(point_gap(self.bones, other.bones) < APART)


def sample_betas(rng: np.random.Generator) -> np.ndarray:
    """[10] float32 from the normal distribution, cut at ``MAX_BETA``."""
    return np.clip(rng.normal(0, 1, 10), -MAX_BETA, MAX_BETA).astype(np.float32)


def sample_figure(
    rng: np.random.Generator, body: BodyModel, motions: Motions, activities: dict[str, float]
) -> Figure:
    """In a random pose, shape and yaw, the lowest vertex on the floor, the pelvis over (0, 0)."""
    rotations, activity = sample_rotations(rng, motions, body, activities)
    rotations[0] = product(yaw_matrix(rng.uniform(-np.pi, np.pi)), rotations[0])
    return figure(body, rotations, sample_betas(rng), activity)


def figure(body: BodyModel, rotations: np.ndarray, betas: np.ndarray, activity: str = "") -> Figure:
    """A figure of rotations [24, 3, 3] (joint 0 to the world) and betas [10], on the floor."""
    # As they will be stored, so that what is placed here is what is drawn.
    rotations = rounded(rotations).astype(np.float32).astype(float)
    rows, rump = _sample(body)
    joints, mesh = skeleton_and_points(body, rotations, betas.astype(float), rows)
    joints, mesh = rounded(joints), rounded(mesh)
    shift = -np.array([joints[0, 0], mesh[:, 1].min(), joints[0, 2]])
    joints += shift
    middles = (joints[1:] + joints[body.parents[1:]]) / 2
    return Figure(
        rotations=rotations,
        betas=betas,
        transl=shift,
        joints=joints,
        bones=np.concatenate([joints, middles]),
        skin=mesh[::2] + shift,
        rump=mesh[rump] + shift,
        lowest=0.0,
        activity=activity,
    )


@lru_cache(maxsize=4)
def _sample(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Vertices that stand for the whole skin, and which of them are the pelvis': more of the
    feet, which touch the ground."""
    part, number = body.part_id, np.arange(len(body.part_id))
    rows = np.flatnonzero((number % _SPARSE == 0) | (np.isin(part, _FEET) & (number % 2 == 0)))
    return rows, np.flatnonzero(part[rows] == 0)
