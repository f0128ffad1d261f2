"""Joints and sparse surface landmarks of a body model as one differentiable torch module.

A landmark is a weighted sum of skinned vertices, so it is also a sum over joints of one rigidly
moved point each. With the vertices folded into those points (a few dozen for 33 landmarks) no
vertex is skinned at run time, which is what makes training on one core and export to ONNX cheap.
Pose-corrective offsets are left out: they move a landmark by millimetres.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.models.folded_skeleton import FoldedSkeleton


def tree_levels(parents: np.ndarray) -> list[list[int]]:
    """Joints by their distance from the root; every parent lies exactly one level up."""
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]


def landmark_points(parts, body, smallest: float = 1e-3) -> tuple[np.ndarray, ...]:
    """Fold landmarks on the skin into points that move rigidly with a joint.

    parts: a ``hmr_ros.body.keypoints.Mixture`` of ``body``, a ``hmr_ros.body.model.BodyModel``.
    Returns for P (landmark, joint) pairs: landmark [P], joint [P], weight [P], and
    points [P, 3, 11]: weight times the point in the joint's rest frame, as constant and slope
    over the 10 shape coefficients. Pairs with less than ``smallest`` of a landmark's weight go.
    """
    skin = parts.vertex_weights[:, :, None] * body.weights[parts.vertex_ids][None]  # [K, M, 24]
    weight = skin.sum(1)
    landmark, joint = np.nonzero(weight > smallest)
    template, slopes = body.v_template[parts.vertex_ids], body.shapedirs[parts.vertex_ids]
    rest = np.concatenate([template[..., None], slopes], -1)  # [M, 3, 11]
    joints = np.concatenate([body.joint_template[..., None], body.joint_shapedirs], -1)
    points = np.einsum("pm,mca->pca", skin[landmark, :, joint], rest)
    points -= weight[landmark, joint][:, None, None] * joints[joint]
    return landmark, joint, weight[landmark, joint], points


def main_joints(parts, body) -> np.ndarray:
    """[K] joint that carries each landmark of a ``hmr_ros.body.keypoints.Mixture``."""
    return (parts.joint_weights + parts.vertex_weights @ body.weights[parts.vertex_ids]).argmax(1)


class Skeleton(nn.Module):
    """Forward kinematics of the 24 joints and of K landmarks.

    Buffers only; nothing is learned. ``body`` is a ``hmr_ros.body.model.BodyModel`` and ``parts``
    the ``hmr_ros.body.keypoints.Mixture`` of the landmarks on it. offsets [K, 3] (metres) move each
    landmark in the frame of the joint that carries it. ``parents``: of each joint, -1 of the root.

    Inside, the batch is the last axis: products of 3 x 3 matrices are then a few long vector
    operations, several times faster on a CPU than batched matrix products.
    """

    def __init__(self, body, parts, offsets: np.ndarray | None = None) -> None:
        super().__init__()
        self.parents = tuple(body.parents.tolist())
        levels = tree_levels(body.parents)
        self.sizes = [len(level) for level in levels]
        order = [j for level in levels for j in level]
        rows = [
            [above.index(body.parents[j]) for j in level]
            for above, level in zip(levels[:-1], levels[1:], strict=True)
        ]
        landmark, joint, weight, points = landmark_points(parts, body)
        if offsets is not None:
            moved = np.zeros((len(offsets), 3, points.shape[2]))
            moved[..., 0] = offsets
            landmark = np.concatenate([landmark, np.arange(len(offsets))])
            joint = np.concatenate([joint, main_joints(parts, body)])
            weight = np.concatenate([weight, np.zeros(len(offsets))])
            points = np.concatenate([points, moved])
        gather = np.zeros((len(parts.joint_weights), len(landmark)))
        gather[landmark, np.arange(len(landmark))] = 1
        anchor = parts.joint_weights.astype(float)
        np.add.at(anchor, (landmark, joint), weight)
        shape = np.concatenate([body.joint_template[..., None], body.joint_shapedirs], -1)
        bones = shape - shape[body.parents]
        bones[0] = 0

        def constant(name: str, value: np.ndarray) -> None:
            dtype = torch.int64 if value.dtype.kind in "iu" else torch.float32
            self.register_buffer(name, torch.as_tensor(value, dtype=dtype), persistent=False)

        for level, above in enumerate(rows):
            constant(f"rows{level}", np.array(above))
        constant("order", np.array(order))
        constant("place", np.argsort(order))
        constant("bones", bones[order].reshape(72, 11))
        constant("points", points.reshape(-1, 11))
        constant("point_joint", np.argsort(order)[joint])
        constant("gather", gather)
        constant("anchor", anchor)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Joints [N, 24, 3] and landmarks [N, K, 3] in metres, relative to the pelvis joint.

        rotations [N, 24, 3, 3]: global orientation, then the local rotations; betas [N, 10].
        """
        shape = torch.cat([torch.ones_like(betas[:, :1]), betas], 1).T  # [11, N]
        bones = (self.bones @ shape).reshape(24, 3, 1, -1)
        local = rotations.permute(1, 2, 3, 0).index_select(0, self.order)
        steps = torch.cat([local, bones], 2).split(self.sizes)  # each [L, 3, 4, N]
        turned, posed = [steps[0][:, :, :3]], [steps[0][:, :, 3]]
        for level, step in enumerate(steps[1:]):
            above = getattr(self, f"rows{level}")
            moved = product(turned[-1].index_select(0, above), step)
            turned.append(moved[:, :, :3])
            posed.append(posed[-1].index_select(0, above) + moved[:, :, 3])
        joints = torch.cat(posed).index_select(0, self.place)  # [24, 3, N]
        points = (self.points @ shape).reshape(-1, 3, 1, shape.shape[1])
        moved = product(torch.cat(turned).index_select(0, self.point_joint), points)
        landmarks = self.gather @ moved.flatten(1) + self.anchor @ joints.flatten(1)
        landmarks = landmarks.reshape(-1, 3, shape.shape[1])
        return joints.permute(2, 0, 1), landmarks.permute(2, 0, 1)

    def bone_shapes(self) -> Tensor:
        """[72, 11]: of each joint the way from the one above it, in the order of the joints."""
        return self.bones.unflatten(0, (-1, 3)).index_select(0, self.place).flatten(0, 1)

    def point_joints(self) -> list[int]:
        """Of each point of ``points`` the joint that carries it."""
        return self.order[self.point_joint].tolist()

    def merged(self) -> FoldedSkeleton:
        """The same for use, see ``hmr_ros.models.merging.fused``."""
        return FoldedSkeleton(self)


def product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products [L, 3, 3, N] x [L, 3, C, N] -> [L, 3, C, N], batch in the last axis."""
    out = a[:, :, 0:1] * b[:, None, 0]
    out = out + a[:, :, 1:2] * b[:, None, 1]
    return out + a[:, :, 2:3] * b[:, None, 2]
