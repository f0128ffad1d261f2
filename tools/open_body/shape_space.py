"""Shape coefficients by principal components, and the joint regressor that follows them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from hmr_ros.body.model import BETAS

# Rows that hold the sum of the weights to one, and prefer vertices near the joint.
_SUM_ROW = 10.0
_NEAR_ROW = 1e-3
# Ridge of the signed correction, square metres a unit of weight.
_RIDGE = 3e-5


def principal_components(meshes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mean [V, 3], components [K, V, 3] scaled to one standard deviation, explained share [K].

    Each component points to the taller body, so that signs are defined.
    """
    flat = meshes.reshape(len(meshes), -1)
    mean = flat.mean(0)
    _, singular, rows = np.linalg.svd(flat - mean, full_matrices=False)
    components = rows[:BETAS] * (singular[:BETAS, None] / np.sqrt(len(meshes) - 1))
    components = components.reshape(len(components), -1, 3)
    mean = mean.reshape(-1, 3)
    top, bottom = mean[:, 1].argmax(), mean[:, 1].argmin()
    taller = components[:, top, 1] - components[:, bottom, 1]
    components *= np.where(taller < 0, -1, 1)[:, None, None]
    explained = singular**2 / (singular**2).sum()
    return mean, components, explained[:BETAS]


def coefficients(meshes: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Betas [N, K] of meshes [N, V, 3]: orthogonal components, so a projection each."""
    flat = components.reshape(len(components), -1)
    return (meshes - mean).reshape(len(meshes), -1) @ flat.T / (flat**2).sum(1)


def joint_row(
    joints: np.ndarray,
    betas: np.ndarray,
    mean: np.ndarray,
    components: np.ndarray,
    candidates: np.ndarray,
) -> np.ndarray:
    """Weights [len(candidates)] that sum to one and follow a joint [N, 3] through the shape space.

    Least squares on the mean body and every component: first with non-negative weights, then with
    the smallest signed change that removes the rest of the error. (Anny's bones move a little
    apart from the skin, at knees and spine most; no non-negative mixture of skin can follow.)
    """
    design = np.concatenate([np.ones((len(betas), 1)), betas], 1)
    wanted = np.linalg.lstsq(design, joints, rcond=None)[0]
    have = np.concatenate([mean[None], components])[:, candidates]
    distance = np.linalg.norm(mean[candidates] - joints.mean(0), axis=1)
    matrix = np.concatenate(
        [
            have.transpose(0, 2, 1).reshape(-1, len(candidates)),
            np.full((1, len(candidates)), _SUM_ROW),
            _NEAR_ROW * distance[None],
        ]
    )
    target = np.concatenate([wanted.ravel(), [_SUM_ROW, 0.0]])
    weights, _ = nnls(matrix, target, maxiter=20000)
    exact, target = matrix[:-1], target[:-1]
    gram = exact @ exact.T + _RIDGE * np.eye(len(exact))
    weights = weights + exact.T @ np.linalg.solve(gram, target - exact @ weights)
    return weights / weights.sum()
