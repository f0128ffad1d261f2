"""Forward kinematics (``hmr_ros.models.skeleton``) for use: a dozen operators, not hundreds.

World orientations by pointer jumping (Wyllie 1979): a joint knows the product of the rotations of
the 2^k joints up the tree that end with it, and takes on what the joint 2^k further up knows. Four
steps do for paths of up to sixteen joints. Everything else is linear: a joint is the sum of the
bones on its path, each turned as the joint above it is, and a landmark is a sum of joints and of
points that are turned as joints are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


def jumps(parents: Sequence[int]) -> list[list[int]]:
    """For each step, the joint 2^k further up the tree from each, and from one more row that stands
    for no joint: there, and where the tree ends before, that row itself."""
    none = len(parents)
    above = [none if p < 0 else p for p in parents] + [none]
    found = []
    while any(joint != none for joint in above):
        found.append(above)
        above = [above[joint] for joint in above]
    return found


def paths(parents: Sequence[int]) -> np.ndarray:
    """[J, J] float64: 1 where the joint of the column is on the way from the root's children to the
    joint of the row, which itself is included and the root is not."""
    on = np.zeros((len(parents), len(parents)))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            on[joint] = on[parent]
            on[joint, joint] = 1
    return on


def orientations(rotations: Tensor, steps: Sequence[Tensor]) -> Tensor:
    """World orientations [N, J + 1, 3, 3] of local ones [N, J + 1, 3, 3], of which the last is no
    rotation. steps: [J + 1] each, of ``jumps``."""
    for further in steps:
        rotations = rotations.index_select(1, further) @ rotations
    return rotations


class FoldedSkeleton(nn.Module):
    """A ``skeleton.Skeleton``; called as that."""

    def __init__(self, skeleton: nn.Module) -> None:
        super().__init__()
        self.parents = skeleton.parents
        joints = len(self.parents)
        bones, carriers = skeleton.bone_shapes(), skeleton.point_joints()
        gather, anchor = (c.double().cpu().numpy() for c in (skeleton.gather, skeleton.anchor))
        on = paths(self.parents)
        summed = np.zeros((joints + len(gather), joints + gather.shape[1]))
        summed[:joints, :joints] = on
        summed[joints:] = np.concatenate([anchor @ on, gather], 1)
        steps = jumps(self.parents)
        self.steps = len(steps)

        def constant(name: str, value: Tensor) -> None:
            self.register_buffer(name, value.to(skeleton.bones.device), persistent=False)

        for step, further in enumerate(steps):
            constant(f"above{step}", torch.tensor(further))
        shapes = torch.cat([bones, skeleton.points])
        constant("rest", shapes[:, 0].clone())
        constant("slopes", shapes[:, 1:].T.clone())
        constant("turned_by", torch.tensor([*np.maximum(self.parents, 0), *carriers]))
        constant("summed", torch.tensor(summed, dtype=torch.float32))
        constant("identity", torch.eye(3)[None, None])

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        joints = len(self.parents)
        none = self.identity.expand(rotations.shape[0], 1, 3, 3)
        turned = torch.cat([rotations, none], 1)
        turned = orientations(turned, [getattr(self, f"above{n}") for n in range(self.steps)])
        rest = torch.addmm(self.rest, betas, self.slopes).reshape(-1, len(self.turned_by), 3, 1)
        moved = turned.index_select(1, self.turned_by) @ rest
        found = self.summed @ moved.squeeze(3)
        return found[:, :joints], found[:, joints:]
