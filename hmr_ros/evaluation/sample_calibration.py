"""How far the covariances of samples must be stretched to hold what they promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.calibration import mahalanobis_squared
from hmr_ros.evaluation.temperatures import seen_and_unseen
from hmr_ros.models.factorized import Factorized
from hmr_ros.models.factorized_state import DISTAL
from hmr_ros.models.lifter import Lifted, joint_variance
from hmr_ros.models.several_samples import noise_of, several
from hmr_ros.runtime.sampling import covariances

# Of F people or frames: errors [F, 24, 3], covariances [F, 24, 3, 3], predicted probabilities [F,
# 24] of being seen, and true visibilities [F, 24].
Judged = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@torch.no_grad()
def sample_factors(
    network: Factorized, batches: Iterable[Mapping[str, Tensor]], seed: int = 0
) -> tuple[float, float]:
    """``distal_factors`` of several samples. batches: inputs with ``joints`` [N, 24, 3] about the
    pelvis and ``visibility`` [N, 24]."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for batch in batches:
        first, told = network.told(batch)
        estimate = network.estimated(first, told)
        people = len(batch["joints"])
        _, bodies, _ = several(network, told, batch["joints"], noise_of(people, rng))
        joints = torch.stack([body.joints for body in bodies], 1)
        cov = covariances_of(network, estimate, joints, np.ones((people, 24)))
        told = batch["joints"] - estimate.joints, estimate.visibility_logit, batch["visibility"]
        off, logit, visibility = (value.cpu() for value in told)
        parts.append((off.numpy(), cov, logit.sigmoid().numpy(), visibility.numpy()))
    return distal_factors(parts)


def distal_factors(parts: Iterable[Judged]) -> tuple[float, float]:
    """Factors on the standard deviations of distal joints that are seen, and of all others, so that
    the 90 % regions by samples hold 90 % of each."""
    off, cov, probability, visibility = (
        np.concatenate([values[:, list(DISTAL)] for values in part])
        for part in zip(*parts, strict=True)
    )
    distance2 = mahalanobis_squared(off.reshape(-1, 3), cov.reshape(-1, 3, 3))
    return seen_and_unseen(distance2, probability.ravel(), visibility.ravel() == VISIBLE)


def covariances_of(
    network: Factorized, estimate: Lifted, joints: Tensor, factor: np.ndarray
) -> np.ndarray:
    """[N, 24, 3, 3] by samples' joints [N, S, 24, 3] as at run time, but in the view frame.

    factor: [N, 24] on the standard deviations.
    """
    own = torch.diag_embed(joint_variance(estimate, network.temperature))
    arrays = (value.cpu().numpy() for value in (joints, estimate.joints, own))
    return covariances(*arrays, factor)


def covariances_over_time(
    batch: Mapping[str, Tensor],
    answer: Mapping[str, Tensor],
    joints: Tensor,
    own: Tensor,
    factor: np.ndarray,
) -> np.ndarray:
    """[F, 24, 3, 3] by samples' joints [S, F, 24, 3] of one person in F frames, whose estimate has
    them at ``own`` [F, 24, 3], as at run time; the image's own covariances, of which a clip keeps
    the mean variance, are balls here.

    batch, answer: one clip [1, F, ...] of ``SIGHTING``, and the network's answer [F, ...]. factor:
    [F, 24] on the standard deviations.
    """
    std = batch["joint_std"][0].clamp(min=1e-3) * answer["joint_factor"]
    balls = torch.diag_embed(std.square()[..., None].expand(-1, -1, 3))
    return covariances(*(v.numpy() for v in (joints.transpose(0, 1), own, balls)), factor)
