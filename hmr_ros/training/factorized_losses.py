"""What stage two of FactorizedHMR is trained on: the flow of the limbs, and where it leads.

Half of the people of a batch train the estimate (one step from zeros, as a regressor), the others
the flow at a random time. Of the body that a straight line leads to, a flow's early times know
little, so their geometry counts by t.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from hmr_ros.models import flow
from hmr_ros.models.factorized import Factorized
from hmr_ros.models.factorized_state import (
    DISTAL,
    LIMBS,
    PARENT_OF,
    body_of,
    positions_of,
    state_of,
)
from hmr_ros.models.lifter import Lifted, project
from hmr_ros.models.reaching import reaching
from hmr_ros.training.lifter_losses import LIMB_JOINTS, LIMB_WEIGHT, distance
from hmr_ros.training.losses import REACH, Target


@dataclass(frozen=True)
class Weights:
    """Weight of each term; distances in metres, in the image in half widths of the crop.

    flow: of the velocity, in units of the noise. rotations, joints, landmarks, image: of the body.
    positions, projected: of the auxiliary view in space and in the image. agree: of its distance to
    the body's own joints. bones: of its lengths.
    """

    flow: float = 0.3
    rotations: float = 2.0
    joints: float = 5.0
    landmarks: float = 2.0
    image: float = 4.0
    positions: float = 2.0
    projected: float = 1.0
    agree: float = 2.0
    bones: float = 0.5


@dataclass(frozen=True)
class Draw:
    """What chance decides about N people: noise [N, SIZE] (standard normal), t [N], estimated [N]
    bool (trains the estimate: then neither noise nor t counts), blind [N] bool (without
    evidence, for guidance) and unanchored [N] bool (blind, and without the anchor)."""

    noise: Tensor
    t: Tensor
    estimated: Tensor
    blind: Tensor
    unanchored: Tensor

    def to(self, device: torch.device) -> Draw:
        return Draw(*(value.to(device) for value in vars(self).values()))


def draw(
    people: int, size: int, rng: Generator, estimated: float, blind: float, unanchored: float = 0.0
) -> Draw:
    """Shares ``estimated`` of all people, ``blind`` of those who train the flow, and ``unanchored``
    of the blind ones."""
    which = torch.rand(people, generator=rng) < estimated
    unseen = torch.rand(people, generator=rng)
    return Draw(
        noise=torch.randn(people, size, generator=rng),
        t=torch.rand(people, generator=rng),
        estimated=which,
        blind=(unseen < blind) & ~which,
        unanchored=(unseen < blind * unanchored) & ~which,
    )


def losses(
    network: Factorized,
    inputs: dict[str, Tensor],
    truth: Target,
    chance: Draw,
    weights: Weights,
    reach: bool = True,
) -> dict[str, Tensor]:
    """Weighted terms; their sum is the loss. reach: see ``goal_of``."""
    _, told = network.told(inputs)
    data, truth = goal_of(network, truth, told.anchor, reach)
    estimated = chance.estimated[:, None]
    noise = torch.where(estimated, 0.0, chance.noise * network.noise_scale)
    t = torch.where(chance.estimated, 0.0, chance.t)
    state = flow.between(noise, data, t, network.mask)
    hidden = (who.to(t.dtype) for who in (chance.blind, chance.unanchored))
    velocity = network.velocity(state, t, told, *hidden)
    unit = torch.where(network.mask > 0, network.noise_scale, 1.0)
    reached = flow.reached(state, velocity, t, network.mask)
    counts = torch.where(chance.estimated, 1.0, t) * ~chance.blind
    scale = inputs["scale"]
    moved = flow.flow_loss(velocity / unit, noise / unit, data / unit, network.mask)
    terms = {"flow": weights.flow * (moved * ~chance.estimated).mean()}
    body = body_of(network.skeleton, reached)
    terms |= body_terms(body, truth, scale, counts, weights)
    if network.config.positions:
        positions = positions_of(network.skeleton, reached)
        terms |= position_terms(positions, body, truth, scale, counts, weights)
    return terms


def goal_of(
    network: Factorized, truth: Target, anchor: Tensor, reach: bool = True
) -> tuple[Tensor, Target]:
    """The state [N, SIZE] of the true limbs on a given anchor, from which sampling will start, and
    what bodies are judged by.

    reach: limbs that ``reaching`` finds, in both views, and their body is what others are judged
    by. Without it (for an ablation) their joints turn as the true ones do, wherever that leads, the
    auxiliary view is of the true limbs, and bodies are judged by the truth.
    """
    skeleton, torso = network.skeleton, body_of(network.skeleton, anchor)
    rotations, joints = truth.rotations, truth.joints
    if network.config.anchored:
        turned = torso.rotations.clone()
        turned[:, list(LIMBS)] = rotations[:, list(LIMBS)]
        whole = rotations, joints
        rotations = reaching(skeleton, torso.rotations, torso.betas, *whole) if reach else turned
    if reach:
        # In single precision, as ``reaching``.
        with torch.autocast(anchor.device.type, enabled=False):
            joints, landmarks = skeleton(rotations, torso.betas)
        truth = replace(truth, rotations=rotations, joints=joints, landmarks=landmarks)
    state = state_of(skeleton, rotations, torso.betas, torso.place, joints)
    return flow.known_kept(state, anchor, network.mask), truth


def body_terms(
    body: Lifted, truth: Target, scale: Tensor, counts: Tensor, weights: Weights
) -> dict[str, Tensor]:
    """Of the bodies that the rotations define; ``counts`` [N] is how far each person counts."""
    importance = torch.ones(24, device=body.joints.device)
    importance[LIMB_JOINTS] = LIMB_WEIGHT
    # The torso of an anchor is nobody's error here, but it has no gradient either.
    turned = (body.rotations - truth.rotations).abs().mean((2, 3)).sum(1) / len(LIMBS)
    joints = (distance(body.joints - truth.joints) * importance).mean(1)
    marks = distance(body.landmarks - truth.landmarks).mean(1)
    seen = project(torch.cat([body.joints, body.landmarks], 1), body.place, scale)
    return {
        "rotations": weights.rotations * mean(turned, counts),
        "joints": weights.joints * mean(joints, counts),
        "landmarks": weights.landmarks * mean(marks, counts),
        "image": weights.image * mean(in_image(seen, truth.image, truth.seen), counts),
    }


def position_terms(
    positions: Tensor,
    body: Lifted,
    truth: Target,
    scale: Tensor,
    counts: Tensor,
    weights: Weights,
) -> dict[str, Tensor]:
    """Of the auxiliary view, distal joints [N, 12, 3] about the pelvis."""
    distal = list(DISTAL)
    own = body.joints[:, distal]
    parents = torch.stack(
        [positions[:, distal.index(p)] if p in distal else body.joints[:, p] for p in PARENT_OF],
        1,
    )
    length = distance(own - body.joints[:, list(PARENT_OF)])
    bones = (distance(positions - parents) - length.detach()).abs().mean(1)
    seen = project(positions, body.place, scale)
    projected = in_image(seen, truth.image[:, distal], truth.seen[:, distal])
    off = distance(positions - truth.joints[:, distal]).mean(1)
    return {
        "positions": weights.positions * mean(off, counts),
        "projected": weights.projected * mean(projected, counts),
        "agree": weights.agree * mean(distance(positions - own).mean(1), counts),
        "bones": weights.bones * mean(bones, counts),
    }


def in_image(seen: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Robust distance [N] of places [N, P, 2] in the image, as ``losses.projection``."""
    far = distance(seen - wanted)
    return (known * far * REACH / (far + REACH)).sum(1) / known.sum(1).clamp(min=1)


def mean(values: Tensor, counts: Tensor) -> Tensor:
    """Of people [N], each of whom counts by ``counts`` [N] in 0..1; over all, counted or not."""
    return (values * counts).sum() / len(counts)
