"""FactorizedHMR for one image: a certain anchor, and limbs that flow from noise.

Stage one regresses the body and is trained first: the ``Baseline``. Of its answer the torso stays
for good, the anchor: root, spine, neck, collars, head, shape and place. Stage two is a velocity
field over the limbs (``hmr_ros.models.velocity_field``), told the anchor and the evidence, among it
stage one's own limbs. Evidence can be left out for guidance; the anchor never is.

Besides samples it answers with an estimate: one step from zeros, which it is trained for as a
regressor (the estimation mode of GENMO, Li et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from hmr_ros.models import flow
from hmr_ros.models.baseline import Baseline, BaselineConfig
from hmr_ros.models.crop_network import CropNetwork
from hmr_ros.models.factorized_state import (
    body_of,
    following,
    noise_scale,
    state_of,
    unknown_mask,
)
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.skeleton import Skeleton
from hmr_ros.models.velocity_field import Told, VelocityField

SAMPLES, STEPS = 8, 4  # of a person, and of each, by which samples are calibrated and judged


@dataclass(frozen=True)
class FactorizedConfig(BaselineConfig):
    """Sizes of the network; stored with its weights. field_layers: of the velocity field. For
    ablations, without ``anchored`` the torso flows as well, all but shape and place, and without
    ``positions`` there is no auxiliary view; ``unanchored``: some were trained without the anchor,
    for guidance that drops it; without ``informed`` the field is told nothing of what stage one
    answers but known coordinates. tied: the auxiliary view follows the rotations. All else is of
    stage one (see ``BaselineConfig``)."""

    field_layers: int = 4
    anchored: bool = True
    positions: bool = True
    tied: bool = False
    unanchored: bool = False
    informed: bool = True

    def of_stage_one(self) -> BaselineConfig:
        return BaselineConfig(**{f.name: getattr(self, f.name) for f in fields(BaselineConfig)})


class Factorized(CropNetwork):
    """See the module text. ``skeleton`` belongs to the body model whose betas are predicted."""

    name = "factorized"
    generative = True

    def __init__(self, skeleton: Skeleton, config: FactorizedConfig = FactorizedConfig()) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        self.anchor = Baseline(skeleton, config.of_stage_one())
        kind = config.anchored, config.positions
        self.tied = config.tied and config.positions
        sizes = config.width, config.heads, config.field_layers
        self.field = VelocityField(*sizes, *kind, self.tied)
        # Factors of the standard deviations of joints by samples: seen, and hidden ones.
        self.register_buffer("sample_temperature", torch.ones(2))
        mask = unknown_mask(*kind)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("noise_scale", noise_scale(skeleton, mask), persistent=False)

    def told(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Told]:
        """Stage one: its body, whose torso is the anchor, and what stage two is told."""
        _, body, groups, queries = self.anchor.read(inputs)
        state = state_of(self.skeleton, body.rotations, body.betas, body.place, body.joints)
        anchor = flow.known_kept(torch.zeros_like(state), state, self.mask)
        if not self.config.informed:
            groups, queries, state = self.anchor.evidence(inputs), 0 * queries, anchor
        return body, Told(self.field.evidence(groups, queries), anchor, state)

    def velocity(
        self,
        state: Tensor,
        t: Tensor,
        told: Told,
        without: Tensor | None = None,
        unanchored: Tensor | None = None,
    ) -> Tensor:
        """d state / d t [N, SIZE], zero at known coordinates. without [N] in 0..1: 1 where the
        evidence is left out; the anchor stays, but where ``unanchored`` [N] is 1 too (to compare
        with): then known coordinates are shown as zeros."""
        if without is None:
            without = torch.zeros_like(t)
        shown = state
        if unanchored is not None:
            shown = torch.where(unanchored[:, None] > 0, self.mask * state, state)
        moved = self.mask * self.field(shown, t, told.evidence, told.regressed, without)
        if self.tied:
            follow = following(self.skeleton, state, moved, t, self.mask)
            # Where limbs lead without the anchor is not known.
            moved = moved + (follow if unanchored is None else (1 - unanchored)[:, None] * follow)
        return moved

    def estimate(self, told: Told) -> Tensor:
        """The state [N, SIZE] that one step from zeros leads to."""
        return flow.sampled(
            lambda state, t: self.velocity(state, t, told),
            torch.zeros_like(told.anchor),
            told.anchor,
            self.mask,
            steps=1,
        )

    def sample(
        self,
        told: Told,
        noise: Tensor,
        steps: int = STEPS,
        guidance: float = 1.0,
        keep_anchor: bool = True,
    ) -> Tensor:
        """One state [N, SIZE] for each row of ``noise`` [N, SIZE] (standard normal).

        keep_anchor: False for guidance away from a velocity that does not know the anchor either.
        """

        def velocity(state: Tensor, t: Tensor) -> Tensor:
            seen = self.velocity(state, t, told)
            if guidance == 1.0:
                return seen
            ones = torch.ones_like(t)
            blind = self.velocity(state, t, told, ones, None if keep_anchor else ones)
            return flow.guided(blind, seen, guidance)

        return flow.sampled(velocity, noise * self.noise_scale, told.anchor, self.mask, steps)

    def looks(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Lifted]:
        """Stage one's body and the estimate, in the view frame; inputs by name (``INPUTS``)."""
        first, told = self.told(inputs)
        return first, self.estimated(first, told)

    def estimated(self, first: Lifted, told: Told) -> Lifted:
        """The body of the estimate, as sure of itself as stage one's."""
        final = body_of(self.skeleton, self.estimate(told))
        final.log_std, final.place_log_std = first.log_std, first.place_log_std
        final.visibility_logit = first.visibility_logit
        return final


class Telling(CropNetwork):
    """A ``Factorized`` whose answer ends with what the velocity field must be told: evidence,
    anchor and regressed state (``Told``). It is what is exported."""

    def __init__(self, network: Factorized) -> None:
        super().__init__()
        self.network = network
        self.name, self.config, self.skeleton = network.name, network.config, network.skeleton

    def answer(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        first, told = self.network.told(inputs)
        placed = self.network.placed(self.network.estimated(first, told), inputs)
        return *placed, told.evidence, told.anchor, told.regressed


class Moving(nn.Module):
    """The velocity of a ``Factorized`` as it is exported: ``VelocityField.forward`` for states that
    have the anchor's coordinates."""

    def __init__(self, network: Factorized) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, state: Tensor, t: Tensor, evidence: Tensor, regressed: Tensor, without: Tensor
    ) -> Tensor:
        told = Told(evidence, regressed, regressed)
        return self.network.velocity(state, t, told, without)
