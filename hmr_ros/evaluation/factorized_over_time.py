"""The last rows of the ablation of FactorizedHMR: what looking back adds to single images.

Of other people than the other rows: those of films that the pipeline has followed. The network over
time is stage one and the estimate of its limbs, streaming; nothing is smoothed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from hmr_ros.body.model import BodyModel
from hmr_ros.data.films import Film
from hmr_ros.evaluation.factorized_arms import Arm, joined
from hmr_ros.evaluation.followed_films import published_of, truth_of
from hmr_ros.evaluation.samples import nearest_pose
from hmr_ros.parameters import validated
from hmr_ros.runtime.temporal import Temporal

ONE_IMAGE, STREAMING = "films: one image", "films: + streaming"
AGAINST = {STREAMING: ONE_IMAGE}


def streamed(
    films: Iterable[Film], body: BodyModel, stage: Temporal, poses: Tensor
) -> tuple[dict[str, Arm], np.ndarray]:
    """Both rows by name, of everybody in every frame in which they are seen, and the visibility
    [N, 24] of their joints. poses: [M, 16, 3, 3] known rotations of limbs."""
    found: dict[str, list[Arm]] = {ONE_IMAGE: [], STREAMING: []}
    visibility, people = [], 0
    for film in films:
        truth = truth_of(film, body, 0)
        visibility.append(truth.visibility[film.seen])
        for name, network in ((ONE_IMAGE, None), (STREAMING, stage)):
            for frame in published_of(film, body, validated({"smoothing": False}), network):
                at = frame.t, frame.rows
                turned = frame.corrected.rotations, film.true_rotations[at]
                far = (nearest_pose(torch.from_numpy(r).float(), poses).numpy() for r in turned)
                away = about_pelvis(frame.corrected.joints) - about_pelvis(truth.joints[at])
                error, excess = np.linalg.norm(away, axis=-1), np.subtract(*far)
                found[name].append(Arm(error, excess, person=people + frame.rows))
        people += film.seen.shape[1]
    return {name: joined(parts) for name, parts in found.items()}, np.concatenate(visibility)


def about_pelvis(joints: np.ndarray) -> np.ndarray:
    """Joints [N, 24, 3] about the first."""
    return joints - joints[:, :1]
