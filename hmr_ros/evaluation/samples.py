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
from hmr_ros.evaluation.calibration import inside, joint_quantiles
from hmr_ros.evaluation.sample_calibration import covariances_of
from hmr_ros.evaluation.subsets import joint_masks
from hmr_ros.models.factorized import STEPS as CHOSEN
from hmr_ros.models.factorized import Factorized
from hmr_ros.models.factorized_state import LIMBS, at_rest, body_of
from hmr_ros.models.several_samples import noise_of, several

STEPS = (1, 2, CHOSEN, 20)  # figures that do not compare steps are of the second last
GUIDANCE = (1.0, 0.0, 2.0)  # for which the torso is compared with stage one
ROUNDS = 1000


@dataclass(frozen=True)
class Drawn:
    """About N people; errors [N, 24] in metres about the pelvis.

    regressed, estimate, resting: of stage one, of the estimate, and of the anchor with mean limbs.
    sample, best, square, apart: of ``several`` samples, by the number of steps.
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
    return Drawn(**{f.name: joined([p[f.name] for p in parts]) for f in fields(Drawn)})


def joined(values: list):
    """Arrays of several batches as one, or dictionaries of such arrays."""
    if isinstance(values[0], dict):
        return {key: joined([v[key] for v in values]) for key in values[0]}
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
    noise = noise_of(len(true), rng)
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


def _quantiles(network, estimate, joints: Tensor, true: Tensor) -> np.ndarray:
    seen, hidden = network.sample_temperature
    visibility = estimate.visibility_logit.sigmoid()
    factor = (visibility * seen**2 + (1 - visibility) * hidden**2).sqrt()
    cov = covariances_of(network, estimate, joints.transpose(0, 1), factor.numpy())
    return joint_quantiles((true - estimate.joints).numpy(), cov)


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
    """One row a figure: its value, interval, and what it is wanted to be."""
    masks = joint_masks(visibility)
    hidden, regressed = masks["distal_hidden"], found.regressed
    square, apart = found.square[CHOSEN], found.apart[CHOSEN]
    rows = reached(
        found.moved, regressed, found.estimate, found.resting, found.best, square, apart, masks
    )
    rows += [
        ratio("estimate / regressor", "distal hidden", found.estimate, regressed, hidden),
        ratio("one sample / regressor", "distal hidden", found.sample[CHOSEN], regressed, hidden),
        *manifold(found.from_poses),
    ]
    for name in ("distal hidden", "distal visible"):
        rows.append(
            row("spread of samples, mm", name, spread(square, masks[name.replace(" ", "_")]))
        )
    return rows + regions(found.quantile, masks)


def regions(
    quantile: np.ndarray, masks: Mapping[str, np.ndarray], clusters: np.ndarray | None = None
) -> list[dict]:
    """How many distal joints regions by samples hold. quantile: [N, 24] as in ``Drawn``; clusters:
    ``mean_interval``."""
    rows = []
    for level, wanted in ((0.5, "45 to 55"), (0.9, "87 to 93")):
        for name in ("distal_visible", "distal_self_occluded", "distal_hidden"):
            held = inside(np.where(masks[name], quantile, 0.0), level)
            share = mean_interval(100.0 * held, masks[name], clusters, rounds=ROUNDS)
            rows.append(
                row(f"inside {level:.0%} regions, %", name.replace("_", " "), share, wanted)
            )
    return rows


def reached(
    moved: np.ndarray,
    regressed: np.ndarray,
    estimate: np.ndarray,
    resting: np.ndarray,
    best: Mapping[int, np.ndarray],
    square: np.ndarray,
    apart: np.ndarray | None,
    masks: Mapping[str, np.ndarray],
) -> list[dict]:
    """Rows of the figures that samples of any network must reach; arrays as in ``Drawn``, square
    and apart in ``CHOSEN`` steps. apart: None for a network with one view only."""
    hidden, seen, everything = masks["distal_hidden"], masks["distal_visible"], masks["all"]
    share = spread(square, hidden).value / spread(square, seen).value
    rows = [
        row("torso, largest difference to stage one", "", float(moved.max()), "<= 1e-6"),
        ratio("estimate / regressor", "all", estimate, regressed, everything, "<= 1.03"),
        ratio("anchor + mean limbs / estimate", "all", resting, estimate, everything, ">= 1.15"),
        ratio("best of 8 / regressor", "distal hidden", best[CHOSEN], regressed, hidden, "<= 0.70"),
        row("spread, hidden / visible", "distal", share, ">= 2"),
    ]
    rows += fewer_steps(best, hidden)
    if apart is not None:
        mean = mean_interval(1e3 * apart, rounds=ROUNDS)
        rows.append(row("disagreement of the views, mm", "distal", mean, "<= 15"))
    return rows


def fewer_steps(
    best: Mapping[int, np.ndarray], hidden: np.ndarray, clusters: np.ndarray | None = None
) -> list[dict]:
    """What fewer steps cost the nearest sample; best: as in ``Drawn``."""
    *fewer, last = STEPS
    return [
        ratio(
            f"best of 8, {steps} / {last} steps",
            "distal hidden",
            best[steps],
            best[last],
            hidden,
            "<= 1.05" if steps == CHOSEN else "",
            clusters,
        )
        for steps in fewer
    ]


def spread(square: np.ndarray, mask: np.ndarray, clusters: np.ndarray | None = None) -> Estimate:
    """Root mean square distance (mm) of samples to their mean, over the joints of ``mask``; square
    [N, 24] in m^2. clusters: see ``mean_interval``."""
    found = mean_interval(1e6 * square, mask, clusters, rounds=ROUNDS)
    return Estimate(*(np.sqrt(v) for v in found[:3]), found.n)


def manifold(from_poses: Mapping[str, np.ndarray]) -> list[dict]:
    """How far from known poses, beyond the true limbs: of the regressor, the estimate, a sample."""
    excess = {k: from_poses[k] - from_poses["true"] for k in ("regressed", "estimate", "sample")}
    rows = [row(f"excess distance to poses, {k}", "limbs", mean_interval(v, rounds=ROUNDS))
            for k, v in excess.items()]  # fmt: skip
    return rows + plausible(excess["sample"], excess["regressed"])


def plausible(sample: np.ndarray, regressed: np.ndarray) -> list[dict]:
    """The row that compares excess distances [N] to poses. None where the regressor has none:
    answers near the mean may be nearer to known poses than the truth is."""
    if (own := float(regressed.mean())) <= 0:
        return []
    figure = "excess distance to poses, sample / regressor"
    return [row(figure, "limbs", float(sample.mean()) / own, "<= 0.6")]


def ratio(figure: str, subset: str, a: np.ndarray, b: np.ndarray, mask: np.ndarray,
          wanted: str = "", clusters: np.ndarray | None = None) -> dict:  # fmt: skip
    """Sum of ``a`` over sum of ``b`` on the joints of ``mask``; clusters: ``ratio_interval``."""
    sums = [np.where(mask, values, 0).sum(1) for values in (a, b)]
    return row(figure, subset, ratio_interval(*sums, clusters, rounds=ROUNDS), wanted)


def row(figure: str, subset: str, value: float | Estimate, wanted: str = "") -> dict:
    """A row of the table. value: with its interval, or a number alone."""
    made = {"figure": figure, "subset": subset}
    if isinstance(value, Estimate):
        made |= {"value": value.value, "ci95": [value.low, value.high], "people": value.n}
    else:
        made |= {"value": value}
    return made | {"wanted": wanted}
