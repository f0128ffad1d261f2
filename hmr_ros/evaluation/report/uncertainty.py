"""Whether models know what they do not know: reliability diagrams and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hmr_ros.evaluation.calibration import reliability
from hmr_ros.evaluation.report.page import Section, colour, dot, escaped, figure, table
from hmr_ros.evaluation.report.plots import reliability_diagram
from hmr_ros.evaluation.synocc.rows import subsets_of
from hmr_ros.evaluation.synocc.study import GIVEN, Study

PROMISED = np.append(np.linspace(0.05, 0.95, 19), 0.99)
VERDICTS = {
    "over-confident": ("bad", "Over-confident", "its regions are too small: do not trust them"),
    "under-confident": ("unsure", "Under-confident", "its regions are larger than need be"),
    "honest": ("good", "Honest", "its regions hold what they promise"),
    "undecided": ("unsure", "Undecided", "too few people to tell"),
}


def calibration_section(
    study: Study, rows: Sequence[Mapping], names: Sequence[str]
) -> Section | None:
    """A reliability diagram and a verdict for each model that states an uncertainty."""
    blocks = []
    limb = subsets_of(study.truth)["all"]
    hidden = subsets_of(study.truth)["hidden"]
    for name, error in (study.errors.get(GIVEN) or {}).items():
        known = limb & np.isfinite(error.quantile)
        if not known.any():
            continue
        chosen = [
            r
            for r in rows
            if (r["model"], r["protocol"], r["level"]) == (name, GIVEN, "all")
            and r["subset"] in ("all", "visible", "hidden")
            and "calibration" in r
        ]
        kind, word, means = VERDICTS[chosen[0]["calibration"]]
        figures = [
            [
                escaped(r["subset"]),
                figure(100 * r["coverage50"], [100 * v for v in r["ci95"]["coverage50"]]),
                figure(100 * r["coverage90"], [100 * v for v in r["ci95"]["coverage90"]]),
                figure(r["nll"], digits=1),
                badge(r["calibration"]),
            ]
            for r in chosen
        ]
        ink = colour(list(names).index(name))
        plot = reliability_diagram(PROMISED, reliability(error.quantile[known], PROMISED), ink)
        inner = ""
        if (known & hidden).any():
            inner = "<p class=faint>Diagram: all 12 joints.</p>"
        blocks.append(
            f"<div><h3>{dot(names, name)}{escaped(name)}</h3>"
            f'<p class="note {kind}"><b>{word}</b>: {means}.</p>'
            f'<div class="row">{plot}<div>'
            f"{table(['joints', 'in 50 %', 'in 90 %', 'NLL', 'verdict'], figures, 1)}"
            f"{inner}</div></div></div>"
        )
    if not blocks:
        return None
    return Section(
        "Uncertainty",
        "Whether predicted covariances are true. A region that promises 90 % must hold the joint "
        "in 90 % of the cases: the curve of an honest model lies on the diagonal, below it the "
        "model claims more than it knows. NLL: negative log-likelihood in nats for metres, less is "
        "better; it also rewards being sharp.",
        f'<div class="row">{"".join(blocks)}</div>',
    )


def badge(name: str) -> str:
    """A verdict in its colour."""
    kind, word, _ = VERDICTS[name]
    return f'<span class="badge {kind}">{word}</span>'
