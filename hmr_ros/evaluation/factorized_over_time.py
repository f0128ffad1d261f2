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
from hmr_ros.evaluation.factorized_arms import Arm
from hmr_ros.evaluation.followed_films import published_of, true_joints
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
        for name, network in ((ONE_IMAGE, None), (STREAMING, stage)):
            for frame in published_of(film, body, validated({"smoothing": False}), network):
                at = frame.t, frame.rows
                found[name].append(_arm(film, body, frame.corrected, at, people, poses))
                if network is None:
                    visibility.append(film.true_visibility[at])
        people += film.seen.shape[1]
    arms = {
        name: Arm(*(np.concatenate([getattr(a, f) for a in parts]) for f in ("sample", "excess")),
                  person=np.concatenate([a.person for a in parts]))
        for name, parts in found.items()
    }  # fmt: skip
    return arms, np.concatenate(visibility)


def _arm(film: Film, body: BodyModel, bodies, at, first: int, poses: Tensor) -> Arm:
    t, rows = at
    true = true_joints(film, body, t, rows)
    gap = (bodies.joints - bodies.joints[:, :1]) - (true - true[:, :1])
    turned = (torch.from_numpy(r).float() for r in (bodies.rotations, film.true_rotations[at]))
    excess = np.subtract(*(nearest_pose(r, poses).numpy() for r in turned))
    return Arm(np.linalg.norm(gap, axis=-1), excess, person=first + rows)
