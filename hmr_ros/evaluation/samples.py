"""What the samples of FactorizedHMR are worth: against its own regressor, whose torso they share.

One sample is no estimate: on a joint that nothing tells of, it is up to 1.4 times as far off as the
mean. So the nearest of several is counted, and how plausible each is by itself: how near its limbs
come to a pose of the training set, beyond how near the true ones come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from hmr_ros.evaluation.bootstrap import Estimate, mean_interval, ratio_interval
from hmr_ros.evaluation.calibration import inside, quantiles
from hmr_ros.evaluation.sample_calibration import covariances_of
from hmr_ros.evaluation.subsets import joint_masks
from hmr_ros.models.factorized import SAMPLES, Factorized
from hmr_ros.models.factorized import STEPS as CHOSEN
from hmr_ros.models.factorized_state import (
    DISTAL,
    LIMBS,
    SIZE,
    at_rest,
    body_of,
    positions_of,
)
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.velocity_field import Told

STEPS = (1, 2, CHOSEN, 20)  # figures that do not compare steps are of the second last
GUIDANCE = (1.0, 0.0, 2.0)  # for which the torso is compared with stage one
ROUNDS = 1000


@dataclass(frozen=True)
class Drawn:
    """About N people; errors [N, 24] in metres about the pelvis.

    regressed, estimate, resting: of stage one, of the estimate, and of the anchor with mean limbs.
    sample, best, square: by the number of steps: mean error of a sample, error of the nearest of
    ``SAMPLES`` joint by joint, mean squared distance of samples to their mean (m^2).
    apart: [N, 12] between the two views of a sample, by the number of steps.
    quantile: [N, 24] of the region by samples that holds the true joint, NaN for the pelvis.
    from_poses: [N] distance of the limbs to the nearest of known poses: of the true ones
    ("true"), of stage one, of the estimate and of a sample.
    moved: [N] largest difference of a torso coordinate to stage one's, over samples of all kinds.
    """

    regressed: np.ndarray
    estimate: np.ndarray
    resting: np.ndarray
    sample: dict[int, np.ndarray]
    best: dict[int, np.ndarray]
    square: dict[int, np.ndarray]
    apart: dict[int, np.ndarray]
    quantile: np.ndarray
    from_poses: dict[str, np.ndarray]
    moved: np.ndarray


@torch.no_grad()
def drawn(
    network: Factorized,
    batches: Iterable[Mapping[str, Tensor]],
    poses: Tensor,
    mean_limbs: Tensor,
    seed: int = 0,
) -> Drawn:
    """The network on ``batches``: inputs, ``joints`` [N, 24, 3] about the pelvis and ``rotations``
    [N, 24, 3, 3], the truth. poses: [M, 16, 3, 3] known rotations of the limbs; mean_limbs:
    [16 * 6] coordinates of their mean."""
    rng = torch.Generator().manual_seed(seed)
    parts = [_drawn_batch(network, batch, poses, mean_limbs, rng) for batch in batches]
    return Drawn(**{f.name: _joined([p[f.name] for p in parts]) for f in fields(Drawn)})


def _joined(values: list):
    if isinstance(values[0], dict):
        return {key: _joined([v[key] for v in values]) for key in values[0]}
    return np.concatenate([np.asarray(v) for v in values])


def _drawn_batch(network, batch, poses, mean_limbs, rng) -> dict:
    first, told = network.told(batch)
    estimate = network.estimated(first, told)
    true = batch["joints"]
    resting = rested(told.anchor, mean_limbs)
    known = network.mask == 0
    found = {
        "regressed": (first.joints - true).norm(dim=-1),
        "estimate": (estimate.joints - true).norm(dim=-1),
        "resting": (body_of(network.skeleton, resting).joints - true).norm(dim=-1),
        "from_poses": {
            "true": nearest_pose(batch["rotations"], poses),
            "regressed": nearest_pose(first.rotations, poses),
            "estimate": nearest_pose(estimate.rotations, poses),
        },
    }
    for name in ("sample", "best", "square", "apart"):
        found[name] = {}
    moved = torch.zeros(len(true))
    noise = torch.randn(SAMPLES, len(true), SIZE, generator=rng)
    for steps in STEPS:
        states, bodies, figures = several(network, told, true, noise, steps)
        for name, value in figures.items():
            found[name][steps] = value
        joints = torch.stack([body.joints for body in bodies])
        more = [network.sample(told, noise[0], steps, g) for g in GUIDANCE[1:]]
        for state in (*states, *more):
            gap = (state - told.regressed)[:, known].abs().amax(1)
            moved = torch.maximum(moved, gap)
        if steps == CHOSEN:
            found["from_poses"]["sample"] = nearest_pose(bodies[0].rotations, poses)
            found["quantile"] = _quantiles(network, estimate, joints, true)
    return found | {"moved": moved}


def rested(anchor: Tensor, mean_limbs: Tensor) -> Tensor:
    """States [N, SIZE] of anchors with limbs at the coordinates ``mean_limbs`` [16 * 6]."""
    state = anchor.clone()
    state[:, :144].unflatten(1, (24, 6))[:, list(LIMBS)] = mean_limbs.unflatten(0, (-1, 6))
    return state


def several(
    network: Factorized,
    told: Told,
    true: Tensor,
    noise: Tensor,
    steps: int = CHOSEN,
    guidance: float = 1.0,
    keep_anchor: bool = True,
) -> tuple[list[Tensor], list[Lifted], dict[str, Tensor]]:
    """Samples from ``noise`` [S, N, SIZE] of N people with the joints ``true`` [N, 24, 3]: states,
    bodies, and ``sample``, ``best``, ``square`` and ``apart`` as in ``Drawn``."""
    states = [network.sample(told, one, steps, guidance, keep_anchor) for one in noise]
    bodies = [body_of(network.skeleton, state) for state in states]
    joints = torch.stack([body.joints for body in bodies])
    off = (joints - true).norm(dim=-1)
    views = torch.stack([positions_of(network.skeleton, state) for state in states])
    figures = {
        "sample": off.mean(0),
        "best": off.amin(0),
        "square": (joints - joints.mean(0)).square().sum(-1).mean(0),
        "apart": (views - joints[:, :, list(DISTAL)]).norm(dim=-1).mean(0),
    }
    return states, bodies, figures


def _quantiles(network, estimate, joints: Tensor, true: Tensor) -> np.ndarray:
    seen, hidden = network.sample_temperature
    visibility = estimate.visibility_logit.sigmoid()
    factor = (visibility * seen**2 + (1 - visibility) * hidden**2).sqrt()
    cov = covariances_of(network, estimate, joints.transpose(0, 1), factor.numpy())[:, 1:]
    off = (true - estimate.joints).numpy()[:, 1:]
    out = np.full(true.shape[:2], np.nan)
    flat = quantiles(off.reshape(-1, 3).astype(float), cov.reshape(-1, 3, 3).astype(float))
    out[:, 1:] = flat.reshape(len(out), -1)
    return out


def mean_of(poses: Tensor) -> Tensor:
    """Coordinates [16 * 6] of the mean of limbs [M, 16, 3, 3] in a state."""
    sixd = poses[..., :2].transpose(-1, -2).mean(0).flatten()
    return sixd - at_rest()[: len(sixd)]


def nearest_pose(rotations: Tensor, poses: Tensor) -> Tensor:
    """[N] distance of the limbs of ``rotations`` [N, 24, 3, 3] to the nearest of ``poses``
    [M, 16, 3, 3]: root of the mean squared chordal distance, about radians where small."""
    limbs = rotations[:, list(LIMBS)].flatten(1)
    alike = (limbs @ poses.flatten(1).T).amax(1)  # of two equal rotations 3
    return (3 - alike / len(LIMBS)).clamp(min=0).sqrt()


def rows_of(found: Drawn, visibility: np.ndarray) -> list[dict]:
    """One row a figure: its value, interval, and what it is wanted to be (issue's bounds)."""
    masks = joint_masks(visibility)
    hidden, seen = masks["distal_hidden"], masks["distal_visible"]
    rows = [
        row("torso, largest difference to stage one", "", float(found.moved.max()), "<= 1e-6"),
        ratio("estimate / regressor", "all", found.estimate, found.regressed, masks["all"],
              "<= 1.03"),
        ratio("estimate / regressor", "distal hidden", found.estimate, found.regressed, hidden),
        ratio("best of 8 / regressor", "distal hidden", found.best[CHOSEN], found.regressed, hidden,
              "<= 0.70"),
        ratio("one sample / regressor", "distal hidden", found.sample[CHOSEN], found.regressed,
              hidden),
        ratio("mean limbs / estimate", "all", found.resting, found.estimate, masks["all"],
              ">= 1.15"),
        *manifold(found.from_poses),
    ]  # fmt: skip
    for steps in STEPS[:-1]:
        rows.append(
            ratio(f"best of 8, {steps} / {STEPS[-1]} steps", "distal hidden", found.best[steps],
                  found.best[STEPS[-1]], hidden, "<= 1.05" if steps == CHOSEN else "")
        )  # fmt: skip
    spreads = {}
    for name, mask in (("distal hidden", hidden), ("distal visible", seen)):
        square = mean_interval(1e6 * found.square[CHOSEN], mask, rounds=ROUNDS)
        spreads[name] = Estimate(*(np.sqrt(v) for v in square[:3]), square.n)
        rows.append(row("spread of samples, mm", name, spreads[name]))
    share = spreads["distal hidden"].value / spreads["distal visible"].value
    rows.append(row("spread, hidden / visible", "distal", share, ">= 2"))
    apart = mean_interval(1e3 * found.apart[CHOSEN], rounds=ROUNDS)
    rows.append(row("disagreement of the views, mm", "distal", apart, "<= 15"))
    for level, wanted in ((0.5, "45 to 55"), (0.9, "87 to 93")):
        for name in ("distal_visible", "distal_self_occluded", "distal_hidden"):
            counted = masks[name]
            held = inside(np.where(counted, found.quantile, 0.0), level)
            share = mean_interval(100.0 * held, counted, rounds=ROUNDS)
            rows.append(
                row(f"inside {level:.0%} regions, %", name.replace("_", " "), share, wanted)
            )
    return rows


def manifold(from_poses: Mapping[str, np.ndarray]) -> list[dict]:
    """How far from known poses, beyond the true limbs: of the regressor, the estimate, a sample."""
    excess = {k: from_poses[k] - from_poses["true"] for k in ("regressed", "estimate", "sample")}
    rows = [row(f"excess distance to poses, {k}", "limbs", mean_interval(v, rounds=ROUNDS))
            for k, v in excess.items()]  # fmt: skip
    # Answers near the mean may be nearer to known poses than the truth is: then there is no ratio.
    if (own := float(excess["regressed"].mean())) > 0:
        share = float(excess["sample"].mean()) / own
        rows.append(row("the same, sample / regressor", "limbs", share, "<= 0.6"))
    return rows


def ratio(figure: str, subset: str, a: np.ndarray, b: np.ndarray, mask: np.ndarray,
          wanted: str = "") -> dict:  # fmt: skip
    """Sum of ``a`` over sum of ``b`` on the joints of ``mask``."""
    sums = [np.where(mask, values, 0).sum(1) for values in (a, b)]
    return row(figure, subset, ratio_interval(*sums, rounds=ROUNDS), wanted)


def row(figure: str, subset: str, value: float | Estimate, wanted: str = "") -> dict:
    """A row of the table. value: with its interval, or a number alone."""
    made = {"figure": figure, "subset": subset}
    if isinstance(value, Estimate):
        made |= {"value": value.value, "ci95": [value.low, value.high], "people": value.n}
    else:
        made |= {"value": value}
    return made | {"wanted": wanted}
