"""The end of every report: how its figures came about, and what they are not."""

from __future__ import annotations

from collections.abc import Mapping

from hmr_ros.evaluation.report.page import Section, escaped

RENDERED = (
    "People are rendered, not photographed: clothes, skin and light are simpler than real "
    "ones, and the motions are mostly walking, sports and gestures. Figures are comparable "
    "within one version of the benchmark and the same backgrounds."
)
PHOTOGRAPHED = (
    "People are photographed and joints labelled by hand, in the image only: nothing here says how "
    "far a joint is off along the line of sight. Few people have many occluded joints, so the "
    "intervals are wide."
)


def about_section(said: str, facts: Mapping[str, str]) -> Section:
    """said: what limits the figures. facts: what a reader needs to repeat the run, by name."""
    rows = "".join(
        f'<tr><td class="text">{escaped(name)}</td><td class="text" style="white-space:normal">'
        f"<code>{escaped(value)}</code></td></tr>"
        for name, value in facts.items()
    )
    return Section("About this run", said, f'<div class="wide"><table>{rows}</table></div>')
