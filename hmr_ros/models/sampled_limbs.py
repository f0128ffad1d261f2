"""Several samples of the limbs of a person over time."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr_ros.models.factorized import STEPS
from hmr_ros.models.limb_flow import turned
from hmr_ros.models.temporal import Temporal


@torch.no_grad()
def sampled_joints(
    network: Temporal,
    answer: dict[str, Tensor],
    noise: Tensor,
    steps: int = STEPS,
    guidance: float = 1.0,
) -> Tensor:
    """Joints [S, F, 24, 3] about the pelvis of S samples of one person in F frames.

    answer: the network's, [F, ...]. noise: [S, SIZE], of which each sample has the same in all
    frames, or [S, F, SIZE].
    """
    samples, frames = len(noise), len(answer["token"])
    if noise.ndim == 2:
        noise = noise[:, None].expand(-1, frames, -1)

    def each(name: str) -> Tensor:
        return answer[name].repeat(samples, *[1] * (answer[name].ndim - 1))

    flat = noise.flatten(0, 1)
    state = network.flow.sampled(each("token"), each("pose"), flat, steps, guidance)
    joints, _ = network.skeleton(turned(each("rotations"), state), each("betas"))
    return joints.unflatten(0, (samples, frames))
