"""The report of FactorizedHMR's ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hmr_ros.evaluation.report.about import about_section
from hmr_ros.evaluation.report.page import Section, escaped, figure, page, table

SIMULATED = (
    "People are simulated: keypoints without pictures, of bodies whose joints are all known. What "
    "a part is worth here is evidence for the method, not its accuracy on images."
)
HEADS = {
    "torso_mm": "torso",
    "visible_mm": "limbs seen",
    "hidden_mm": "limbs hidden",
    "best8_hidden_mm": "hidden, best of 8",
    "spread_hidden_mm": "spread hidden",
    "spread_visible_mm": "spread seen",
    "apart_mm": "views apart",
    "excess": "excess to poses",
}


def factorized_report(figures: Mapping) -> str:
    """The document. figures: of ``hmr eval factorized``."""
    facts = figures["facts"]
    lead = (
        f'<p class="lead">{facts["people"]:,} simulated people; answers of one network are '
        "compared sample by sample.</p>"
    )
    sections = [
        _arms(figures["rows"]),
        _changes(figures["rows"]),
        _lines(figures["lines"]),
        about_section(SIMULATED, {k: str(v) for k, v in facts.items()}),
    ]
    return page("FactorizedHMR: what each part is worth", lead, sections)


def _arms(rows: Sequence[Mapping]) -> Section:
    said = [
        [escaped(row["arm"])]
        + [figure(row.get(k), row["ci95"].get(k), 3 if k == "excess" else 0) for k in HEADS]
        for row in rows
    ]
    text = (
        "Millimetres about the pelvis. Mean error of one sample in 4 steps (of the answer itself, "
        "where there is one) on torso and limbs, error of the nearest of eight samples, how far "
        "samples spread, and how far their two views of a limb are apart. <i>Excess</i>: distance "
        "of the limbs to the nearest known pose (about radians) beyond that of the true ones. "
        "Rows of <i>films</i> are of other people, followed through films: single images, and what "
        "looking back makes of those. Small figures: 95 % intervals by people."
    )
    return Section("Ablation", text, table(["arm", *HEADS.values()], said))


def _changes(rows: Sequence[Mapping]) -> Section:
    names = [k for k in HEADS if any(k in row["change"] for row in rows)]
    said = []
    for row in rows:
        if "versus" in row:
            found = [row["change"].get(k, [None, None, None]) for k in names]
            cells = [figure(value, (low, high), 1) for value, low, high in found]
            said.append([escaped(f"{row['arm']} less {row['versus']}"), *cells])
    text = "Paired: the same people, the same noise. Negative is nearer to the truth."
    return Section("Rows compared", text, table(["", *(HEADS[k] for k in names)], said))


def _lines(rows: Sequence[Mapping]) -> Section:
    said = [
        [escaped(r["figure"]), escaped(r["subset"]), figure(r["value"], r.get("ci95"), 3)]
        + [escaped(r["wanted"])]
        for r in rows
    ]
    return Section("To be reached", "", table(["figure", "of", "value", "wanted"], said, 2))
