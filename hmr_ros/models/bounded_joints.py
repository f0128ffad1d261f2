"""Rotations that cannot leave the joints' ranges, whatever a network answers.

A rotation is a twist about one axis of the T-pose (y along trunk and legs, x along the arms) and a
swing about the other two, each within the range of its joint: R = swing * twist, with right joints
as the mirror image of left ones (the convention of ``hmr_ros.data.joint_limits``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

JOINTS = 21  # the body: SMPL's joints 1 to 21
TWIST_ABOUT_X = (13, 14, 16, 17, 18, 19, 20, 21)  # collars and arms
RIGHT = (2, 5, 8, 11, 14, 17, 19, 21)
# Radians. Ranges of two axes reach together beyond a half turn, which comes back from the far side.
LARGEST_SWING = 3.1


class BoundedJoints(nn.Module):
    """Free numbers to rotations of the 21 body joints.

    limits: [21, 3, 2] radians about x, y and z of the left side, least and greatest; they are part
    of the weights.
    """

    def __init__(self, limits: Tensor) -> None:
        super().__init__()
        if limits.shape != (JOINTS, 3, 2):
            raise ValueError(f"limits have shape {tuple(limits.shape)}, expected (21, 3, 2)")
        twist = torch.zeros(JOINTS, 3)
        twist[:, 1] = 1
        twist[[j - 1 for j in TWIST_ABOUT_X]] = torch.tensor([1.0, 0, 0])
        mirror = torch.ones(JOINTS, 3)
        for joint in RIGHT:
            mirror[joint - 1, 1:] = -1
        self.register_buffer("limits", limits.float())
        self.register_buffer("twist", twist, persistent=False)
        self.register_buffer("mirror", mirror, persistent=False)

    def rest(self) -> Tensor:
        """[21, 3] of the answer for the T-pose."""
        low, high = self.limits.unbind(-1)
        return torch.atanh((-(low + high) / (high - low)).clamp(-0.99, 0.99))

    def forward(self, answer: Tensor) -> Tensor:
        """[N, 21, 3], any numbers, to local rotations [N, 21, 3, 3]."""
        low, high = self.limits.unbind(-1)
        angles = (low + high) / 2 + (high - low) / 2 * torch.tanh(answer)
        half = (angles * self.twist).sum(-1, keepdim=True) / 2
        twist = torch.cat([half.cos(), half.sin() * self.twist], -1)
        swing = angles * (1 - self.twist)
        # The small number keeps the gradient finite where nothing swings.
        angle = (swing.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        swing = swing * (LARGEST_SWING / angle).clamp(max=1)
        angle = angle.clamp(max=LARGEST_SWING)
        swing = torch.cat([(angle / 2).cos(), swing * ((angle / 2).sin() / angle)], -1)
        turn = quaternion_product(swing, twist)
        return matrix_from_quaternion(turn[..., :1], turn[..., 1:] * self.mirror)


def quaternion_product(a: Tensor, b: Tensor) -> Tensor:
    """Quaternions [..., 4] as w, x, y, z."""
    v, w = a[..., 1:], b[..., 1:]
    real = a[..., :1] * b[..., :1] - (v * w).sum(-1, keepdim=True)
    return torch.cat([real, a[..., :1] * w + b[..., :1] * v + torch.linalg.cross(v, w)], -1)


def matrix_from_quaternion(w: Tensor, v: Tensor) -> Tensor:
    """Unit quaternions w [..., 1], v [..., 3] to matrices [..., 3, 3]."""
    x, y, z = v.unbind(-1)
    w = w[..., 0]
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]
    rows += [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]
    rows += [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return torch.stack(rows, -1).reshape(*w.shape, 3, 3)
