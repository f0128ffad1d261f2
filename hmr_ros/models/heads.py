"""From decoded queries to a body: rotations, shape, place, and how sure each of them is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hmr_ros.models.decoder import JOINTS
from hmr_ros.models.folded_heads import FoldedBodyHead, FoldedSpreadHead
from hmr_ros.models.lifter import LOG_STD_RANGE, MEAN_LOG_DISTANCE, Lifted, matrix_from_6d
from hmr_ros.models.skeleton import Skeleton

START_STD = 0.1  # metres, before anything is learned


class PerJoint(nn.Module):
    """A linear map of its own for each joint: [N, 24, width] to [N, 24, outputs]."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(JOINTS, width, outputs) * 0.1 / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(JOINTS, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return (x.transpose(0, 1) @ self.weight).transpose(0, 1) + self.bias


class BodyHead(nn.Module):
    """Queries [N, 26, width] to what is to be added to the parameters [N, 157] of a body
    (24 x 6D, 10 betas, 3 place; see ``hmr_ros.models.lifter.Lifted``)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.rotations = PerJoint(width, 6)
        self.betas, self.place = nn.Linear(width, 10), nn.Linear(width, 3)
        for part in (self.betas, self.place):
            nn.init.normal_(part.weight, std=0.1 / math.sqrt(width))
            nn.init.zeros_(part.bias)

    def forward(self, queries: Tensor) -> Tensor:
        # In single precision: a rotation needs more digits than bfloat16 has.
        with torch.autocast(queries.device.type, enabled=False):
            x = self.norm(queries.float())
            sixd = self.rotations(x[:, :JOINTS]).flatten(1)
            return torch.cat([sixd, self.betas(x[:, JOINTS]), self.place(x[:, JOINTS + 1])], 1)

    def merged(self) -> FoldedBodyHead:
        """The same for use, see ``hmr_ros.models.merging.fused``."""
        return FoldedBodyHead(self)


class SpreadHead(nn.Module):
    """Queries [N, 26, width] to the natural logs of the standard deviations of the joints about
    the pelvis [N, 24, 3] and of the place [N, 3], and to logits of visibility [N, 24]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.joints, self.place = PerJoint(width, 4), nn.Linear(width, 3)
        nn.init.normal_(self.place.weight, std=0.1 / math.sqrt(width))
        with torch.no_grad():
            self.joints.bias[:, :3] = math.log(START_STD)
            self.place.bias.fill_(math.log(START_STD))

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low, high = LOG_STD_RANGE
        with torch.autocast(queries.device.type, enabled=False):
            x = self.norm(queries.float())
            joints, place = self.joints(x[:, :JOINTS]), self.place(x[:, JOINTS + 1])
        return joints[..., :3].clamp(low, high), place.clamp(low, high), joints[..., 3]

    def merged(self) -> FoldedSpreadHead:
        """The same for use, see ``hmr_ros.models.merging.fused``."""
        return FoldedSpreadHead(self)


def resting() -> Tensor:
    """Parameters [157] of an upright body in its rest pose, facing the camera."""
    sixd = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(JOINTS)
    sixd[4] = -1  # the body's Y up is the camera's -y
    return torch.cat([sixd, torch.zeros(12), torch.tensor([MEAN_LOG_DISTANCE])])


def body_of(skeleton: Skeleton, parameters: Tensor) -> Lifted:
    """Parameters [N, 157] to a posed body; in single precision, whatever the network runs in.

    Joints do not train the shape: a network that does not know where a limb is would make the
    person smaller, which is nearer to all places where it may be, and stand nearer to the camera.
    """
    with torch.autocast(parameters.device.type, enabled=False):
        sixd, betas, place = parameters.split([6 * JOINTS, 10, 3], 1)
        rotations = matrix_from_6d(sixd.reshape(-1, JOINTS, 6))
        joints, landmarks = skeleton(rotations, betas.detach())
    return Lifted(sixd, rotations, betas, place, joints, landmarks)
