"""FactorizedHMR for one image: a certain anchor, and limbs that flow from noise.

Stage one regresses the anchor: root, spine, neck, collars, head, shape and place. Stage two is a
velocity field over the limbs (``hmr_ros.models.flow``), told the anchor and the evidence. Evidence
can be left out for guidance; the anchor never is.

Besides samples it answers with an estimate: one step from zeros, which it is trained for as a
regressor (the estimation mode of GENMO, Li et al. 2025).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hmr_ros.models import flow
from hmr_ros.models.backbone import BackboneConfig
from hmr_ros.models.condition import Condition
from hmr_ros.models.crop_network import CropNetwork
from hmr_ros.models.decoder import QUERIES, Decoder
from hmr_ros.models.factorized_state import (
    DISTAL,
    LIMBS,
    PLACE,
    SHAPE,
    SIZE,
    TORSO,
    body_of,
    noise_scale,
    split,
    state_of,
    unknown_mask,
)
from hmr_ros.models.heads import BodyHead, SpreadHead, resting
from hmr_ros.models.heads import body_of as body_of_parameters
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.skeleton import Skeleton

TOKENS = 24 + len(DISTAL) + 2  # rotations, positions, shape, place
WAVES = 8


@dataclass(frozen=True)
class FactorizedConfig:
    """Sizes of the network; stored with its weights. layers: of the anchor's decoder and of the
    velocity field. without: kinds of evidence the network has no part for (for ablations)."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    width: int = 256
    heads: int = 8
    layers: tuple[int, ...] = (2, 4)
    without: tuple[str, ...] = ()


@dataclass
class Told:
    """What stage two knows of N people: evidence as groups of tokens [N, T, width], the state
    [N, SIZE] whose known coordinates are the anchor, and the anchor's own queries."""

    groups: list[Tensor]
    anchor: Tensor
    queries: Tensor


class Factorized(CropNetwork):
    """See the module text. ``skeleton`` belongs to the body model whose betas are predicted."""

    name = "factorized"

    def __init__(self, skeleton: Skeleton, config: FactorizedConfig = FactorizedConfig()) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        width = config.width
        self.condition = Condition(config.backbone, width, config.without)
        self.queries = nn.Parameter(0.02 * torch.randn(QUERIES, width))
        self.first = Decoder(width, config.heads, config.layers[0])
        self.anchor_head, self.spread = BodyHead(width), SpreadHead(width)
        self.field = VelocityField(width, config.heads, config.layers[1])
        self.register_buffer("rest", resting(), persistent=False)
        self.register_buffer("mask", unknown_mask(), persistent=False)
        self.register_buffer("noise_scale", noise_scale(skeleton), persistent=False)

    def told(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Told]:
        """Stage one: the anchor as a body with limbs at rest, and what stage two is told."""
        seen, points, context = self.condition(inputs)
        groups = seen + [t for t in (points, context[:, None]) if t is not None]
        queries = self.first(self.queries + context[:, None], groups)
        guess = body_of_parameters(self.skeleton, self.rest + self.anchor_head(queries))
        state = state_of(self.skeleton, guess.rotations, guess.betas, guess.place, guess.joints)
        anchor = flow.known_kept(torch.zeros_like(state), state, self.mask)
        body = body_of(self.skeleton, anchor)
        body.log_std, body.place_log_std, body.visibility_logit = self.spread(queries)
        # Stage two inherits the anchor as it is and does not pull at it.
        return body, Told(groups, anchor.detach(), queries)

    def velocity(
        self, state: Tensor, t: Tensor, told: Told, without: Tensor | None = None
    ) -> Tensor:
        """d state / d t [N, SIZE], zero at known coordinates. without [N] in 0..1: 1 where the
        evidence is left out; the anchor stays."""
        return self.mask * self.field(state, t, told, without)

    def estimate(self, told: Told) -> Tensor:
        """The state [N, SIZE] that one step from zeros leads to."""
        return flow.sampled(
            lambda state, t: self.velocity(state, t, told),
            torch.zeros_like(told.anchor),
            told.anchor,
            self.mask,
            steps=1,
        )

    def sample(self, told: Told, noise: Tensor, steps: int = 4, guidance: float = 1.0) -> Tensor:
        """One state [N, SIZE] for each row of ``noise`` [N, SIZE] (standard normal)."""

        def velocity(state: Tensor, t: Tensor) -> Tensor:
            seen = self.velocity(state, t, told)
            if guidance == 1.0:
                return seen
            blind = self.velocity(state, t, told, torch.ones_like(t))
            return flow.guided(blind, seen, guidance)

        return flow.sampled(velocity, noise * self.noise_scale, told.anchor, self.mask, steps)

    def looks(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Lifted]:
        """The anchor's body and the estimate, in the view frame; inputs by name (``INPUTS``)."""
        anchor, told = self.told(inputs)
        final = body_of(self.skeleton, self.estimate(told))
        final.log_std, final.place_log_std = anchor.log_std, anchor.place_log_std
        final.visibility_logit = anchor.visibility_logit
        return anchor, final


class VelocityField(nn.Module):
    """One token a joint, a distal position, the shape and the place; they look at each other and
    at the evidence, and the unknown ones say where they move."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.names = nn.Parameter(0.02 * torch.randn(TOKENS, width))
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        self.rotation, self.position = nn.Linear(6, width), nn.Linear(3, width)
        self.shape, self.place = nn.Linear(SHAPE, width), nn.Linear(PLACE, width)
        self.inherited = nn.Linear(width, width)
        self.torso = nn.Linear(6 * len(TORSO), width)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, width), nn.GELU(), nn.Linear(width, width))
        self.decoder = Decoder(width, heads, layers)
        self.norm = nn.LayerNorm(width)
        moving = len(LIMBS) + len(DISTAL)
        self.out = nn.Parameter(torch.randn(moving, width, 6) * 0.1 / math.sqrt(width))
        self.register_buffer("waves", math.pi * 2.0 ** torch.arange(WAVES), persistent=False)

    def forward(self, state: Tensor, t: Tensor, told: Told, without: Tensor | None) -> Tensor:
        sixd, positions, betas, place = split(state)
        angles = t[:, None] * self.waves
        about = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        about = about + self.torso(sixd[:, list(TORSO)].flatten(1))
        tokens = [self.rotation(sixd), self.position(positions)]
        tokens += [self.shape(betas)[:, None], self.place(place)[:, None]]
        tokens = torch.cat(tokens, 1) + self.names + about[:, None]
        evidence = torch.cat([*told.groups, self.inherited(told.queries)], 1)
        if without is not None:
            left = (1 - without)[:, None, None]
            evidence = left * evidence + (1 - left) * self.nothing
        rest = self.nothing.expand(state.shape[0], 1, -1)
        x = self.norm(self.decoder(tokens, [evidence, rest]))
        moving = torch.cat([x[:, list(LIMBS)], x[:, 24 : 24 + len(DISTAL)]], 1)
        # In single precision, as a rotation needs more digits than bfloat16 has.
        with torch.autocast(state.device.type, enabled=False):
            out = (moving.float().transpose(0, 1) @ self.out).transpose(0, 1)
            limbs, distal = out[:, : len(LIMBS)], out[:, len(LIMBS) :, :3]
            rows = [limbs[:, [LIMBS.index(j)]] if j in LIMBS else torch.zeros_like(limbs[:, :1])
                    for j in range(24)]  # fmt: skip
            return torch.cat(
                [
                    torch.cat(rows, 1).flatten(1),
                    distal.flatten(1),
                    torch.zeros_like(out[:, 0, :1]).expand(-1, SIZE - 24 * 6 - 3 * len(DISTAL)),
                ],
                1,
            )
