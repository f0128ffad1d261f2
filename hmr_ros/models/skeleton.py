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


class Skeleton(nn.Module):
    """Forward kinematics of the 24 joints and of K landmarks.

    Buffers only; nothing is learned. ``body`` is a ``hmr_ros.body.model.BodyModel`` and ``parts``
    the ``hmr_ros.body.keypoints.Mixture`` of the landmarks on it.
    """

    def __init__(self, body, parts) -> None:
        super().__init__()
        self.levels = tree_levels(body.parents)
        self.parents = [int(p) for p in body.parents]
        order = [j for level in self.levels for j in level]
        landmark, joint, weight, points = landmark_points(parts, body)
        gather = np.zeros((len(parts.joint_weights), len(landmark)))
        gather[landmark, np.arange(len(landmark))] = 1
        anchor = parts.joint_weights.astype(float)
        np.add.at(anchor, (landmark, joint), weight)
        shape = np.concatenate([body.joint_template[..., None], body.joint_shapedirs], -1)

        def constant(name: str, value: np.ndarray) -> None:
            dtype = torch.int64 if value.dtype.kind in "iu" else torch.float32
            self.register_buffer(name, torch.as_tensor(value, dtype=dtype), persistent=False)

        constant("joint_order", np.argsort(order))
        constant("joint_shape", shape.reshape(72, 11).T.copy())
        constant("point_shape", points.reshape(-1, 11).T.copy())
        constant("point_joint", joint)
        constant("gather", gather)
        constant("anchor", anchor)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Joints [N, 24, 3] and landmarks [N, K, 3] in metres, relative to the pelvis joint.

        rotations [N, 24, 3, 3]: global orientation, then the local rotations; betas [N, 10].
        """
        shape = torch.cat([torch.ones_like(betas[:, :1]), betas], 1)
        rest = (shape @ self.joint_shape).reshape(-1, 24, 3)
        turned, posed = [rotations[:, :1]], [torch.zeros_like(rest[:, :1])]
        for above, level in zip(self.levels, self.levels[1:]):
            parents = [self.parents[j] for j in level]
            rows = [above.index(p) for p in parents]
            offset = (rest[:, level] - rest[:, parents])[..., None]
            step = turned[-1][:, rows] @ torch.cat([rotations[:, level], offset], -1)
            turned.append(step[..., :3])
            posed.append(posed[-1][:, rows] + step[..., 3])
        orientation = torch.cat(turned, 1)[:, self.joint_order]
        joints = torch.cat(posed, 1)[:, self.joint_order]
        points = (shape @ self.point_shape).reshape(-1, len(self.point_joint), 3, 1)
        moved = (orientation[:, self.point_joint] @ points)[..., 0]
        return joints, self.gather @ moved + self.anchor @ joints
