"""What the networks on person crops are trained on; every network of the family uses these.

All quantities are in the view frame of the crop. Distances are in metres, distances in the image in
half widths of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.models.lifter import Lifted, project
from hmr_ros.training import lifter_losses
from hmr_ros.training.lifter_losses import (
    LIMB_JOINTS,
    LIMB_WEIGHT,
    Weights,
    distance,
    gaussian,
)

# Truth further out than this in the image (half widths of the crop) is behind the view.
IN_VIEW = 3.9
REACH = 0.5


@dataclass
class Target(lifter_losses.Target):
    """The truth in the quantities of ``Lifted``, with ``place`` as of ``place_of``. image
    [N, 24 + K, 2] and seen [N, 24 + K]: where joints and landmarks lie in the image, and how far
    that counts (0..1)."""

    seen: Tensor


def place_of(pelvis: Tensor, scale: Tensor) -> Tensor:
    """Pelvis [N, 3] (metres, view frame) as x / z / scale, y / z / scale and log(z * scale)."""
    depth = pelvis[:, 2:].clamp(min=0.2)
    across = (pelvis[:, :2] / depth / scale[:, None]).clamp(-3, 3)
    return torch.cat([across, (depth * scale[:, None]).log()], 1)


def target(batch: dict[str, Tensor]) -> Target:
    """From the fields of ``hmr_ros.training.corpus.Truth``, ``scale`` and ``landmarks``."""
    place = place_of(batch["pelvis"], batch["scale"])
    marks = project(batch["landmarks"], place, batch["scale"])
    image = torch.cat([batch["joints_2d"], marks], 1)
    return Target(
        rotations=batch["rotations"],
        betas=batch["betas"],
        joints=batch["joints"],
        landmarks=batch["landmarks"],
        place=place,
        image=image,
        seen=(image.abs().amax(-1) < IN_VIEW).to(image.dtype),
        visible=batch["visibility"] == VISIBLE,
    )


def losses(
    guess: Lifted, final: Lifted, truth: Target, scale: Tensor, weights: Weights
) -> dict[str, Tensor]:
    """Weighted terms; their sum is the loss."""
    terms = body_terms(final, truth, scale, weights)
    first = body_terms(guess, truth, scale, weights)
    terms["first_guess"] = weights.first_guess * sum(first.values())
    terms["spread"] = weights.spread * (
        gaussian(final.joints - truth.joints, final.log_std)
        + gaussian(final.place - truth.place, final.place_log_std)
    )
    terms["visibility"] = weights.visibility * F.binary_cross_entropy_with_logits(
        final.visibility_logit, truth.visible.to(final.visibility_logit.dtype)
    )
    return terms


def body_terms(body: Lifted, truth: Target, scale: Tensor, weights: Weights) -> dict[str, Tensor]:
    """What any guess of a body is measured by."""
    importance = torch.ones(24, device=body.joints.device)
    importance[LIMB_JOINTS] = LIMB_WEIGHT
    points = torch.cat([body.joints, body.landmarks], 1)
    seen = project(points, body.place, scale)
    return {
        "rotations": weights.rotations * (body.rotations - truth.rotations).abs().mean(),
        "joints": weights.joints * (distance(body.joints - truth.joints) * importance).mean(),
        "landmarks": weights.landmarks * distance(body.landmarks - truth.landmarks).mean(),
        "image": weights.image * projection(seen, truth.image, truth.seen),
        "betas": weights.betas * (body.betas - truth.betas).abs().mean(),
        "place": weights.place * (body.place - truth.place).abs().mean(),
    }


def projection(seen: Tensor, wanted: Tensor, confidence: Tensor, reach: float = REACH) -> Tensor:
    """Mean robust distance between places [N, P, 2] in the image, weighted by ``confidence``.

    Geman and McClure's function of the root of the distance: like the distance where it is short,
    never more than ``reach``, so that a wrong keypoint cannot pull a body along.
    """
    far = distance(seen - wanted)
    return (confidence * far * reach / (far + reach)).sum() / confidence.sum().clamp(min=1)
