"""The report of the photographs: who is worst, what is compared, and that pictures are in it."""

import numpy as np
import pytest

from hmr_ros.evaluation.coco import KEYPOINTS, Answers, LabelledPeople, benchmark, comparisons
from hmr_ros.evaluation.report.coco_report import cases_of, coco_report, worst_people


def photo(name, off, other=0.0):
    """People with 17 visible joints in a row; ``off`` [N]: how many pixels the model is wrong."""
    n = len(off)
    joints = np.zeros((n, 17, 3))
    joints[..., 0] = 20 + 10 * np.arange(17)
    joints[..., 1] = 100
    joints[..., 2] = 2
    boxes = np.tile([10.0, 20.0, 180.0, 200.0], (n, 1))
    labelled = LabelledPeople(boxes, joints, np.full(n, 9e3), name)
    answer = joints[..., :2] + np.asarray(off, float)[:, None, None] * [0, 1]
    points = {KEYPOINTS: joints[..., :2], "net": answer, "other": joints[..., :2] + other}
    return Answers(labelled, np.ones(n, bool), points)


# A joint is right within 20 pixels.
ANSWERED = [photo("a.jpg", [5, 60]), photo("b.jpg", [90, 0, 19])]


def test_the_worst_people_come_first():
    assert worst_people(ANSWERED, "net", 3) == [(1, 0), (0, 1), (1, 2)]
    assert worst_people(ANSWERED, "net", 99)[-1] == (1, 1)


def test_labels_that_are_not_there_do_not_count():
    answer = photo("a.jpg", [0, 0])
    answer.points["net"][0, 3:] += 500
    answer.labelled.joints[0, 3:, 2] = 0
    answer.points["net"][1, 0] += 500
    assert worst_people([answer], "net", 1) == [(0, 1)]


def test_comparisons_are_paired_gains_of_the_first():
    rows = {(r["versus"], r["people"], r["subset"]): r for r in comparisons(ANSWERED, "net")}
    # Three of five people are right where the keypoints have all.
    row = rows[KEYPOINTS, "large", "all"]
    assert row["pck"] == pytest.approx(-2 / 5) and row["n"] == 5 * 17
    low, high = row["ci95"]["pck"]
    assert low < -2 / 5 < high <= 0
    assert rows["other", "all", "limb"]["pck"] == pytest.approx(-2 / 5)
    assert ("net", "all", "all") not in rows


def test_the_report_shows_the_worst_people_of_all_models():
    seen = []

    def image_of(name):
        seen.append(name)
        return np.full((300, 260, 3), 90, np.uint8)

    def paint(image, bodies, row, camera, ink):
        image[:40] = ink

    answered = [
        Answers(a.labelled, a.found, a.points, None, {"net": None, "other": None}) for a in ANSWERED
    ]
    cases = cases_of(answered, "net", image_of, 2, paint)
    assert seen == ["b.jpg", "a.jpg"]
    assert cases[0].caption == "b.jpg: net 0 of 17 joints, other 17 of 17 joints"
    assert all(case.picture.startswith(b"\xff\xd8") for case in cases)
    rows, compared = benchmark(answered), comparisons(answered, "net")
    text = coco_report(answered, rows, compared, cases, {"command": "hmr eval coco"})
    assert text.count("data:image/jpeg") == 2 and "net 0 of 17 joints" in text
    assert "5 labelled people in 2 photographs" in text and "0.600" in text
    assert "rendered" not in text and "People are photographed" in text
