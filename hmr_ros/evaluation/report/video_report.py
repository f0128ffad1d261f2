"""The report of SynOcc video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hmr_ros.evaluation.report.about import RENDERED, about_section
from hmr_ros.evaluation.report.page import (
    Section,
    dot,
    escaped,
    figure,
    legend,
    page,
    percent,
    table,
)
from hmr_ros.evaluation.report.plots import curves, dots, with_intervals
from hmr_ros.evaluation.subsets import STATES
from hmr_ros.evaluation.synocc.video_rows import Clips, over_time

STEP_S = 0.5


def video_report(clips: Clips, rows: Sequence[Mapping], facts: Mapping, version: int) -> str:
    """The document; arguments as ``still_report``."""
    names = list(clips[0][1])
    sections = [
        _summary(rows, names),
        _regions(rows, names),
        _time(clips, names),
        _camera(clips, names),
        about_section(RENDERED, facts),
    ]
    frames = sum(len(truth.times) for truth, _ in clips)
    said = [f"{len(clips)} rendered clips, {frames:,} frames, of people before a moving camera."]
    for row in rows:
        if row["level"] == "all":
            said.append(
                f"<b>{escaped(row['model'])}</b> reports {percent(row['recall'])} of the people, "
                f"errs by {row.get('mpjpe_mm', np.nan):.0f} mm on those, keeps identities with "
                f"IDF1 {percent(row['idf1'])} ({row['switches']} switches) and runs at "
                f"{row['fps']:.0f} frames a second on this machine."
            )
    lead = f'<p class="lead">{" ".join(said)}</p>'
    return page(f"SynOcc video, version {version}", lead, sections)


def _summary(rows: Sequence[Mapping], names: Sequence[str]) -> Section:
    pose, path = [], []
    for row in rows:
        ci = row["ci95"]
        head = [row["level"], f"{dot(names, row['model'])}{escaped(row['model'])}"]

        def of(name: str, digits: int = 0, row=row, ci=ci) -> str:
            return figure(row.get(name), ci.get(name), digits)

        pose.append(
            [*head, f"{row['n']:,}", percent(row["recall"]), percent(row["precision"])]
            + [of("mpjpe_mm"), of("pa_mpjpe_mm"), percent(row.get("pck3d"))]
            + [percent(row["mota"]), percent(row["idf1"]), str(row["switches"])]
        )
        path.append(
            [*head, of("root_mm"), of("w_mpjpe_mm"), of("wa_mpjpe_mm"), of("rte_percent", 1)]
            + [of("acceleration", 1), figure(row.get("jitter")), figure(row.get("true_jitter"))]
            + [f"{row['fps']:.0f}", f"{row['p95_ms']:.0f}"]
        )
    heads = ["level", "model", "people", "recall", "precision", "MPJPE mm", "PA-MPJPE mm"]
    heads += ["PCK 3D", "MOTA", "IDF1", "switches"]
    other = ["level", "model", "pelvis mm", "W-MPJPE mm", "WA-MPJPE mm", "RTE %"]
    other += ["acceleration m/s²", "jitter m/s³", "true jitter", "fps", "p95 ms"]
    plots = "".join(
        f"<div><h3>{title}</h3>{dots(with_intervals(rows, field), names, unit, 560)}</div>"
        for field, title, unit in (
            ("mpjpe_mm", "MPJPE", "mm"),
            ("wa_mpjpe_mm", "WA-MPJPE", "mm"),
        )
    )
    return Section(
        "Summary",
        "Twelve limb joints. Poses about the middle of the hips, of the people who are reported; "
        "<i>pelvis</i> is its place in the camera's frame. The world's figures use the true camera "
        "path, as a robot's tf would give it, and let lost people stand still. Intervals redraw "
        "whole clips.",
        f"<h3>Poses and identity</h3>{table(heads, pose, 2)}"
        f"<h3>Paths, smoothness and speed</h3>{table(other, path, 2)}"
        f'{legend(names)}<div class="row">{plots}</div>',
    )


def _regions(rows: Sequence[Mapping], names: Sequence[str]) -> Section:
    said = []
    for row in rows:
        cells = [row["level"], f"{dot(names, row['model'])}{escaped(row['model'])}"]
        for key in (f"inside{level}_{state}" for state in STATES for level in (50, 90)):
            value, ends = row.get(key, np.nan), row["ci95"].get(key, (np.nan, np.nan))
            cells.append(figure(100 * value, tuple(100 * end for end in ends)))
        said.append(cells)
    heads = [f"{state.replace('_', '-')}, {level} %" for state in STATES for level in (50, 90)]
    text = (
        "Share of the joints of reported people that the published regions about the pelvis hold, "
        "in percent. More than promised: wider than need be; less: over-confident."
    )
    return Section("Uncertainty", text, table(["level", "model", *heads], said, 2))


def _time(clips: Clips, names: Sequence[str]) -> Section:
    longest = max(float(truth.times[-1]) for truth, _ in clips)
    bins = np.arange(0, longest + STEP_S, STEP_S)
    places = [float(b) for b in (bins[:-1] + bins[1:]) / 2]
    plots = ""
    for field, label, scale in (("mpjpe_mm", "MPJPE, mm", 1), ("recall", "recall, %", 100)):
        lines = {
            name: [tuple(scale * e for e in v) for v in over_time(clips, name, field, bins)]
            for name in names
        }
        plots += f"<div>{curves(lines, places, names, 'seconds', label, 560)}</div>"
    text = "From the first frame of a clip, when nothing is known yet."
    return Section("Over time", text, f'{legend(names)}<div class="row">{plots}</div>')


def _camera(clips: Clips, names: Sequence[str]) -> Section:
    from hmr_ros.evaluation.synocc.video_rows import figures

    values: dict = {}
    for kind in dict.fromkeys(truth.kind for truth, _ in clips):
        chosen = [(truth, said) for truth, said in clips if truth.kind == kind]
        for name in names:
            row = figures([(truth, said[name]) for truth, said in chosen])
            if "mpjpe_mm" in row:
                label = kind.replace("_", " ")
                values.setdefault(label, {})[name] = (row["mpjpe_mm"], *row["ci95"]["mpjpe_mm"])
    plot = dots(values, names, "MPJPE, mm", 640)
    return Section("Camera", "By how the camera moves.", legend(names) + plot)
