"""What samples of limbs over time are worth, on people followed through films."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Generator, Tensor

from hmr_ros.models.factorized import SAMPLES
from hmr_ros.models.factorized_state import DISTAL
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.temporal import Temporal
from hmr_ros.training.factorized_figures import by_visibility
from hmr_ros.training.followed_people import Followed, whole
from hmr_ros.training.temporal_losses import posed

EVERY = 3  # frames, of which one is looked at


@torch.no_grad()
def sample_figures(
    network: Temporal, people: Iterable[Followed], seed: int = 0
) -> dict[str, float]:
    """``factorized_figures.by_visibility`` of distal joints (knees, elbows and beyond) of every
    third frame, about the pelvis: of the network's body and of eight samples."""
    device = next(network.parameters()).device
    rng, distal = Generator().manual_seed(seed), list(DISTAL)
    parts: list[dict[str, Tensor]] = []
    for person in people:
        batch = {name: value.to(device) for name, value in whole(person).items()}
        answer = network(batch)
        own = posed(network, answer["rotations"], answer["betas"])[0, ::EVERY, distal]
        true = posed(network, batch["true_rotations"], batch["true_betas"])[0, ::EVERY, distal]
        frames = {name: value[0, ::EVERY] for name, value in answer.items()}
        noise = torch.randn(SAMPLES, SIZE, generator=rng).to(device)
        joints = sampled_joints(network, frames, noise)[:, :, distal]
        off = (joints - true).norm(dim=-1)
        found = {
            "estimate": (own - true).norm(dim=-1),
            "sample": off.mean(0),
            "best": off.amin(0),
            "square": (joints - joints.mean(0)).square().sum(-1).mean(0),
            "state": batch["true_visibility"][0, ::EVERY, distal],
        }
        parts.append({name: value.flatten().cpu() for name, value in found.items()})
    return by_visibility({name: torch.cat([p[name] for p in parts]) for name in parts[0]})
