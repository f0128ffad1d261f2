"""Several samples of FactorizedHMR for each person, and how far they are off."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from hmr_ros.models.factorized import SAMPLES, STEPS, Factorized
from hmr_ros.models.factorized_state import DISTAL, SIZE, body_of, positions_of
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.velocity_field import Told


def noise_of(people: int, rng: Generator) -> Tensor:
    """What ``SAMPLES`` samples of each person begin with: [SAMPLES, people, SIZE]."""
    return torch.randn(SAMPLES, people, SIZE, generator=rng)


def several(
    network: Factorized,
    told: Told,
    true: Tensor,
    noise: Tensor,
    steps: int = STEPS,
    guidance: float = 1.0,
    keep_anchor: bool = True,
) -> tuple[list[Tensor], list[Lifted], dict[str, Tensor]]:
    """Samples from ``noise`` [S, N, SIZE] of N people with the joints ``true`` [N, 24, 3] about the
    pelvis: states, bodies, and in metres

    ``sample`` [N, 24], the mean error of a sample; ``best`` [N, 24], of the nearest, joint by
    joint; ``square`` [N, 24] (m^2), mean squared distance of samples to their mean; ``apart``
    [N, 12], between the two views of the limbs, on the mean.
    """
    noise = noise.to(true.device)
    states = [network.sample(told, one, steps, guidance, keep_anchor) for one in noise]
    bodies = [body_of(network.skeleton, state) for state in states]
    joints = torch.stack([body.joints for body in bodies])
    off = (joints - true).norm(dim=-1)
    views = torch.stack([positions_of(network.skeleton, state) for state in states])
    return (
        states,
        bodies,
        {
            "sample": off.mean(0),
            "best": off.amin(0),
            "square": (joints - joints.mean(0)).square().sum(-1).mean(0),
            "apart": (views - joints[:, :, list(DISTAL)]).norm(dim=-1).mean(0),
        },
    )
