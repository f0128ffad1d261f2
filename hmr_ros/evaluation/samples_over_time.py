"""What samples of the limbs over time are worth, on people followed through films.

As ``hmr_ros.evaluation.samples`` judges those of one image, and one thing more: a sample is one
thread through time, so it must move as a person does, not jump from frame to frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Generator, Tensor

from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.evaluation.calibration import joint_quantiles
from hmr_ros.evaluation.persistence import lasting
from hmr_ros.evaluation.sample_calibration import covariances_over_time
from hmr_ros.evaluation.samples import (
    GUIDANCE,
    STEPS,
    fewer_steps,
    joined,
    ratio,
    regions,
    row,
    spread,
)
from hmr_ros.evaluation.subsets import joint_masks
from hmr_ros.models.factorized import SAMPLES
from hmr_ros.models.factorized import STEPS as CHOSEN
from hmr_ros.models.factorized_state import TORSO
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.temporal import Temporal
from hmr_ros.runtime.calibration import factor2, seen_or_not


@dataclass(frozen=True)
class Threads:
    """About F frames of all people; errors [F, 24] in metres about the pelvis.

    person: [F] whose frame it is. visibility: [F, 24]. lasting: [F, 24] hidden for long.
    estimate: of the network's body; best, square: of the nearest of eight samples, joint by joint,
    and mean squared distance of samples to their mean, by the number of steps. quantile: [F, 24] of
    the region by samples that holds the true joint, NaN for the pelvis.
    shift: [F, 24] metres that a joint moves from the frame before, of the estimate ("estimate"),
    the truth ("true"), a sample ("sample"), and of samples with new noise in each frame ("anew"); 0
    in the first frame of a piece.
    moved: [F] largest distance of a torso joint of a sample of any kind to the estimate's.
    """

    person: np.ndarray
    visibility: np.ndarray
    lasting: np.ndarray
    estimate: np.ndarray
    best: dict[int, np.ndarray]
    square: dict[int, np.ndarray]
    quantile: np.ndarray
    shift: dict[str, np.ndarray]
    moved: np.ndarray


@torch.no_grad()
def drawn(
    network: Temporal, people: Iterable[tuple[Mapping[str, Tensor], np.ndarray]], seed: int = 0
) -> Threads:
    """The network and its samples on everybody: clips [1, F, ...] of ``SIGHTING`` with the truth
    (``true_rotations``, ``true_betas``, ``true_visibility``), and their stamps [F] in seconds."""
    rng = Generator().manual_seed(seed)
    parts = [_of_person(network, *person, n, rng) for n, person in enumerate(people)]
    return Threads(**{f.name: joined([p[f.name] for p in parts]) for f in fields(Threads)})


def _of_person(network: Temporal, batch, stamps: np.ndarray, number: int, rng: Generator) -> dict:
    answer = {name: value[0] for name, value in network(batch).items()}
    own, _ = network.skeleton(answer["rotations"], answer["betas"])
    true, _ = network.skeleton(batch["true_rotations"][0], batch["true_betas"][0])
    noise = torch.randn(SAMPLES, SIZE, generator=rng)
    best, square, moved = {}, {}, torch.zeros(len(own))
    for steps in STEPS:
        joints = sampled_joints(network, answer, noise, steps)
        best[steps] = (joints - true).norm(dim=-1).amin(0)
        square[steps] = (joints - joints.mean(0)).square().sum(-1).mean(0)
        if steps == CHOSEN:
            chosen = joints
        others = [sampled_joints(network, answer, noise[:1], steps, g) for g in GUIDANCE[1:]]
        for one in (joints, *others):
            moved = moved.maximum((one - own)[:, :, list(TORSO)].norm(dim=-1).amax((0, 2)))
    fresh = torch.randn(len(own), SIZE, generator=rng)
    anew = sampled_joints(network, answer, fresh[None])[0]
    follows = np.diff(stamps, prepend=-np.inf) < 0.2
    threads = {"estimate": own, "true": true, "sample": chosen[0], "anew": anew}
    visibility = batch["true_visibility"][0].numpy().astype(np.uint8)
    return {
        "person": np.full(len(own), number),
        "visibility": visibility,
        "lasting": lasting(visibility == HIDDEN, stamps),
        "estimate": (own - true).norm(dim=-1),
        "best": best,
        "square": square,
        "quantile": _quantiles(network, batch, answer, chosen, own, true),
        "shift": {name: _shift(joints.numpy(), follows) for name, joints in threads.items()},
        "moved": moved,
    }


def _quantiles(network, batch, answer, joints: Tensor, own: Tensor, true: Tensor) -> np.ndarray:
    shares = seen_or_not(batch["visibility"][0].numpy())
    factor = np.sqrt(factor2(network.sample_temperature.numpy(), shares))
    cov = covariances_over_time(batch, answer, joints, own, factor)
    return joint_quantiles((true - own).numpy(), cov)


def _shift(joints: np.ndarray, follows: np.ndarray) -> np.ndarray:
    moved = np.linalg.norm(np.diff(joints, axis=0, prepend=joints[:1]), axis=-1)
    return np.where(follows[:, None], moved, 0.0)


def rows_of(found: Threads) -> list[dict]:
    """One row a figure; intervals over people, as the frames of one are alike."""
    masks = joint_masks(found.visibility)
    hidden, seen = masks["distal_hidden"], masks["distal_visible"]
    who = found.person
    square = found.square[CHOSEN]
    long = hidden & found.lasting
    rows = [row("torso, largest difference to the estimate, m", "", float(found.moved.max()))]
    for name, mask, wanted in (
        ("distal hidden", hidden, "<= 0.70"),
        ("distal hidden for a second", long, ""),
        ("distal visible", seen, ""),
    ):
        best = found.best[CHOSEN]
        rows.append(ratio("best of 8 / estimate", name, best, found.estimate, mask, wanted, who))
    rows += fewer_steps(found.best, hidden, who)
    share = spread(square, hidden).value / spread(square, seen).value
    rows.append(row("spread, hidden / visible", "distal", share, ">= 2"))
    for name, mask in (("distal hidden", hidden), ("distal visible", seen)):
        rows.append(row("spread of samples, mm", name, spread(square, mask, who)))
    true = found.shift["true"]
    for name in ("estimate", "sample", "anew"):
        figure = f"way from frame to frame, {name} / true"
        rows.append(ratio(figure, "distal", found.shift[name], true, masks["distal"], "", who))
    return rows + regions(found.quantile, masks, who)
