"""Carry a person's shape from one body model to another."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel

# A bone length is trusted to 5 mm against a prior of one unit for each beta.
_BONE_STD = 0.005
_STEPS = 4


def bone_lengths(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """Lengths [N, 23] in metres of the bones from each joint 1..23 to its parent."""
    rest = rest_joints(model, betas)
    return np.linalg.norm(rest[:, 1:] - rest[:, model.parents[1:]], axis=-1)


def transfer_betas(source: BodyModel, target: BodyModel, betas: np.ndarray) -> np.ndarray:
    """Betas [N, 10] of ``target`` whose bones are as long as those of ``source`` with ``betas``.

    Betas of different models are not interchangeable. Regularised least squares (Gauss-Newton from
    the mean body): bone lengths within 5 mm weigh as much as one unit of beta, so that what bone
    lengths do not tell (girth, mostly) stays at the mean. float64.
    """
    wanted = bone_lengths(source, np.asarray(betas, np.float64))
    parents = target.parents[1:]
    bone_directions = target.joint_shapedirs[1:] - target.joint_shapedirs[parents]
    found = np.zeros((len(wanted), target.joint_shapedirs.shape[-1]))
    for _ in range(_STEPS):
        rest = rest_joints(target, found)
        bones = rest[:, 1:] - rest[:, parents]
        lengths = np.linalg.norm(bones, axis=-1)
        jacobian = np.einsum("njc,jck->njk", bones / lengths[..., None], bone_directions)
        # Solved for the betas themselves, so that the prior pulls to the mean body at every step.
        residual = wanted - lengths + np.einsum("njk,nk->nj", jacobian, found)
        normal = jacobian.transpose(0, 2, 1) @ jacobian + _BONE_STD**2 * np.eye(found.shape[1])
        found = np.linalg.solve(normal, jacobian.transpose(0, 2, 1) @ residual[..., None])[..., 0]
    return found
