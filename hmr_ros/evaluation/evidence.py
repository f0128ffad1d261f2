"""What each kind of evidence is worth to a network on person crops.

The same people are shown to a network with a kind withheld, as training withholds it at times, or
to networks that were trained without it. Differences are paired: same joints, same people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.body.model import JOINT_NAMES
from hmr_ros.evaluation.bootstrap import mean_interval, paired_difference
from hmr_ros.evaluation.calibration import LEVELS, inside, quantiles
from hmr_ros.evaluation.subsets import joint_masks, occluder_masks
from hmr_ros.models.lifter import joint_variance
from hmr_ros.person_crops import INPUTS

ROUNDS = 1000
# What is withheld, by name in the figures: fields of ``PersonCrops`` that are shown as zeros.
WITHHELD = {
    "nothing": (),
    "image": ("image",),
    "maps": ("heatmaps", "mask"),
    "features": ("features",),
    "image and features": ("image", "features"),
    "keypoints": ("keypoints",),
    "world landmarks": ("world",),
    "landmarks": ("keypoints", "world"),
    "maps and landmarks": ("heatmaps", "mask", "keypoints", "world"),
}
FEWEST = 30  # joints of a subset; fewer say nothing


@dataclass(frozen=True)
class Seen:
    """About N people: error [N, 24] metres of the joints about the pelvis, and quantile [N, 24] of
    the predicted region that holds the true joint (NaN for the pelvis)."""

    error: np.ndarray
    quantile: np.ndarray


@torch.no_grad()
def answers(
    network: nn.Module,
    batches: Iterable[Mapping[str, Tensor]],
    withheld: Sequence[str] = (),
) -> Seen:
    """The network on ``batches`` (fields of ``PersonCrops`` as numbers in 0..1, and ``joints``
    [n, 24, 3], the truth about the pelvis), with the fields ``withheld`` shown as zeros."""
    errors, inner = [], []
    for batch in batches:
        inputs = {k: batch[k] * 0 if k in withheld else batch[k] for k in INPUTS}
        body = network.predict(inputs)
        residual = (batch["joints"] - body.joints).double().numpy()
        variance = joint_variance(body, network.temperature).double().numpy()
        inside_of = np.full(residual.shape[:2], np.nan)
        spread = variance[:, 1:, :, None] * np.eye(3)
        flat = quantiles(residual[:, 1:].reshape(-1, 3), spread.reshape(-1, 3, 3))
        inside_of[:, 1:] = flat.reshape(len(residual), -1)
        errors.append(np.linalg.norm(residual, axis=-1))
        inner.append(inside_of)
    return Seen(np.concatenate(errors), np.concatenate(inner))


def subsets(visibility: np.ndarray, occluder: np.ndarray) -> dict[str, np.ndarray]:
    """Masks [N, 24] by name: all, states and regions, what hides a joint, and each joint (left and
    right together). None counts the pelvis."""
    states = joint_masks(visibility)
    chosen = {k: states[k] for k in ("all", "visible", "self_occluded", "hidden")}
    chosen |= {k: states[k] for k in ("torso", "limb", "distal")}
    chosen |= {k: m for k, m in occluder_masks(occluder).items() if k != "by_nothing"}
    for number, name in enumerate(JOINT_NAMES[1:], 1):
        mask = chosen.setdefault(name.removeprefix("left_").removeprefix("right_"),
                                 np.zeros(visibility.shape, bool))  # fmt: skip
        mask[:, number] = True
    return {name: mask for name, mask in chosen.items() if mask.sum() >= FEWEST}


def rows_of(seen: Mapping[tuple[str, str], Seen], masks: Mapping[str, np.ndarray]) -> list[dict]:
    """One row a network, kind withheld and subset. seen: by (network, withheld); the first is what
    the others are compared with: ``worse_mm`` is how much more they err, with its interval, and
    ``more_percent`` the same as a share. Intervals redraw people."""
    full = next(iter(seen.values()))
    rows = []
    for (network, withheld), found in seen.items():
        for subset, mask in masks.items():
            mean = mean_interval(1e3 * found.error, mask, rounds=ROUNDS)
            row = {"network": network, "without": withheld, "subset": subset}
            row |= {"n": int(mask.sum()), "mpjpe_mm": mean.value}
            row["ci95"] = {"mpjpe_mm": [mean.low, mean.high]}
            for level in LEVELS:
                holds = inside(found.quantile[mask], level)
                row[f"coverage{level:.0%}".rstrip("%")] = float(holds.mean())
            if found is not full:
                gap = paired_difference(1e3 * found.error, 1e3 * full.error, mask, rounds=ROUNDS)
                row["worse_mm"] = gap.value
                row["ci95"]["worse_mm"] = [gap.low, gap.high]
                row["more_percent"] = 100 * gap.value / (mean.value - gap.value)
            rows.append(row)
    return rows
