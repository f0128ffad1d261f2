"""An estimator's calibration in the files that ship: its manifests and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hmr_ros.evaluation.recalibration import BOUNDS
from hmr_ros.regions import HEAVIEST
from hmr_ros.runtime.calibration import KEY, Calibration
from hmr_ros.runtime.graph_description import add_facts
from hmr_ros.runtime.graph_file import PRECISIONS, manifest_path, variant_path

HEADING, NEXT = "## Uncertainty as published", "## Limits"


@dataclass(frozen=True)
class Fit:
    """A calibration, whom it was fitted on (in words), by which command and revision of the code,
    and rows of how often regions hold the truth of them."""

    calibration: Calibration
    people: str
    command: str
    revision: str
    rows: Sequence[Mapping]


def write(fits: Mapping[Path, Fit]) -> None:
    """Tell the manifests of float32 ONNX files, of their other precisions and the cards beside
    them.

    Raises OSError for a file that is missing, ValueError for a card without limits; then nothing
    has been written.
    """
    cards, manifests = {}, {}
    for path, fit in fits.items():
        card = path.with_suffix(".md")
        try:
            text = with_section(card.read_text(encoding="utf-8"), section_of(fit))
        except ValueError as error:
            raise ValueError(f"{card}: {error}") from None
        cards[card] = text
        for precision in PRECISIONS:
            variant = variant_path(path, precision)
            if precision == "float32" or variant.is_file():
                manifest_path(variant).read_bytes()  # is it there?
                manifests[variant] = fit
    for variant, fit in manifests.items():
        add_facts(variant, {KEY: told_of(fit)})
    for card, text in cards.items():
        card.write_text(text, encoding="utf-8")


def told_of(fit: Fit) -> dict:
    """The section ``KEY`` of a manifest."""
    values = asdict(fit.calibration).items()
    return {
        **{name: np.round(value, 4).tolist() for name, value in values},
        "people": fit.people,
        "command": fit.command,
        "revision": fit.revision,
        "at_bounds": at_bounds(fit.calibration),
        "held": list(fit.rows),
    }


def at_bounds(calibration: Calibration) -> list[str]:
    """What stands at the bound of what is fitted, in words: a factor of ``BOUNDS``, a tail as heavy
    as any. Regions need not hold what they say there. A tail of 0 is a Gaussian, no bound."""
    found = []
    for kind, (factor, tail) in _kinds(calibration).items():
        if np.isclose(factor, BOUNDS, rtol=1e-3).any():
            found.append(f"factor of {kind}")
        if np.isclose(tail, HEAVIEST, rtol=1e-3):
            found.append(f"degrees of freedom of {kind}")
    return found


def _kinds(c: Calibration) -> dict[str, tuple[float, float]]:
    """Factor and tail by the kind of error, in words."""
    kinds = {
        "joint that is seen": (c.joints[0], c.joint_tails[0]),
        "joint that is hidden": (c.joints[1], c.joint_tails[1]),
        "place of the pelvis": (c.place, c.place_tail),
    }
    if c.samples != Calibration().samples:
        kinds["by samples, seen"] = (c.samples[0], c.sample_tails[0])
        kinds["by samples, hidden"] = (c.samples[1], c.sample_tails[1])
    return kinds


def section_of(fit: Fit) -> list[str]:
    """Lines of the card."""
    fitted = [
        {"error of": kind, "factor": factor, "degrees of freedom": f"{1 / t:.1f}" if t else "all"}
        for kind, (factor, t) in _kinds(fit.calibration).items()
    ]
    bound = at_bounds(fit.calibration)
    return [
        HEADING,
        "",
        "Factors on the network's standard deviations, after placement and refinement, so that "
        "90 % regions hold 90 %, and the degrees of freedom of a Student t with which 50 % regions "
        f"hold 50 %. Fitted on {fit.people} by `{fit.command}`, revision {fit.revision}:",
        "",
        *_table(fitted),
        "",
        *(
            [
                "At the bound of what is fitted, so that these regions need not hold what they "
                f"say (the table below has how often they do): {'; '.join(bound)}.",
                "",
            ]
            if bound
            else []
        ),
        "Share of their limbs' joints about the pelvis, and of their pelvises, in these regions:",
        "",
        *_table(fit.rows),
        "",
    ]


def with_section(text: str, section: Sequence[str]) -> str:
    """A card with ``section`` before its limits, in place of a former one. Raises ValueError for a
    card without limits."""
    lines = text.splitlines()
    if NEXT not in lines:
        raise ValueError(f"there is no line {NEXT!r}, before which the uncertainty is told")
    end = lines.index(NEXT)
    start = lines.index(HEADING) if HEADING in lines else end
    return "\n".join([*lines[:start], *section, *lines[end:], ""])


def _table(rows: Sequence[Mapping]) -> list[str]:
    cells = [list(rows[0]), ["---"] * len(rows[0])]
    cells += [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows]
    return ["| " + " | ".join(line) + " |" for line in cells]
