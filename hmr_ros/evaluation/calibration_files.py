"""An estimator's calibration in the files that ship: its manifests and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hmr_ros.runtime.calibration import AT_ITS_WORD, CLASSES, KEY, Calibration
from hmr_ros.runtime.graph_description import add_facts
from hmr_ros.runtime.graph_file import PRECISIONS, manifest_path, variant_path

FITTED = (50, 90)  # percent
GAUSSIAN = 1e-3  # a tail that is as good as none
SLACK = 0.02  # of a share that was fitted
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
        "missed": missed(fit.rows),
        "held": list(fit.rows),
    }


def missed(rows: Sequence[Mapping]) -> list[str]:
    """Which regions that were to hold ``FITTED`` shares of the errors do not, in words: where
    factors or tails came to their bounds, nearly always."""
    return [
        f"{row['joints']}, {100 * row[f'inside{level}']:.0f} % in {level} % regions"
        for row in rows
        for level in FITTED
        if abs(row[f"inside{level}"] - level / 100) > SLACK
    ]


def _kinds(c: Calibration) -> dict[str, tuple[float, float]]:
    """Factor and tail by the kind of error, in words."""
    fitted = zip(CLASSES, c.joints, c.joint_tails, strict=True)
    kinds = {f"joint that is {name}": (factor, tail) for name, factor, tail in fitted}
    if (c.place, c.place_tail) != (AT_ITS_WORD.place, AT_ITS_WORD.place_tail):
        kinds["place of the pelvis"] = (c.place, c.place_tail)
    if c.samples != AT_ITS_WORD.samples:
        fitted = zip(CLASSES, c.samples, c.sample_tails, strict=True)
        kinds |= {f"by samples, {name}": (factor, tail) for name, factor, tail in fitted}
    return kinds


def _freedom(tail: float) -> str:
    return f"{1 / tail:.1f}" if tail > GAUSSIAN else "all"


def section_of(fit: Fit) -> list[str]:
    """Lines of the card."""
    fitted = [
        {"error of": kind, "factor": factor, "degrees of freedom": _freedom(tail)}
        for kind, (factor, tail) in _kinds(fit.calibration).items()
    ]
    not_held = missed(fit.rows)
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
            [f"No factors and tails within their bounds do that for: {'; '.join(not_held)}.", ""]
            if not_held
            else []
        ),
        "Share of their limbs' joints about the pelvis (and of their pelvises) in these regions:",
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
