"""PCK, OKS and their intervals against values worked out by hand."""

import json

import numpy as np
import pytest

from hmr_ros.evaluation.keypoint_metrics import (
    AP_THRESHOLDS,
    COCO_SIGMAS,
    average_precision,
    correct,
    correct_by_head,
    oks,
    oks_matrix,
    pck,
)

BOXES = np.array([[0, 0, 40, 100], [0, 0, 300, 10]], float)


def test_correct_uses_the_longer_side_of_each_box():
    labelled = np.zeros((2, 3, 2))
    predicted = np.array([[[6, 8], [10.1, 0], [0, 0]], [[18, 24], [0, -31], [np.nan, 0]]])
    right = correct(predicted, labelled, BOXES)
    assert right.tolist() == [[True, False, True], [True, False, False]]


def test_pck_counts_only_what_is_counted():
    right = np.array([[True, False, True], [False, True, False]])
    counted = np.array([[True, True, False], [False, True, True]])
    assert pck(right, counted) == 0.5
    assert np.isnan(pck(right, np.zeros_like(counted)))


def test_oks_of_exact_points_is_one_and_falls_as_the_gaussian():
    labelled = np.zeros((2, 17, 2))
    counted = np.zeros((2, 17), bool)
    counted[0] = True
    area = 50.0**2
    predicted = labelled.copy()
    # One standard deviation (2 sigma of the keypoint, times the object's scale) costs exp(-1/2).
    predicted[0, 5, 0] = 2 * COCO_SIGMAS[5] * 50
    similarity = oks(predicted, labelled, counted, np.array([area, area]))
    assert similarity[0] == pytest.approx((16 + np.exp(-0.5)) / 17)
    assert np.isnan(similarity[1])


def test_pck_by_head_uses_half_of_its_size():
    predicted = np.array([[[3.0, 4], [5.1, 0]], [[3, 4], [np.nan, 0]]])
    right = correct_by_head(predicted, np.zeros((2, 2, 2)), np.array([10, 9.9]))
    assert right.tolist() == [[True, False], [False, False]]


def test_oks_matrix_holds_every_pair():
    rng = np.random.default_rng(0)
    labelled, predicted = rng.uniform(0, 90, (3, 17, 2)), rng.uniform(0, 90, (4, 17, 2))
    counted, areas = rng.random((3, 17)) < 0.7, np.array([4e3, 9e3, 2e4])
    found = oks_matrix(predicted, labelled, counted, areas)
    assert found.shape == (4, 3)
    for row in range(4):
        same = np.repeat(predicted[row : row + 1], 3, 0)
        assert found[row] == pytest.approx(oks(same, labelled, counted, areas))
    assert oks_matrix(predicted[:0], labelled, counted, areas).shape == (0, 3)


def test_ap_by_hand():
    exact = (np.eye(2), np.array([0.9, 0.8]))
    assert average_precision([exact]) == pytest.approx(np.ones(10))
    # Alike to 0.72: right at 0.5 to 0.7, wrong from 0.75.
    alike = average_precision([(np.array([[0.72]]), np.array([1.0]))])
    assert alike.tolist() == [1] * 5 + [0] * 5 and len(AP_THRESHOLDS) == 10
    # One of two people found: recalls 0 to 0.5 are reached, 51 of the 101.
    half = average_precision([(np.array([[1.0, 0]]), np.array([1.0]))])
    assert half == pytest.approx(np.full(10, 51 / 101))
    # A ghost that is surer than the right one halves the precision at all recalls.
    ghost = (np.array([[0.0], [1.0]]), np.array([0.9, 0.5]))
    assert average_precision([ghost]) == pytest.approx(np.full(10, 0.5))
    # A ghost that is less sure costs nothing, and a second answer for one person is a ghost.
    assert average_precision([(np.ones((2, 1)), np.array([0.9, 0.5]))]) == pytest.approx(1)
    # The second answer for one person does not find the other, whom it fits less.
    twice = average_precision([(np.array([[1.0, 0], [0.9, 0]]), np.array([0.9, 0.5]))])
    assert twice == pytest.approx(np.full(10, 51 / 101))
    assert np.isnan(average_precision([(np.zeros((1, 0)), np.ones(1))])).all()


def test_scores_rank_detections_over_all_images():
    right, ghost = np.ones((1, 1)), np.zeros((1, 0))
    surer = average_precision([(right, np.array([0.4])), (ghost, np.array([0.6]))])
    assert surer == pytest.approx(np.full(10, 0.5))
    less = average_precision([(right, np.array([0.6])), (ghost, np.array([0.4]))])
    assert less == pytest.approx(1)


def person(image_id, box, joints, **more):
    return {"image_id": image_id, "bbox": box, "keypoints": joints, "area": 900.0, **more}


def test_labels_are_read_by_photograph(tmp_path):
    from hmr_ros.evaluation.coco import read_people

    some = [5, 6, 2] + [0, 0, 0] * 16
    content = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [
            person(7, [1, 2, 3, 4], some),
            person(8, [0, 0, 9, 9], [0, 0, 0] * 17),  # nothing labelled
            person(7, [0, 0, 9, 9], some, iscrowd=1),
        ],
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    (photo,) = read_people(path)
    assert photo.image == "a.jpg" and photo.boxes.tolist() == [[1, 2, 3, 4]]
    assert photo.joints[0, 0].tolist() == [5, 6, 2]
    path.write_text(json.dumps({"images": [{"id": 1}]}))
    with pytest.raises(ValueError, match="labels.json is no COCO keypoints file"):
        read_people(path)


def test_benchmark_counts_the_joints_of_each_subset():
    from hmr_ros.evaluation.coco import Answers, LabelledPeople, benchmark

    joints = np.zeros((2, 17, 3))
    joints[0, :8, 2] = 2
    joints[0, 8:10, 2] = 1
    joints[1, 0, 2] = 2
    labelled = LabelledPeople(
        np.array([[0, 0, 50, 100], [0, 0, 50, 100]]), joints, np.array([4e3, 4e3])
    )
    keypoints, body = np.zeros((2, 17, 2)), np.zeros((2, 17, 2))
    keypoints[0, 7:9] = 11  # left elbow (seen) and right elbow (occluded) beyond 10 pixels
    body[0, 5] = 11  # left shoulder
    body[1] = 99
    found = np.array([True, False])
    rows = benchmark([Answers(labelled, found, {"blazepose": keypoints, "lifter": body})])
    table = {(r["model"], r["people"], r["subset"]): r for r in rows}
    assert table["blazepose", "all", "all"]["n"] == 11
    assert table["blazepose", "all", "all"]["pck"] == pytest.approx(9 / 11)
    assert table["lifter", "all", "all"]["versus_blazepose"] == pytest.approx(0)
    assert table["lifter", "found", "all"]["versus_blazepose"] == pytest.approx(0.1)
    assert table["blazepose", "large", "occluded"]["pck"] == 0.5
    assert table["lifter", "large", "occluded"]["pck"] == 1
    assert table["lifter", "all", "left_shoulder"]["pck"] == 0
    assert table["lifter", "all", "head"]["pck"] == pytest.approx(5 / 6)
    assert ("lifter", "all", "left_knee") not in table  # no label, no row


def test_benchmark_says_what_is_missing(tmp_path):
    from argparse import Namespace

    from hmr_ros.cli.evaluations.coco import measure

    with pytest.raises(ValueError, match="person_keypoints.json is missing; give a folder"):
        measure(Namespace(data=tmp_path, model=None, html=None))
