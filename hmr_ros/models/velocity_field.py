"""The velocity field of FactorizedHMR: where limbs move on their way from noise to data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.decoder import Decoder
from hmr_ros.models.factorized_state import (
    DISTAL,
    LIMBS,
    PLACE,
    POSITIONS,
    ROTATIONS,
    SHAPE,
    SIZE,
    TORSO,
    split,
)

WAVES = 8


@dataclass
class Told:
    """What stage two knows of N people: evidence [N, T, width], the state [N, SIZE] whose known
    coordinates are the anchor and whose others are zero, and the state [N, SIZE] of stage one's
    own body, which is evidence too."""

    evidence: Tensor
    anchor: Tensor
    regressed: Tensor


class VelocityField(nn.Module):
    """One token a joint, a distal position, the shape and the place; they look at each other and
    at the evidence, and the unknown ones say where they move.

    Before anything is learned they move straight to stage one's own limbs, so that the estimate
    begins as good as stage one; without evidence nothing is known of those either.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        layers: int,
        anchored: bool = True,
        positions: bool = True,
        tied: bool = False,
    ) -> None:
        """anchored, positions: see ``factorized_state.unknown_mask``. tied: rotations lead distal
        positions (``factorized_state.following``), and the velocities told of those come on top."""
        super().__init__()
        self.turning = LIMBS if anchored else tuple(range(24))
        self.distal = len(DISTAL) if positions else 0
        tokens = 24 + self.distal + 2  # rotations, positions, shape, place
        self.names = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        self.rotation, self.regressed_rotation = nn.Linear(6, width), nn.Linear(6, width)
        if positions:
            self.position, self.regressed_position = nn.Linear(3, width), nn.Linear(3, width)
        self.shape, self.place = nn.Linear(SHAPE, width), nn.Linear(PLACE, width)
        self.inherited = nn.Linear(width, width)
        self.torso = nn.Linear(6 * len(TORSO), width)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, width), nn.GELU(), nn.Linear(width, width))
        self.decoder = Decoder(width, heads, layers)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Parameter(torch.randn(len(self.turning) + self.distal, width, 6))
        with torch.no_grad():
            self.out.mul_(0.01 / math.sqrt(width))
        self.register_buffer("waves", math.pi * 2.0 ** torch.arange(WAVES), persistent=False)
        self.register_buffer("order", self._order(), persistent=False)
        # How far each coordinate moves by itself to where stage one has it.
        own = torch.ones(SIZE)
        own[ROTATIONS : ROTATIONS + POSITIONS] = float(not tied)
        self.register_buffer("own", own, persistent=False)

    def evidence(self, groups: list[Tensor], queries: Tensor) -> Tensor:
        """[N, T, width] of stage one's groups of tokens and queries."""
        return torch.cat([*groups, self.inherited(queries)], 1)

    def forward(
        self, state: Tensor, t: Tensor, evidence: Tensor, regressed: Tensor, without: Tensor
    ) -> Tensor:
        """Velocity [N, SIZE] at ``state`` [N, SIZE] and time t [N]; evidence and regressed as in
        ``Told``; without [N] in 0..1: 1 where the evidence is left out."""
        sixd, positions, betas, place = split(state)
        own_sixd, own_positions, _, _ = split(regressed)
        left = (1 - without)[:, None, None]
        angles = t[:, None] * self.waves
        about = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        about = about + self.torso(sixd[:, list(TORSO)].flatten(1))
        tokens = [self.rotation(sixd) + left * self.regressed_rotation(own_sixd)]
        if self.distal:
            own = left * self.regressed_position(own_positions)
            tokens.append(self.position(positions) + own)
        tokens += [self.shape(betas)[:, None], self.place(place)[:, None]]
        tokens = torch.cat(tokens, 1) + self.names + about[:, None]
        seen = left * evidence + (1 - left) * self.nothing
        rest = self.nothing.expand(state.shape[0], 1, -1)
        x = self.norm(self.decoder(tokens, [seen, rest]))
        moving = torch.cat([x[:, list(self.turning)], x[:, 24 : 24 + self.distal]], 1)
        # In single precision, as a rotation needs more digits than bfloat16 has.
        with torch.autocast(state.device.type, enabled=False):
            out = (moving.float().transpose(0, 1) @ self.out).transpose(0, 1)
            # Coordinates that do not move are nothing: the last column.
            moved = F.pad(out.flatten(1), (0, 1)).index_select(1, self.order)
            return moved + self.own * (1 - without)[:, None] * (regressed - state)

    def _order(self) -> Tensor:
        """[SIZE] where each coordinate of a state stands in outputs [M, 6] of what turns and of
        distal positions, or one past their end."""
        at, rows = self.turning, len(self.turning) + self.distal
        order = torch.full((SIZE,), 6 * rows)
        for n, joint in enumerate(at):
            order[6 * joint : 6 * joint + 6] = torch.arange(6 * n, 6 * n + 6)
        distal = 6 * torch.arange(len(at), rows)[:, None] + torch.arange(3)
        order[ROTATIONS : ROTATIONS + 3 * self.distal] = distal.flatten()
        return order
