"""Figures of a study as rows: by model, protocol, level and subset of joints, with intervals."""

from __future__ import annotations

import numpy as np

from hmr_ros.evaluation.bootstrap import mean_interval, paired_difference
from hmr_ros.evaluation.calibration import verdict
from hmr_ros.evaluation.pose_metrics import pck3d
from hmr_ros.evaluation.subsets import joint_masks, occluder_masks
from hmr_ros.evaluation.synocc.answers import Answer, Truth
from hmr_ros.evaluation.synocc.errors import Errors
from hmr_ros.evaluation.synocc.still import LEVELS
from hmr_ros.evaluation.synocc.study import Study

ROUNDS = 1000
COVERAGE = {"coverage50": 0.5, "coverage90": 0.9}


def subsets_of(truth: Truth) -> dict[str, np.ndarray]:
    """Masks [N, 24] by name. All but ``torso`` and ``distal`` count the 12 limb joints, which
    every model and peer gives: ``all`` and ``limb`` are the same."""
    masks = joint_masks(truth.visibility)
    limb = masks["limb"]
    chosen = {
        "all": limb,
        "visible": masks["limb_visible"],
        "self_occluded": masks["limb_self_occluded"],
        "hidden": masks["limb_hidden"],
        "torso": masks["torso"],
        "limb": limb,
        "distal": masks["distal"],
    }
    occluders = occluder_masks(truth.occluder)
    return chosen | {name: limb & mask for name, mask in occluders.items() if mask.any()}


def levels_of(truth: Truth) -> dict[str, np.ndarray]:
    """Masks [N] by name: everybody, then each level that occurs."""
    levels = {"all": np.ones(len(truth), bool)}
    return levels | {name: truth.level == name for name in LEVELS if (truth.level == name).any()}


def rows_of(study: Study) -> list[dict]:
    """One row a model, protocol, level and subset; errors in millimetres.

    ``people``: who has such a joint. ``found``: share of them that the model says it saw.
    ``answered``: share that it gives joints for; errors are means over these, and ``pck``,
    ``pck3d`` over everybody, a person without an answer being wrong. ``n``: joints behind the
    errors. Rows of one occluder (``by_*``) are for all levels together. Intervals redraw pictures.
    """
    found = []
    for protocol, errors in study.errors.items():
        for name, error in errors.items():
            answer = study.answers[protocol][name]
            for level, people in levels_of(study.truth).items():
                for subset, mask in subsets_of(study.truth).items():
                    counted = mask & people[:, None]
                    skip = subset.startswith("by_") and level != "all"
                    if skip or not counted.any() or not _gives(error, counted):
                        continue
                    head = {"model": name, "protocol": protocol, "subset": subset, "level": level}
                    found.append(head | figures(study.truth, answer, error, counted, subset))
    return found


def figures(
    truth: Truth, answer: Answer, error: Errors, counted: np.ndarray, subset: str = "all"
) -> dict:
    """Figures of the joints that ``counted`` [N, 24] counts; see ``rows_of``."""
    people = counted.any(1)
    known = counted & np.isfinite(error.joints)
    row = {
        "n": int(known.sum()),
        "people": int(people.sum()),
        "found": float(answer.found[people].mean()),
        "answered": float(answer.answered[people].mean()),
    }
    wanted = {
        "mpjpe_mm": (1e3 * error.joints, known),
        "pa_mpjpe_mm": (1e3 * error.aligned, known & np.isfinite(error.aligned)),
        "pck": (error.right_2d, counted),
        "pck3d": (pck3d(error.joints), counted),
        "nll": (error.nll, counted & np.isfinite(error.nll)),
    }
    if subset == "all":
        wanted["pve_mm"] = (1e3 * error.vertices, people & np.isfinite(error.vertices))
    certain = counted & np.isfinite(error.quantile)
    for name, level in COVERAGE.items():
        wanted[name] = ((error.quantile <= level).astype(float), certain)
    intervals = {}
    for name, (values, mask) in wanted.items():
        if not mask.any():
            continue
        estimate = mean_interval(values, mask, truth.image, rounds=ROUNDS)
        row[name], intervals[name] = estimate.value, [estimate.low, estimate.high]
    if certain.any():
        row["calibration"] = verdict(
            {level: row[name] for name, level in COVERAGE.items()},
            len(np.unique(truth.image[certain.any(1)])),
            {level: tuple(intervals[name]) for name, level in COVERAGE.items()},
        )
    return row | {"ci95": intervals}


def comparisons(study: Study, first: str) -> list[dict]:
    """Every other model less ``first`` on the people that both answer: negative is better than
    ``first``. By protocol, level and the subsets all, visible and hidden."""
    found = []
    for protocol, errors in study.errors.items():
        if first not in errors:
            continue
        for name in errors:
            if name == first:
                continue
            pair = errors[name], errors[first]
            both = np.isfinite(pair[0].joints) & np.isfinite(pair[1].joints)
            for level, people in levels_of(study.truth).items():
                for subset in ("all", "visible", "hidden"):
                    counted = subsets_of(study.truth)[subset] & people[:, None] & both
                    if not counted.any():
                        continue
                    row = {"model": name, "versus": first, "protocol": protocol}
                    row |= {"subset": subset, "level": level, "n": int(counted.sum())}
                    row["people"] = int(counted.any(1).sum())
                    found.append(row | _differences(study.truth, *pair, counted))
    return found


def _differences(truth: Truth, one: Errors, other: Errors, counted: np.ndarray) -> dict:
    row, intervals = {}, {}
    for name, field in (("mpjpe_mm", "joints"), ("pa_mpjpe_mm", "aligned")):
        a, b = 1e3 * getattr(one, field), 1e3 * getattr(other, field)
        mask = counted & np.isfinite(a) & np.isfinite(b)
        if not mask.any():
            continue
        gap = paired_difference(a, b, mask, truth.image, rounds=ROUNDS)
        row[name], intervals[name] = gap.value, [gap.low, gap.high]
        row[f"{name}_pair"] = [float(a[mask].mean()), float(b[mask].mean())]
    return row | {"ci95": intervals}


def _gives(error: Errors, counted: np.ndarray) -> bool:
    """Whether the model gives any of these joints, for anybody."""
    return bool(np.isfinite(error.joints[:, counted.any(0)]).any())
