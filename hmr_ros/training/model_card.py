"""The page beside released weights: what they are, where they come from, and how good they are."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import torch

from hmr_ros.machine import hardware, revision


@dataclass(frozen=True)
class Origin:
    """How weights came to be. data: in words. steps: that were taken; batch: samples a step."""

    command: str
    data: str
    steps: int
    batch: int
    seed: int
    note: str = ""

    def facts(self) -> dict:
        """For the manifest of the weights."""
        return {
            "command": self.command,
            "steps": self.steps,
            "seed": self.seed,
            "revision": revision(),
            "hardware": hardware(gpu()),
        }


def card(
    name: str,
    about: str,
    facts: list[str],
    origin: Origin,
    figures: dict[str, list[dict]],
    limits: str,
) -> str:
    """The model card in Markdown.

    about: one paragraph. facts: further points (network, files, body model). figures: tables by
    what they were measured on; the rows of one table have the same keys. limits: one paragraph.
    """
    made = (
        f"`{origin.command}`; {origin.steps} steps of {origin.batch}, seed {origin.seed}, "
        f"revision {revision()}, {hardware(gpu())}, torch {torch.__version__}, "
        f"{datetime.date.today().isoformat()}."
    )
    points = [*facts, f"Data: {origin.data}", f"Command: {made}"]
    if origin.note:
        points.append(f"History: {origin.note}")
    lines = [f"# {name}", "", f"{about} Licence: Apache-2.0, like the package.", ""]
    lines += [f"- {point}" for point in points]
    lines += ["", "## Figures", ""]
    for measured_on, rows in figures.items():
        lines += [measured_on, "", *table(rows), ""]
    return "\n".join([*lines, "## Limits", "", limits, ""])


def table(rows: list[dict]) -> list[str]:
    """Lines of a Markdown table; the columns are the keys of the first row."""
    if not rows:
        return []
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(column, "")) for column in columns] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def write_card(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def gpu() -> str:
    """Name of the GPU that this process computes on, empty without one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _cell(value) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return str(value)
