"""What the lifter is trained on: distances in space and in the image, and honest uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_ros.data.lifting import Samples
from hmr_ros.models.lifter import Lifted, View, project

LIMB_JOINTS = [1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21]
LIMB_WEIGHT = 1.5


@dataclass(frozen=True)
class Weights:
    """Weight of each term; distances are in metres, image distances in person sizes."""

    joints: float = 5.0
    landmarks: float = 2.0
    rotations: float = 2.0
    betas: float = 0.05
    image: float = 4.0
    place: float = 1.0
    spread: float = 0.05
    visibility: float = 0.1
    first_guess: float = 0.4


@dataclass
class Target:
    """The truth in the view frame, in the quantities of ``Lifted``; ``visible`` [N, 24] bool."""

    rotations: Tensor
    betas: Tensor
    joints: Tensor
    landmarks: Tensor
    place: Tensor
    image: Tensor
    visible: Tensor


def target(samples: Samples, view: View) -> Target:
    back = view.rotation.transpose(1, 2)
    root = view.rotation @ samples.rotations[:, 0]
    pelvis = (view.rotation @ samples.joints[:, 0, :, None])[..., 0]
    depth = pelvis[:, 2:].clamp(min=0.2)
    scale = view.scale[:, None]
    across = (pelvis[:, :2] / depth / scale).clamp(-3, 3)
    place = torch.cat([across, (depth * scale).log()], 1)
    landmarks = (samples.landmarks - samples.joints[:, :1]) @ back
    return Target(
        rotations=torch.cat([root[:, None], samples.rotations[:, 1:]], 1),
        betas=samples.betas,
        joints=(samples.joints - samples.joints[:, :1]) @ back,
        landmarks=landmarks,
        place=place,
        image=project(landmarks, place, view.scale),
        visible=samples.visible,
    )


def losses(
    guess: Lifted, final: Lifted, truth: Target, view: View, weights: Weights
) -> dict[str, Tensor]:
    """Weighted terms; their sum is the loss."""
    terms = body_terms(final, truth, view, weights)
    first = body_terms(guess, truth, view, weights)
    terms["first_guess"] = weights.first_guess * sum(first.values())
    terms["spread"] = weights.spread * (
        gaussian(final.joints - truth.joints, final.log_std)
        + gaussian(final.place - truth.place, final.place_log_std)
    )
    terms["visibility"] = weights.visibility * F.binary_cross_entropy_with_logits(
        final.visibility_logit, truth.visible.float()
    )
    return terms


def body_terms(body: Lifted, truth: Target, view: View, weights: Weights) -> dict[str, Tensor]:
    importance = torch.ones(24, device=body.joints.device)
    importance[LIMB_JOINTS] = LIMB_WEIGHT
    joints = (distance(body.joints - truth.joints) * importance).mean()
    in_image = distance(project(body.landmarks, body.place, view.scale) - truth.image)
    return {
        "joints": weights.joints * joints,
        "landmarks": weights.landmarks * distance(body.landmarks - truth.landmarks).mean(),
        "rotations": weights.rotations * (body.rotations - truth.rotations).abs().mean(),
        "betas": weights.betas * (body.betas - truth.betas).abs().mean(),
        "image": weights.image * in_image.clamp(max=1).mean(),
        "place": weights.place * (body.place - truth.place).abs().mean(),
    }


def distance(difference: Tensor) -> Tensor:
    """Euclidean length over the last axis, with a gradient also at zero."""
    return (difference.square().sum(-1) + 1e-8).sqrt()


def gaussian(error: Tensor, log_std: Tensor) -> Tensor:
    """Mean negative log likelihood; the error is taken as given, only the spread is trained."""
    return (0.5 * error.detach().square() * (-2 * log_std).exp() + log_std).mean()
