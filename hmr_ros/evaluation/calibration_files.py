"""An estimator's calibration in the files that ship: its manifests and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hmr_ros.machine import revision
from hmr_ros.runtime.calibration import KEY, Calibration
from hmr_ros.runtime.graph_description import add_facts
from hmr_ros.runtime.graph_file import PRECISIONS, variant_path

HEADING, NEXT = "## Uncertainty as published", "## Limits"


def write(
    path: Path, calibration: Calibration, people: str, command: str, rows: Sequence[Mapping]
) -> None:
    """Tell the manifests of the float32 ONNX file ``path``, of its other precisions and the card
    beside them.

    people: whom it was fitted on, in words. rows: how often regions hold the truth of them. Raises
    OSError for a file that is missing, ValueError for a card without limits.
    """
    told = {name: np.round(value, 4).tolist() for name, value in asdict(calibration).items()}
    told |= {"people": people, "command": command, "revision": revision()}
    for precision in PRECISIONS:
        variant = variant_path(path, precision)
        if precision == "float32" or variant.is_file():
            add_facts(variant, {KEY: told | {"held": list(rows)}})
    card = path.with_suffix(".md")
    section = section_of(calibration, people, command, rows)
    card.write_text(with_section(card.read_text(encoding="utf-8"), section), encoding="utf-8")


def section_of(
    calibration: Calibration, people: str, command: str, rows: Sequence[Mapping]
) -> list[str]:
    """Lines of the card."""
    c = calibration
    kinds = {
        "joint that is seen": (c.joints[0], c.joint_tails[0]),
        "joint that is hidden": (c.joints[1], c.joint_tails[1]),
        "place of the pelvis": (c.place, c.place_tail),
    }
    if c.samples != Calibration().samples:
        kinds["by samples, seen"] = (c.samples[0], c.sample_tails[0])
        kinds["by samples, hidden"] = (c.samples[1], c.sample_tails[1])
    fitted = [
        {"error of": kind, "factor": factor, "degrees of freedom": f"{1 / t:.1f}" if t else "all"}
        for kind, (factor, t) in kinds.items()
    ]
    return [
        HEADING,
        "",
        "Factors on the network's standard deviations, after placement and refinement, so that "
        "90 % regions hold 90 %, and the degrees of freedom of a Student t with which 50 % regions "
        f"hold 50 %. Fitted on {people} by `{command}`:",
        "",
        *_table(fitted),
        "",
        "Share of their limbs' joints about the pelvis, and of their pelvises, in these regions:",
        "",
        *_table(rows),
        "",
    ]


def with_section(text: str, section: Sequence[str]) -> str:
    """A card with ``section`` before its limits, in place of a former one."""
    lines = text.splitlines()
    end = lines.index(NEXT)
    start = lines.index(HEADING) if HEADING in lines else end
    return "\n".join([*lines[:start], *section, *lines[end:], ""])


def _table(rows: Sequence[Mapping]) -> list[str]:
    cells = [list(rows[0]), ["---"] * len(rows[0])]
    cells += [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows]
    return ["| " + " | ".join(line) + " |" for line in cells]
