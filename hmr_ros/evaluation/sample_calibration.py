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


@torch.no_grad()
def sample_factors(
    network: Factorized, batches: Iterable[Mapping[str, Tensor]], seed: int = 0
) -> tuple[float, float]:
    """Factors on the standard deviations of distal joints that are seen, and of hidden ones, so
    that the 90 % regions by several samples hold 90 % of each.

    batches: inputs with ``joints`` [N, 24, 3] about the pelvis and ``visibility`` [N, 24].
    """
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for batch in batches:
        first, told = network.told(batch)
        estimate = network.estimated(first, told)
        people = len(batch["joints"])
        _, bodies, _ = several(network, told, batch["joints"], noise_of(people, rng))
        joints = torch.stack([body.joints for body in bodies], 1)
        cov = covariances_of(network, estimate, joints, np.ones((people, 24)))[:, list(DISTAL)]
        off = (batch["joints"] - estimate.joints).cpu().numpy()[:, list(DISTAL)]
        distance2 = mahalanobis_squared(off.reshape(-1, 3), cov.reshape(-1, 3, 3))
        probability = estimate.visibility_logit.sigmoid().cpu().numpy()[:, list(DISTAL)]
        seen = batch["visibility"].cpu().numpy()[:, list(DISTAL)] == VISIBLE
        parts.append([distance2, probability.ravel(), seen.ravel()])
    return seen_and_unseen(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def covariances_of(
    network: Factorized, estimate: Lifted, joints: Tensor, factor: np.ndarray
) -> np.ndarray:
    """[N, 24, 3, 3] by samples' joints [N, S, 24, 3] as at run time, but in the view frame.

    factor: [N, 24] on the standard deviations.
    """
    own = torch.diag_embed(joint_variance(estimate, network.temperature))
    arrays = (value.cpu().numpy() for value in (joints, estimate.joints, own))
    return covariances(*arrays, factor)
