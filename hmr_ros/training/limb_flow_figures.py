"""What samples of limbs over time are worth, on people followed through films."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Generator, Tensor

from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.models.factorized import SAMPLES
from hmr_ros.models.factorized_state import DISTAL
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.temporal import Temporal
from hmr_ros.training.followed_people import Followed, whole

EVERY = 3  # frames, of which one is looked at


@torch.no_grad()
def sample_figures(
    network: Temporal, people: Iterable[Followed], seed: int = 0
) -> dict[str, float]:
    """Millimetres over distal joints (knees, elbows and beyond), about the pelvis.

    ``*_hidden_mm`` and ``*_visible_mm``: ``estimate``, the error of the network's body; ``sample``,
    the mean error of one sample; ``best8``, of the nearest of eight, joint by joint; ``spread``,
    root mean square distance of samples to their mean.
    """
    device = next(network.parameters()).device
    rng, distal = Generator().manual_seed(seed), list(DISTAL)
    parts: list[Tensor] = []
    for person in people:
        batch = {name: value.to(device) for name, value in whole(person).items()}
        answer = {name: value[0, ::EVERY] for name, value in network(batch).items()}
        true, own = (
            network.skeleton(a["rotations"], a["betas"])[0][:, distal]
            for a in (
                {k: batch[f"true_{k}"][0, ::EVERY] for k in ("rotations", "betas")},
                answer,
            )
        )
        noise = torch.randn(SAMPLES, SIZE, generator=rng).to(device)
        joints = sampled_joints(network, answer, noise)[:, :, distal]
        off = (joints - true).norm(dim=-1)
        square = (joints - joints.mean(0)).square().sum(-1).mean(0)
        state = batch["true_visibility"][0, ::EVERY, distal]
        found = torch.stack([(own - true).norm(dim=-1), off.mean(0), off.amin(0), square, state])
        parts.append(found.flatten(1).cpu())
    values = torch.cat(parts, 1)
    figures = {}
    for name, state in (("hidden", HIDDEN), ("visible", VISIBLE)):
        estimate, sample, best, square = values[:4, values[4] == state].mean(1)
        for said, value in (("estimate", estimate), ("sample", sample), ("best8", best)):
            figures[f"{said}_{name}_mm"] = 1e3 * value.item()
        figures[f"spread_{name}_mm"] = 1e3 * square.sqrt().item()
    return figures
