"""What the flow of the limbs over time is trained on: the true limbs as far as they can be had on
the network's own torso (``models/reaching.py``), in stretches of consecutive frames.

A stretch has one noise and one time of the flow, as a sample has at run time, so that what it says
of two frames can be asked to move as the person did.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from hmr_ros.models import flow
from hmr_ros.models.limb_flow import NOISE, SIZE, state_of, turned
from hmr_ros.models.reaching import reaching
from hmr_ros.models.temporal import Temporal
from hmr_ros.training.factorized_losses import mean
from hmr_ros.training.lifter_losses import distance

FRAMES = 6  # of a stretch
BLIND = 0.1  # share of the stretches without evidence, for guidance


@dataclass(frozen=True)
class FlowWeights:
    """flow: of the velocity, in units of the noise; reach and motion of the body that a straight
    line leads to: its joints, and their displacement from frame to frame, in metres."""

    flow: float = 0.3
    reach: float = 5.0
    motion: float = 2.0


@dataclass(frozen=True)
class Stretches:
    """What chance decides about N clips: first [N] frame, noise [N, SIZE] (standard normal), t [N]
    and blind [N] bool."""

    first: Tensor
    noise: Tensor
    t: Tensor
    blind: Tensor

    def to(self, device: torch.device) -> Stretches:
        return Stretches(*(value.to(device) for value in vars(self).values()))


def draw(counted: Tensor, rng: Generator) -> Stretches:
    """Of clips whose frames ``counted`` [N, T] says, as far as they are long enough."""
    people = len(counted)
    last = (counted.sum(1).cpu() - FRAMES).clamp(min=0) + 1
    return Stretches(
        first=(torch.rand(people, generator=rng) * last).long(),
        noise=torch.randn(people, SIZE, generator=rng),
        t=torch.rand(people, generator=rng),
        blind=torch.rand(people, generator=rng) < BLIND,
    )


def losses(
    network: Temporal,
    answer: dict[str, Tensor],
    batch: dict[str, Tensor],
    chance: Stretches,
    weights: FlowWeights,
) -> dict[str, Tensor]:
    """Weighted terms of clips ``followed_people.batch_of`` and the network's ``answer`` to them,
    which they do not change: the field learns what the rest of the network leaves open."""
    frames = min(FRAMES, batch["elapsed"].shape[1])
    at = chance.first[:, None] + torch.arange(frames, device=chance.first.device)
    clip = torch.arange(len(at), device=at.device)[:, None]

    def of(values: Tensor) -> Tensor:
        """[N * frames, ...] of [N, T, ...]."""
        return values[clip, at].flatten(0, 1).detach()

    def each(values: Tensor) -> Tensor:
        return values.repeat_interleave(frames, 0)

    own, betas = of(answer["rotations"]), of(answer["betas"])
    with torch.no_grad():
        true_rotations = of(batch["true_rotations"])
        true, _ = network.skeleton(true_rotations, of(batch["true_betas"]))
        goal = reaching(network.skeleton, own, betas, true_rotations, true)
        wanted, _ = network.skeleton(goal, betas)
        data = state_of(own, goal)
    noise, t, blind = NOISE * each(chance.noise), each(chance.t), each(chance.blind).to(data.dtype)
    every = torch.ones_like(data[0])
    state = flow.between(noise, data, t, every)
    velocity = network.flow(state, t, of(answer["token"])[:, None], of(answer["pose"]), blind)
    counts = of(batch["counted"])
    moved = flow.flow_loss(velocity / NOISE, noise / NOISE, data / NOISE, every)
    reached = turned(own, flow.reached(state, velocity, t, every))
    joints, _ = network.skeleton(reached, betas)
    # At early times little is known, and nothing without evidence.
    known = counts * t * (1 - blind)
    gap = (joints - wanted).unflatten(0, (-1, frames))
    both = known.unflatten(0, (-1, frames))[:, 1:].flatten()
    return {
        "flow": weights.flow * mean(moved, counts),
        "flow_reach": weights.reach * mean(distance(gap).mean(-1).flatten(), known),
        "flow_motion": weights.motion * mean(distance(gap.diff(dim=1)).mean(-1).flatten(), both),
    }
