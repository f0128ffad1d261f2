"""The report of the photographs: right joints by model, and the people who came out worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.evaluation.coco import KEYPOINTS, Answers, together
from hmr_ros.evaluation.keypoint_metrics import THRESHOLD
from hmr_ros.evaluation.report.about import PHOTOGRAPHED, about_section
from hmr_ros.evaluation.report.cases import Case, bgr, captioned, cropped, side_by_side
from hmr_ros.evaluation.report.page import (
    Section,
    colour,
    dot,
    escaped,
    figure,
    legend,
    page,
    table,
)
from hmr_ros.evaluation.report.plots import dots
from hmr_ros.geometry.camera import Camera

# Bones between COCO's joints.
BONES = (
    (5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12),
    (5, 11), (6, 12), (0, 5), (0, 6),
)  # fmt: skip
TRUE = (245, 245, 245)  # BGR
SUBSETS = ("all", "visible", "occluded", "head", "torso", "limb")
PEOPLE = {"large": "Large people", "all": "All people", "found": "People with keypoints"}

# paint(image, bodies, row, camera, ink): draws a body's mesh into an image [H, W, 3] BGR.
Paint = Callable[[np.ndarray, Bodies, int, Camera, tuple[int, int, int]], None]


def worst_people(answered: Sequence[Answers], name: str, each: int = 10) -> list[tuple[int, int]]:
    """(photograph, row) of the people of whom model ``name`` has the smallest share of the labelled
    joints right, those furthest off first among equals."""
    scored = []
    for number, answer in enumerate(answered):
        labelled = answer.labelled
        known = labelled.joints[..., 2] > 0
        off = np.linalg.norm(answer.points[name] - labelled.joints[..., :2], axis=-1)
        off = off / labelled.boxes[:, 2:].max(1)[:, None]
        for row in range(len(labelled)):
            far = off[row][known[row]]
            scored.append((np.mean(far <= THRESHOLD), -np.mean(far), number, row))
    return [(number, row) for *_, number, row in sorted(scored)[:each]]


def cases_of(
    answered: Sequence[Answers],
    name: str,
    image_of: Callable[[str], np.ndarray],
    each: int = 10,
    paint: Paint | None = None,
) -> list[Case]:
    """The worst people of model ``name``, drawn for all models. image_of: by file name."""
    names = [n for n in answered[0].points if n != KEYPOINTS]
    cases = []
    for number, row in worst_people(answered, name, each):
        answer = answered[number]
        image, box = image_of(answer.labelled.image), answer.labelled.boxes[row]
        true = answer.labelled.joints[row]
        panels, said = [cropped(image, box)], []
        for n, model in enumerate(names):
            ink = bgr(colour(n))
            picture = image.copy()
            if paint is not None:
                paint(picture, answer.bodies[model], row, answer.camera, ink)
            panel, scale, corner = cropped(picture, box, with_scale=True)
            panel = (0.7 * panel).astype(np.uint8)
            _skeleton(panel, (true[:, :2] + 0.5 - corner) * scale, TRUE, true[:, 2])
            points = (answer.points[model][row] + 0.5 - corner) * scale
            _skeleton(panel, points, ink, np.full(17, 2))
            panels.append(panel)
            known = true[:, 2] > 0
            off = np.linalg.norm(answer.points[model][row] - true[:, :2], axis=1)[known]
            right = int((off <= THRESHOLD * box[2:].max()).sum())
            said.append(f"{model} {right} of {known.sum()} joints")
        guess = "" if answer.found[row] else " (no keypoints found)"
        caption = f"{answer.labelled.image}: {', '.join(said)}{guess}"
        cases.append(Case("worst", caption, side_by_side(panels)))
    return cases


def coco_report(
    answered: Sequence[Answers],
    rows: Sequence[Mapping],
    compared: Sequence[Mapping],
    cases: Sequence[Case],
    facts: Mapping[str, str],
) -> str:
    """The document. facts: what to say about the run, by name."""
    names = list(answered[0].points)
    models = [n for n in names if n != KEYPOINTS]
    order = [*models, KEYPOINTS]
    people = together(list(answered)).labelled
    lead = (
        f'<p class="lead">{len(people)} labelled people in {len(answered)} photographs, boxes '
        "given. A joint is right within a tenth of the longer side of the person's box.</p>"
    )
    sections = [
        _figures(rows, order),
        _differences(compared, order),
        _pictures(cases, models),
        about_section(PHOTOGRAPHED, facts),
    ]
    return page("People in photographs", lead, sections)


def _figures(rows: Sequence[Mapping], names: Sequence[str]) -> Section:
    content = ""
    for people, title in PEOPLE.items():
        cells, first = [], []
        for subset in SUBSETS:
            group = [r for r in rows if (r["people"], r["subset"]) == (people, subset)]
            first.append(len(cells))
            for row in sorted(group, key=lambda r: names.index(r["model"])):
                cells.append(
                    [
                        subset,
                        f"{dot(names, row['model'])}{escaped(row['model'])}",
                        f"{row['n']}",
                        figure(row["pck"], row["ci95"]["pck"], 3),
                        figure(row.get("versus_blazepose"), row["ci95"].get("versus_blazepose"), 3),
                    ]
                )
        head = ["joints", "model", "n", "PCK@0.1", "gain over the keypoints"]
        content += f"<h3>{title}</h3>{table(head, cells, 2, first)}"
    return Section(
        "Right joints",
        "Large: at least 96 pixels tall with 6 or more labelled joints. Occluded: labelled, but "
        "not to be seen. Small figures are 95 % intervals over redrawn people.",
        content,
    )


def _differences(compared: Sequence[Mapping], names: Sequence[str]) -> Section:
    values: dict = {}
    for row in compared:
        if row["people"] == "large" and row["subset"] in SUBSETS:
            label = f"{row['subset']} (n={row['n']})"
            values.setdefault(label, {})[row["versus"]] = (row["pck"], *row["ci95"]["pck"])
    return Section(
        f"Gain of {escaped(names[0])}",
        f"PCK@0.1 of {escaped(names[0])} less that of the others, on the same joints of the large "
        "people. An interval that holds 0 decides nothing.",
        legend(names) + dots(values, names, "PCK@0.1", 640, zero=False),
    )


def _pictures(cases: Sequence[Case], names: Sequence[str]) -> Section:
    return Section(
        "The worst people",
        f"Those of whom {escaped(names[0])} has the fewest joints right. Left: the photograph. "
        "Then for each model its mesh and joints in its colour, and the labels in white "
        "(hollow where the joint cannot be seen).",
        captioned(cases),
    )


def _skeleton(image: np.ndarray, points: np.ndarray, ink, visibility: np.ndarray) -> None:
    usable = (visibility > 0) & np.isfinite(points).all(1) & (np.abs(points) < 2000).all(1)
    fixed = {
        n: tuple(np.round(points[n] * 16).astype(int).tolist()) for n in np.flatnonzero(usable)
    }
    for a, b in BONES:
        if a in fixed and b in fixed:
            cv2.line(image, fixed[a], fixed[b], ink, 2, cv2.LINE_AA, 4)
    for n, place in fixed.items():
        thickness = cv2.FILLED if visibility[n] == 2 else 1
        cv2.circle(image, place, 3 << 4, ink, thickness, cv2.LINE_AA, 4)
