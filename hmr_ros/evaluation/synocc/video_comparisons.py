"""Two models side by side on the same clips: how many times the first one's error another makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.keypoint_metrics import image_errors
from hmr_ros.evaluation.pose_metrics import HIPS, joint_errors
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.evaluation.synocc.video_motion import (
    lastingly_hidden,
    motion_of,
    sliding_of,
    smoothness_of,
)
from hmr_ros.evaluation.synocc.watching import ClipTruth, Watched

ROUNDS = 1000
Clips = Sequence[tuple[ClipTruth, Mapping[str, Watched]]]


def video_comparisons(clips: Clips) -> list[dict]:
    """One row a further model: its figures over the first model's; intervals redraw clips.

    ``mpjpe``, ``in_view`` (visible joints, in the image), ``lasting`` (joints hidden for a second
    or more), ``jitter``, ``sliding`` and ``w_mpjpe``: ratios of means over the people, frames and
    joints that both models reported.
    """
    first, *others = clips[0][1]
    rows = []
    for name in others:
        sums: dict[str, list[tuple[int, float, float]]] = {}
        for truth, said in clips:
            for p in range(truth.joints.shape[1]):
                for figure, own, base in _person(truth, said[name], said[first], p):
                    sums.setdefault(figure, []).append((truth.number, own.sum(), base.sum()))
        row: dict = {"model": name, "versus": first, "level": "all"}
        row["ci95"] = {}
        for figure, parts in sums.items():
            number, own, base = np.array(parts, float).T
            found = ratio_interval(own, base, number, ROUNDS)
            row[figure], row["ci95"][figure] = found.value, [found.low, found.high]
        rows.append(row)
    return rows


def _person(truth: ClipTruth, own: Watched, base: Watched, p: int):
    """(figure, values of the model, values of the first one) of one person of a clip."""
    both = truth.counted[:, p]
    for said in (own, base):
        both = both & np.isfinite(said.joints[:, p]).all((1, 2))
    if both.any():
        true = truth.joints[both, p].astype(float)
        errors = [
            joint_errors(s.joints[both, p].astype(float), true, HIPS)[:, list(LIMB)]
            for s in (own, base)
        ]
        yield "mpjpe", *errors
        seen = (truth.visibility[both, p] == VISIBLE)[:, list(LIMB)]
        off = [image_errors(s.joints[both, p].astype(float), true) for s in (own, base)]
        yield "in_view", *(o[:, list(LIMB)][seen] for o in off)
        lasting = lastingly_hidden(truth, p)[both]
        yield "lasting", *(e[lasting] for e in errors)
    motions = [motion_of(truth, said, p, both) for said in (own, base)]
    if None in motions:
        return
    yield "w_mpjpe", *(m.w_mpjpe for m in motions)
    yield "jitter", *(smoothness_of(m, truth.fps)[0] for m in motions)
    yield "sliding", *(sliding_of(m, truth.fps) for m in motions)
