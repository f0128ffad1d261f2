"""What the network over time is trained on: the body of each frame, and its way in the world."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.body.model import FEET
from hmr_ros.sighting_fields import RESTING
from hmr_ros.training.lifter_losses import LIMB_JOINTS, LIMB_WEIGHT, distance

RESTS = 0.2  # m/s: a joint that is slower rests
STEADY = 0.5  # seconds between two sightings that a speed is told from


@dataclass(frozen=True)
class Weights:
    """Metres, radians over the unit circle, m/s. motion: joints' displacement from frame to frame,
    velocity: of the root, sliding: of feet that rest, spread: the likelihood of the joints."""

    rotations: float = 1.0
    joints: float = 5.0
    betas: float = 0.05
    place: float = 2.0
    motion: float = 3.0
    velocity: float = 0.3
    sliding: float = 0.1
    resting: float = 0.05
    spread: float = 0.02


def losses(
    network: nn.Module, answer: dict[str, Tensor], batch: dict[str, Tensor], weights: Weights
) -> dict[str, Tensor]:
    """Weighted terms of clips ``followed_people.batch_of`` and the network's ``answer`` to them."""
    counted = batch["counted"]
    joints = posed(network, answer["rotations"], answer["betas"].detach())
    true = posed(network, batch["true_rotations"], batch["true_betas"])
    importance = torch.ones(24, device=joints.device)
    importance[LIMB_JOINTS] = LIMB_WEIGHT
    gap = joints - true

    def mean(values: Tensor, over: Tensor = counted) -> Tensor:
        """Of values [N, T, ...] where ``over`` [N, T] is 1."""
        inner = values.flatten(2).mean(2) if values.ndim > 2 else values
        return (inner * over).sum() / over.sum().clamp(min=1)

    terms = {
        "rotations": mean((answer["rotations"] - batch["true_rotations"]).abs()),
        "joints": mean(distance(gap) * importance),
        "betas": mean((answer["betas"] - batch["true_betas"]).abs()),
        "place": mean(
            (answer["pelvis"] - batch["true_pelvis"]).abs()
            / batch["true_pelvis"][..., 2:].clamp(min=0.5)
        ),
    }
    # Along the world's axes, through the true camera: what a person does, not what a camera does.
    back = batch["true_camera"].transpose(-1, -2)
    moved = (back[:, :, None] @ joints[..., None])[..., 0].diff(dim=1)
    root = (back @ batch["true_pelvis"][..., None])[..., 0] + batch["true_position"]
    true_moved = (back[:, :, None] @ true[..., None])[..., 0].diff(dim=1)
    elapsed = batch["elapsed"][:, 1:]
    steady = counted[:, 1:] * ((elapsed > 1e-3) & (elapsed < STEADY))
    seconds = elapsed.clamp(min=1e-2)[..., None]
    speed = root.diff(dim=1) / seconds
    # The network knows the odometry frame, the truth the world: they meet in the camera.
    told = (batch["camera_rotation"] @ answer["velocity"][..., None])[..., 0]
    told = (back @ told[..., None])[..., 0][:, 1:]
    terms["motion"] = mean(distance(moved - true_moved), steady)
    terms["velocity"] = mean((told - speed).abs(), steady)
    at_rest = ((true_moved + root.diff(dim=1)[:, :, None]) / seconds[..., None]).norm(
        dim=-1
    ) < RESTS
    feet = told[:, :, None] + moved[:, :, FEET] / seconds[..., None]
    resting = at_rest[:, :, FEET].to(feet.dtype)
    terms["sliding"] = mean(resting * feet.norm(dim=-1).clamp(max=3), steady)
    logits, wanted = answer["resting"][:, 1:], at_rest[:, :, RESTING].to(feet.dtype)
    terms["resting"] = mean(
        F.binary_cross_entropy_with_logits(logits, wanted, reduction="none"), steady
    )
    std = (batch["joint_std"].clamp(min=1e-2) * answer["joint_factor"])[:, :, 1:]
    off = gap[:, :, 1:].detach().square().sum(-1) / 3
    terms["spread"] = mean(1.5 * off / std.square() + 3 * std.log())
    return {name: getattr(weights, name) * value for name, value in terms.items()}


def posed(network: nn.Module, rotations: Tensor, betas: Tensor) -> Tensor:
    """Joints [N, T, 24, 3] about the pelvis of rotations [N, T, 24, 3, 3], betas [N, T, 10]."""
    joints, _ = network.skeleton(rotations.flatten(0, 1), betas.flatten(0, 1))
    return joints.unflatten(0, rotations.shape[:2])
