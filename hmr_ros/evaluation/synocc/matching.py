"""Who of the people in a picture an answer is about, when the model found them itself."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.evaluation.identity_metrics import matches
from hmr_ros.evaluation.subsets import LIMB

SAME = 0.2  # mean distance of the joints that show, in units of the box's longer side


def matched(
    joints_2d: np.ndarray, true_2d: np.ndarray, visibility: np.ndarray, boxes: np.ndarray
) -> np.ndarray:
    """[P] row of the answer that is about each person, -1 for nobody; each answer once at most.

    Arguments as ``gaps``; pairs further apart than ``SAME`` are not made.
    """
    cost = gaps(joints_2d, true_2d, visibility, boxes)
    people, rows = matches(np.where(cost < SAME, cost, np.nan))
    owner = np.full(len(true_2d), -1)
    owner[people] = rows
    return owner


def gaps(
    joints_2d: np.ndarray, true_2d: np.ndarray, visibility: np.ndarray, boxes: np.ndarray
) -> np.ndarray:
    """[P, A] mean distance in the picture between people and answers, in units of the longer side
    of the person's box; inf where there is nothing to compare.

    joints_2d: [A, 24, 2] of the answers; true_2d: [P, 24, 2], visibility [P, 24] and boxes [P, 4]
    of all people in the picture. Compared are the limb joints that are not hidden (all limb joints
    of a person who shows none): hidden ones say nothing about whom a model looked at.
    """
    limb = list(LIMB)
    shown = visibility[:, limb] != HIDDEN
    shown[~shown.any(1)] = True
    gap = np.linalg.norm(true_2d[:, None, limb] - joints_2d[None][:, :, limb], axis=-1)
    known = np.isfinite(gap) & shown[:, None]
    number = known.sum(-1)
    mean = np.where(known, gap, 0).sum(-1) / np.maximum(number, 1)
    scale = np.maximum(boxes[:, 2:].max(1, initial=0), 1)[:, None]
    return np.where(number > 0, mean / scale, np.inf)
