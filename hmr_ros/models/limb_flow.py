"""Where limbs may be, over time: a flow from noise to how limbs are turned from the estimate.

Stage two of FactorizedHMR over time. A frame's token holds what the window says, the network's own
body its anchor and the limbs that it takes for most likely; a velocity field over the limbs alone
says where else they may be. A sample begins with the same noise in every frame, so it is one thread
through time: as the token changes smoothly, so does the limb.

A state [N, SIZE] holds 6D turns of the 16 limb joints from the estimate, in the frames of their
parents, as differences to no turn: zero is the estimate, and no state moves the torso.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hmr_ros.models import flow
from hmr_ros.models.decoder import Decoder
from hmr_ros.models.factorized_state import LIMBS, TORSO, at_rest
from hmr_ros.models.lifter import matrix_from_6d
from hmr_ros.models.tokenizer import sixd_of
from hmr_ros.models.velocity_field import WAVES

SIZE = 6 * len(LIMBS)
POSE = 6 * 24
NOISE = 0.4  # standard deviation of every coordinate at t = 0


class LimbFlow(nn.Module):
    """The velocity field; before anything is learned it points at the estimate from everywhere."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.names = nn.Parameter(0.02 * torch.randn(len(LIMBS), width))
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        self.turned, self.limb = nn.Linear(6, width), nn.Linear(6, width)
        self.torso, self.seen = nn.Linear(6 * len(TORSO), width), nn.Linear(width, width)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, width), nn.GELU(), nn.Linear(width, width))
        self.decoder = Decoder(width, heads, layers)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Parameter(0.01 / math.sqrt(width) * torch.randn(len(LIMBS), width, 6))
        self.register_buffer("waves", math.pi * 2.0 ** torch.arange(WAVES), persistent=False)

    def forward(
        self, state: Tensor, t: Tensor, evidence: Tensor, regressed: Tensor, without: Tensor
    ) -> Tensor:
        """Velocity [N, SIZE] at ``state`` [N, SIZE] and time t [N].

        evidence [N, 1, width]: the frame's token. regressed [N, POSE]: 6D of the network's body,
        the root in the facing frame. without [N] in 0..1: 1 where evidence and estimated limbs are
        left out, for guidance; the anchor stays. As states are turns from the estimate, limbs are
        then about as far from it as they are on the whole.
        """
        left = (1 - without)[:, None, None]
        pose = regressed.unflatten(1, (24, 6))
        angles = t[:, None] * self.waves
        about = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        torso = self.torso(pose[:, list(TORSO)].flatten(1))[:, None]
        tokens = self.turned(state.unflatten(1, (len(LIMBS), 6))) + self.names + about[:, None]
        tokens = tokens + left * self.limb(pose[:, list(LIMBS)])
        seen = left * self.seen(evidence) + (1 - left) * self.nothing
        rest = self.nothing.expand(state.shape[0], 1, -1)
        x = self.norm(self.decoder(tokens, [seen, torso, rest]))
        # In single precision, as a rotation needs more digits than bfloat16 has.
        with torch.autocast(state.device.type, enabled=False):
            out = (x.float().transpose(0, 1) @ self.out).transpose(0, 1)
            return out.flatten(1) - (1 - without)[:, None] * state

    def sampled(
        self, token: Tensor, pose: Tensor, noise: Tensor, steps: int, guidance: float = 1.0
    ) -> Tensor:
        """States [N, SIZE] from ``noise`` [N, SIZE] (standard normal) of people with tokens
        [N, width] and poses [N, POSE]."""
        evidence = token[:, None]

        def velocity(state: Tensor, t: Tensor) -> Tensor:
            seen = self(state, t, evidence, pose, torch.zeros_like(t))
            if guidance == 1.0:
                return seen
            return flow.guided(self(state, t, evidence, pose, torch.ones_like(t)), seen, guidance)

        every = torch.ones_like(noise[0])
        return flow.sampled(velocity, NOISE * noise, torch.zeros_like(noise), every, steps)


def pose_of(root: Tensor, others: Tensor) -> Tensor:
    """[..., POSE] of the root [..., 3, 3] in the facing frame and the other joints' local rotations
    [..., 23, 3, 3]."""
    return sixd_of(torch.cat([root[..., None, :, :], others], -3)).flatten(-2)


def turned(rotations: Tensor, state: Tensor) -> Tensor:
    """The bodies [N, 24, 3, 3] that states [N, SIZE] make of ``rotations`` [N, 24, 3, 3]."""
    none = at_rest()[:SIZE].to(state.device)
    turns = matrix_from_6d((state + none).unflatten(1, (len(LIMBS), 6)))
    body = list(rotations.unbind(1))
    for row, joint in enumerate(LIMBS):
        body[joint] = turns[:, row] @ body[joint]
    return torch.stack(body, 1)


def state_of(rotations: Tensor, goal: Tensor) -> Tensor:
    """States [N, SIZE] that turn the limbs of ``rotations`` into those of ``goal``, both
    [N, 24, 3, 3]: the reverse of ``turned``."""
    limbs = list(LIMBS)
    turns = goal[:, limbs] @ rotations[:, limbs].transpose(-1, -2)
    return sixd_of(turns).flatten(1) - at_rest()[:SIZE].to(goal.device)
