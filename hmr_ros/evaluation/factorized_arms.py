"""What each part of FactorizedHMR is worth: networks that lack parts of it, on the same people.

All have the same stage one, the regressor that they are compared with. A sample costs more than a
mean wherever nothing tells where a joint is, so arms are compared with each other, sample by
sample, and with the regressor by the nearest of several and by how plausible a sample is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from hmr_ros.evaluation.bootstrap import Estimate, mean_interval, paired_difference
from hmr_ros.evaluation.samples import (
    CHOSEN,
    ROUNDS,
    STEPS,
    mean_of,
    nearest_pose,
    plausible,
    ratio,
    reached,
    rested,
    spread,
)
from hmr_ros.evaluation.subsets import joint_masks
from hmr_ros.models.factorized import Factorized
from hmr_ros.models.factorized_state import TORSO, body_of
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.reaching import reaching
from hmr_ros.models.several_samples import noise_of, several

GUIDANCE = 2.0
FIGURES = {  # of the table: field of ``Arm``, joints that count (all that it has for "")
    "torso_mm": ("sample", "torso"),
    "visible_mm": ("sample", "distal_visible"),
    "hidden_mm": ("sample", "distal_hidden"),
    "best8_hidden_mm": ("best", "distal_hidden"),
    "apart_mm": ("apart", ""),
}
WITHOUT_SAMPLES = "regressor", "anchor + mean limbs"
# What a perfect stage two would answer on this anchor, by what it is taught.
GOALS = "goal: limbs turn as the true ones", "goal: limbs reach for the true ones"
KEPT, DROPPED = f"+ guidance {GUIDANCE:g}", f"guidance {GUIDANCE:g}, anchor dropped"


@dataclass(frozen=True)
class Arm:
    """About N people; errors [N, 24] in metres about the pelvis.

    sample: mean error of one answer; of an arm with samples also best, square and, with two views,
    apart of ``several``. excess: [N] distance of an answer's limbs to the nearest of known poses,
    less that of the true ones. moved: [N] largest difference of a known coordinate to stage one's.
    person: [N] whose answer it is, where people answer more than once.
    """

    sample: np.ndarray
    excess: np.ndarray
    best: np.ndarray | None = None
    square: np.ndarray | None = None
    apart: np.ndarray | None = None
    moved: np.ndarray | None = None
    person: np.ndarray | None = None


@torch.no_grad()
def asked(
    networks: Mapping[str, Factorized],
    people: Sequence[Mapping[str, Tensor]],
    poses: Tensor,
    seed: int = 0,
) -> dict[str, Arm]:
    """Every row of the ablation by name: the regressor, the anchor with mean limbs, and samples of
    ``networks``; of the last, the whole method, also its estimate, guidance and other steps, and
    ``GOALS``; guidance that drops the anchor if it has been trained without one.

    people: batches of inputs with ``joints`` [N, 24, 3] about the pelvis and ``rotations``
    [N, 24, 3, 3], the truth. poses: [M, 16, 3, 3] known rotations of limbs. All start from the same
    noise.
    """
    whole = list(networks)[-1]
    parts: dict[str, list[Arm]] = {}
    rng = torch.Generator().manual_seed(seed)
    for batch in people:
        noise = noise_of(len(batch["joints"]), rng)
        for name, network in networks.items():
            for said, arm in _of_one(network, name, batch, poses, noise, name == whole):
                parts.setdefault(said, []).append(arm)
    order = [*WITHOUT_SAMPLES, *networks, *(name for name in parts if name not in GOALS), *GOALS]
    return {name: joined(parts[name]) for name in dict.fromkeys(order)}


def _of_one(network, name, batch, poses, noise, whole: bool) -> Iterable[tuple[str, Arm]]:
    """Rows of one network on one batch."""
    first, told = network.told(batch)
    true = batch["joints"]
    floor = nearest_pose(batch["rotations"], poses)

    def answer(body: Lifted) -> Arm:
        excess = nearest_pose(body.rotations, poses) - floor
        return Arm((body.joints - true).norm(dim=-1).numpy(), excess.numpy())

    def sampled(**how) -> Arm:
        states, bodies, figures = several(network, told, true, noise, **how)
        known = network.mask == 0
        moved = [(s - told.regressed)[:, known].abs().amax(1) for s in states]
        return Arm(
            figures["sample"].numpy(),
            answer(bodies[0]).excess,
            figures["best"].numpy(),
            figures["square"].numpy(),
            figures["apart"].numpy() if network.config.positions else None,
            torch.stack(moved).amax(0).numpy(),
        )

    if whole:
        resting = body_of(network.skeleton, rested(told.anchor, mean_of(poses)))
        yield from zip(WITHOUT_SAMPLES, (answer(first), answer(resting)), strict=True)
        yield f"{name}: estimate", answer(network.estimated(first, told))
        yield from zip(GOALS, map(answer, goals(network, first, batch)), strict=True)
    yield name, sampled()
    if whole:
        yield KEPT, sampled(guidance=GUIDANCE)
        if network.config.unanchored:
            yield DROPPED, sampled(guidance=GUIDANCE, keep_anchor=False)
        for steps in STEPS:
            if steps != CHOSEN:
                yield f"{name}, {steps} steps", sampled(steps=steps)


def goals(network: Factorized, first: Lifted, batch: Mapping[str, Tensor]) -> tuple[Lifted, Lifted]:
    """The true limbs on the torso of ``first``: as they truly turn, and as they reach."""
    turned = batch["rotations"].clone()
    turned[:, list(TORSO)] = first.rotations[:, list(TORSO)]
    truth = batch["rotations"], batch["joints"]
    reached = reaching(network.skeleton, first.rotations, first.betas, *truth)
    posed = [(r, network.skeleton(r, first.betas)) for r in (turned, reached)]
    return tuple(replace(first, rotations=r, joints=j, landmarks=k) for r, (j, k) in posed)


def joined(arms: Sequence[Arm]) -> Arm:
    """Of the people of all arms, in order."""
    values = {f.name: [getattr(arm, f.name) for arm in arms] for f in fields(Arm)}
    return Arm(**{k: None if v[0] is None else np.concatenate(v) for k, v in values.items()})


def refuse_names(networks: Sequence[str]) -> None:
    """Raises ValueError if rows of networks of these names would take each other's place, or that
    of another row."""
    whole = networks[-1]
    rows = (*WITHOUT_SAMPLES, *GOALS, KEPT, DROPPED, f"{whole}: estimate")
    taken = [*rows, *(f"{whole}, {steps} steps" for steps in STEPS)]
    for name in networks:
        if taken.count(name) or networks.count(name) > 1:
            raise ValueError(f"two rows would be named {name!r}: give each network its own name")


def versus(arms: Iterable[str], networks: Iterable[str]) -> dict[str, str]:
    """The row that each row is compared with, by names: what lacks a part or adds to the whole
    method with that, answers with the regressor. ``networks``: the last is the whole."""
    *others, whole = networks
    regressor, resting = WITHOUT_SAMPLES
    against = dict.fromkeys(others, whole) | {resting: regressor, f"{whole}: estimate": regressor}
    against |= {KEPT: whole, DROPPED: KEPT, GOALS[1]: GOALS[0]}
    against |= {f"{whole}, {steps} steps": whole for steps in STEPS}
    return {name: against[name] for name in arms if name in against}


def table(
    arms: Mapping[str, Arm], against: Mapping[str, str], visibility: np.ndarray
) -> list[dict]:
    """One row an arm: figures with their intervals, and ``change``: how each figure in mm differs
    from that of the row ``versus``, with its interval (paired; negative is nearer). against: which
    row that is (``versus``)."""
    masks, rows = joint_masks(visibility), []
    for name, arm in arms.items():
        who = arm.person
        people = len(arm.excess) if who is None else len(np.unique(who))
        made: dict = {"arm": name, "people": people, "ci95": {}, "change": {}}
        if name in against:
            made["versus"] = against[name]
        before = arms.get(against.get(name))
        for figure, (key, subset) in FIGURES.items():
            if (values := getattr(arm, key)) is None:
                continue
            _put(made, figure, mean_interval(1e3 * values, masks.get(subset), who, ROUNDS))
            if before is not None and (other := getattr(before, key)) is not None:
                pair = 1e3 * values, 1e3 * other
                gap = paired_difference(*pair, masks.get(subset), who, ROUNDS)
                made["change"][figure] = [gap.value, gap.low, gap.high]
        _put(made, "excess", mean_interval(arm.excess, None, who, ROUNDS))
        if arm.square is not None:
            for state in ("hidden", "visible"):
                _put(made, f"spread_{state}_mm", spread(arm.square, masks[f"distal_{state}"]))
        rows.append(made)
    return rows


def _put(made: dict, figure: str, found: Estimate) -> None:
    made[figure], made["ci95"][figure] = found.value, [found.low, found.high]


def lines(
    arms: Mapping[str, Arm], networks: Mapping[str, Factorized], visibility: np.ndarray
) -> list[dict]:
    """The figures that the method must reach, as rows of ``samples.row``; those that need a network
    that is not there are left out."""
    masks, whole = joint_masks(visibility), list(networks)[-1]
    regressor, resting = (arms[name] for name in WITHOUT_SAMPLES)
    own, estimate = arms[whole], arms[f"{whole}: estimate"]
    of_whole = [arm for name, arm in arms.items() if name == whole or name not in networks]
    moved = np.max([arm.moved for arm in of_whole if arm.moved is not None], 0)
    answers = (arm.sample for arm in (regressor, estimate, resting))
    best = {s: arms[whole if s == CHOSEN else f"{whole}, {s} steps"].best for s in STEPS}
    found = reached(moved, *answers, best, own.square, own.apart, masks)
    found += plausible(own.excess, regressor.excess)

    def against(other: str, subset: str, wanted: str) -> dict:
        sums, mask = (own.sample, arms[other].sample), masks[subset.replace(" ", "_")]
        return ratio(f"sample / {other}", subset, *sums, mask, wanted)

    for name, network in networks.items():
        if not network.config.anchored:
            found.append(against(name, "torso", "<= 0.75"))
        if not network.config.positions:
            found.append(against(name, "distal visible", "<= 0.97"))
            found.append(against(name, "distal hidden", ""))
    if DROPPED in arms:
        found.append(ratio("guidance that drops the anchor / keeps it", "distal",
                           arms[DROPPED].sample, arms[KEPT].sample, masks["distal"],
                           "> 1"))  # fmt: skip
    return found
