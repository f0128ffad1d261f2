"""The report of SynOcc still: what a reader wants to know, in that order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hmr_ros.body.model import JOINT_NAMES
from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.evaluation.bootstrap import mean_interval
from hmr_ros.evaluation.report.about import RENDERED, about_section
from hmr_ros.evaluation.report.cases import Case, cases_section
from hmr_ros.evaluation.report.page import (
    Section,
    colour,
    dot,
    escaped,
    figure,
    legend,
    page,
    percent,
    table,
)
from hmr_ros.evaluation.report.plots import Interval, curves, dots, with_intervals
from hmr_ros.evaluation.report.uncertainty import badge, calibration_section
from hmr_ros.evaluation.subsets import LIMB, TORSO
from hmr_ros.evaluation.synocc.rows import ROUNDS, subsets_of
from hmr_ros.evaluation.synocc.study import DETECTION, GIVEN, Study

BINS = (0.0, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 1.01)
PROTOCOLS = {
    GIVEN: "Given boxes",
    DETECTION: "Found by the models themselves",
}
WORDS = {
    "visible": "visible",
    "self_occluded": "hidden by the person's own body",
    "hidden": "hidden by something else",
    "by_self": "own body",
    "by_person": "another person",
    "by_furniture": "furniture",
    "by_solid": "solid object",
    "by_cutout": "cut-out of a photograph",
    "by_carried": "carried object",
    "by_room": "wall or room",
    "by_border": "image border",
    "by_nothing": "nothing (free sight)",
}


def still_report(
    study: Study,
    rows: Sequence[Mapping],
    compared: Sequence[Mapping],
    cases: Sequence[Case],
    facts: Mapping[str, str],
    version: int,
) -> str:
    """The document. facts: what to say about the run (command, machine, ...), by name."""
    names = study.models
    sections = [
        summary_section(rows, names, study),
        comparison_section(compared, names),
        occlusion_section(rows, names, study),
        joints_section(study, names),
        calibration_section(study, rows, names),
        cases_section(cases, names),
        everything_section(rows),
        about_section(RENDERED, facts),
    ]
    title = f"SynOcc still, version {version}"
    return page(title, lead(study, rows, compared), [s for s in sections if s is not None])


def lead(study: Study, rows: Sequence[Mapping], compared: Sequence[Mapping]) -> str:
    """What came out, in a few sentences."""
    said = [
        f"{len(study.truth):,} people in {study.images:,} rendered pictures whose every joint is "
        "known, at three levels of occlusion."
    ]
    for row in rows:
        if (row["protocol"], row["subset"], row["level"]) == (GIVEN, "all", "all"):
            said.append(
                f"<b>{escaped(row['model'])}</b> sees {percent(row['found'])} of them and errs by "
                f"{row.get('mpjpe_mm', np.nan):.0f} mm (PA {row.get('pa_mpjpe_mm', np.nan):.0f} mm)"
                f"{'' if row['answered'] == 1 else ' on those'}."
            )
    text = f'<p class="lead">{" ".join(said)}</p>'
    for row in compared:
        if (row["protocol"], row["subset"], row["level"]) == (GIVEN, "all", "all"):
            text += f"<p>{difference_in_words(row)}</p>"
    for row in rows:
        over = row.get("calibration") == "over-confident"
        if over and (row["protocol"], row["subset"], row["level"]) == (GIVEN, "all", "all"):
            text += (
                f'<p class="note bad"><b>{escaped(row["model"])} is over-confident.</b> Its 90 % '
                f"regions hold the true joint in {percent(row['coverage90'])} of the cases, its "
                f"50 % regions in {percent(row['coverage50'])}.</p>"
            )
    return text


def difference_in_words(row: Mapping) -> str:
    """A paired difference as a sentence that claims no more than its interval."""
    low, high = row["ci95"]["mpjpe_mm"]
    one, other = escaped(row["model"]), escaped(row["versus"])
    least, most = sorted((abs(low), abs(high)))
    size = f"{abs(row['mpjpe_mm']):.0f} mm ({least:.0f} to {most:.0f})"
    if not np.isfinite([low, high]).all() or low <= 0 <= high:
        tail = (
            f"the difference of {row['mpjpe_mm']:+.0f} mm ({low:+.0f} to {high:+.0f}) is not sure"
        )
        return f"On the {row['people']:,} people whom both answer, {one} against {other}: {tail}."
    better = "more exact" if high < 0 else "less exact"
    return (
        f"On the {row['people']:,} people whom both answer, {one} is {size} {better} than {other}."
    )


def summary_section(rows: Sequence[Mapping], names: Sequence[str], study: Study) -> Section:
    """The table, then errors by level."""
    levels = list(dict.fromkeys(r["level"] for r in rows))
    content = ""
    for protocol, title in PROTOCOLS.items():
        chosen = [r for r in rows if r["protocol"] == protocol and r["subset"] == "all"]
        if not chosen:
            continue
        cells, first = [], []
        for level in levels:
            group = [r for r in chosen if r["level"] == level]
            first.append(len(cells))
            for row in group:
                name = f"{dot(names, row['model'])}{escaped(row['model'])}"
                cells.append([level, name, f"{row['people']:,}", *_numbers(row, rows)])
        share = "recall" if protocol == DETECTION else "seen"
        head = ["level", "model", "people", share, "MPJPE mm", "PA-MPJPE mm", "PVE mm", "visible"]
        head += ["hidden", "PCK 2D", "PCK 3D", "in 50 %", "in 90 %"]
        content += f"<h3>{title}</h3>{table(head, cells, 2, first)}"
        if protocol == DETECTION and study.alarms:
            said = ", ".join(f"{escaped(n)} {count}" for n, count in study.alarms.items())
            content += f'<p class="faint">Answers about nobody: {said}.</p>'
    given = [r for r in rows if (r["protocol"], r["subset"]) == (GIVEN, "all")]
    plots = "".join(
        f"<div><h3>{title}</h3>{dots(with_intervals(given, field), names, 'mm', 560)}</div>"
        for field, title in (("mpjpe_mm", "MPJPE"), ("pa_mpjpe_mm", "PA-MPJPE"))
    )
    content += f'{legend(names)}<div class="row">{plots}</div>'
    return Section(
        "Summary",
        "Twelve limb joints (hips to ankles, shoulders to wrists) about the middle of the hips, so "
        "that every model is measured on the same joints. Small figures are 95 % intervals over "
        "redrawn pictures. Errors are means over the people a model answers; a model without an "
        "answer is wrong in PCK. Columns <i>visible</i> and <i>hidden</i>: MPJPE of joints that "
        "can be seen, and that other things hide. <i>In 50 %</i>, <i>in 90 %</i>: how often the "
        "predicted region of that probability holds the joint.",
        content,
    )


def _numbers(row: Mapping, rows: Sequence[Mapping]) -> list[str]:
    intervals = row["ci95"]

    def of(subset: str) -> float | None:
        keys = ("model", "protocol", "level")
        same = (r for r in rows if r["subset"] == subset and all(r[k] == row[k] for k in keys))
        return next((r.get("mpjpe_mm") for r in same), None)

    coverage = [percent(row.get(name)) for name in ("coverage50", "coverage90")]
    if row.get("calibration") == "over-confident":
        coverage = [f'<span class="badge bad">{text}</span>' for text in coverage]
    return [
        percent(row["found"]),
        figure(row.get("mpjpe_mm"), intervals.get("mpjpe_mm")),
        figure(row.get("pa_mpjpe_mm"), intervals.get("pa_mpjpe_mm")),
        figure(row.get("pve_mm"), intervals.get("pve_mm")),
        figure(of("visible")),
        figure(of("hidden")),
        percent(row.get("pck")),
        percent(row.get("pck3d")),
        *coverage,
    ]


def _level_and_subset(row: Mapping) -> str:
    return row["level"] if row["subset"] == "all" else f"{row['level']}, {row['subset']}"


def comparison_section(compared: Sequence[Mapping], names: Sequence[str]) -> Section | None:
    """Paired differences as a forest plot."""
    chosen = [r for r in compared if r["protocol"] == GIVEN and "mpjpe_mm" in r]
    if not chosen:
        return None
    first = chosen[0]["versus"]
    parts = []
    for field, title in (("mpjpe_mm", "MPJPE"), ("pa_mpjpe_mm", "PA-MPJPE")):
        values = with_intervals(chosen, field, _level_and_subset)
        plot = dots(values, names, f"mm more than {first}", 560, zero=False)
        parts.append(f"<div><h3>{title}</h3>{plot}</div>")
    others = [n for n in names if n != first]
    keys = "".join(
        f'<span><i class="key" style="background:{colour(list(names).index(n))}"></i>'
        f"{escaped(n)}</span>"
        for n in others
    )
    people = {r["model"]: r["people"] for r in chosen if r["level"] == r["subset"] == "all"}
    said = ", ".join(f"{escaped(n)}: {count:,}" for n, count in people.items())
    return Section(
        f"Against {first}",
        f"The same joints of the same people, those whom both models answer ({said} people). To "
        f"the right of 0 the model errs more than {escaped(first)}; an interval that holds 0 "
        "decides nothing.",
        f'<p class="legend">{keys}</p><div class="row">{"".join(parts)}</div>',
    )


def occlusion_section(rows: Sequence[Mapping], names: Sequence[str], study: Study) -> Section:
    """Errors by what hides the joint, and by how much of the person is hidden."""
    chosen = [r for r in rows if r["protocol"] == GIVEN and r["level"] == "all" and "mpjpe_mm" in r]
    kinds, notes = {}, {}
    for row in chosen:
        label = WORDS.get(row["subset"])
        if label is None or row["subset"] in ("by_nothing", "by_self"):
            continue
        if row["subset"].startswith("by_"):
            label = f"by {label}"
        kinds.setdefault(label, {})[row["model"]] = (row["mpjpe_mm"], *row["ci95"]["mpjpe_mm"])
        notes[label] = f"n={max(row['n'], int(notes.get(label, 'n=0')[2:]))}"
    share = (study.truth.visibility[:, list(LIMB)] == HIDDEN).mean(1)
    limb = subsets_of(study.truth)["all"]
    lines, places = {}, []
    for low, high in zip(BINS[:-1], BINS[1:], strict=True):
        places.append(100 * float(np.clip((low + min(high, 1)) / 2, 0, 1)))
    for name, error in study.errors.get(GIVEN, {}).items():
        line = []
        for low, high in zip(BINS[:-1], BINS[1:], strict=True):
            mask = limb & ((share >= low) & (share < high))[:, None] & np.isfinite(error.joints)
            line.append(_interval(1e3 * error.joints, mask, study.truth.image))
        lines[name] = line
    label = "share of the 12 joints that other things hide, %"
    content = (
        f'{legend(names)}<div class="row"><div><h3>By what hides the joint</h3>'
        f"{dots(kinds, names, 'MPJPE, mm', 620, notes=notes)}</div><div>"
        f"<h3>By how much is hidden</h3>{curves(lines, places, names, label, 'MPJPE, mm', 480)}"
        "</div></div>"
    )
    text = "What stands in the way, and how much of a person it takes. n: joints of the model that "
    return Section("Occlusion", text + "answers most.", content)


def joints_section(study: Study, names: Sequence[str]) -> Section:
    """Error of every joint, left and right together."""
    values: dict[str, dict[str, Interval]] = {}
    errors = study.errors.get(GIVEN) or next(iter(study.errors.values()))
    for label, columns in joint_groups().items():
        for name, error in errors.items():
            chosen = 1e3 * error.joints[:, columns]
            known = np.isfinite(chosen)
            if known.any():
                values.setdefault(label, {})[name] = _interval(chosen, known, study.truth.image)
    return Section(
        "Joints",
        "MPJPE of each joint, left and right together, everybody who is answered. Joints below the "
        "limbs are those of models with a whole skeleton.",
        legend(names) + dots(values, names, "mm", 760),
    )


def joint_groups() -> dict[str, list[int]]:
    """Columns of joints by name without its side, limbs first."""
    groups: dict[str, list[int]] = {}
    for joint in (*LIMB, *TORSO):
        name = JOINT_NAMES[joint].removeprefix("left_").removeprefix("right_")
        groups.setdefault(name, []).append(joint)
    return groups


def everything_section(rows: Sequence[Mapping]) -> Section:
    """Every row, folded away."""
    head = ["model", "protocol", "level", "subset", "n", "people", "found", "MPJPE mm"]
    head += ["PA-MPJPE mm", "PCK 2D", "PCK 3D", "NLL", "calibration"]
    cells = []
    for r in rows:
        ci = r["ci95"]
        cells.append(
            [escaped(r[k]) for k in ("model", "protocol", "level", "subset")]
            + [f"{r['n']:,}", f"{r['people']:,}", percent(r["found"])]
            + [figure(r.get(k), ci.get(k), 1) for k in ("mpjpe_mm", "pa_mpjpe_mm")]
            + [percent(r.get("pck")), percent(r.get("pck3d")), figure(r.get("nll"), digits=1)]
            + [badge(r["calibration"]) if "calibration" in r else "–"]
        )
    content = f"<details><summary>{len(rows)} rows</summary>{table(head, cells, 4)}</details>"
    return Section("All figures", "", content)


def _interval(values: np.ndarray, mask: np.ndarray, clusters: np.ndarray) -> Interval:
    if not mask.any():
        return (np.nan, np.nan, np.nan)
    estimate = mean_interval(values, mask, clusters, rounds=ROUNDS)
    return estimate.value, estimate.low, estimate.high
