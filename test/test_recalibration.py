"""Calibration by what is published: found where the truth is made up, told to files, and used."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.assets import asset
from hmr_ros.batch import concatenate
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.evaluation.calibration_files import with_section, write
from hmr_ros.evaluation.recalibration import Published, calibrated, with_samples
from hmr_ros.evaluation.subsets import DISTAL, LIMB
from hmr_ros.people import People
from hmr_ros.placement import STATURE_STD
from hmr_ros.runtime.calibration import (
    KEY,
    Calibration,
    blended,
    calibration_of,
    factor2,
)
from hmr_ros.runtime.calibration import calibrated as applied
from hmr_ros.runtime.graph_file import WeightsError

PEOPLE, STD, PLACE_STD = 400, 0.05, 0.3
NOW = Calibration(joints=(2.0, 2.0), place=1.5)


@pytest.fixture(scope="module")
def found():
    """People whose keypoints are exact; their visible joints are off by 0.7 of what the network
    said before ``NOW``, their hidden ones by 1.6 with a Student t of 4, their places by twice as
    much."""
    body, rng = load_body_model(), np.random.default_rng(0)
    bodies = concatenate([somebody(body, 0.0, 4.0)] * PEOPLE)
    visible = rng.random((PEOPLE, 24)) < 0.5
    toward = bodies.joints[:, 0] / np.linalg.norm(bodies.joints[:, 0], axis=1, keepdims=True)
    bodies = bodies.replace(
        joint_cov=np.tile((2.0 * STD) ** 2 * np.eye(3, dtype=np.float32), (PEOPLE, 24, 1, 1)),
        transl_cov=(1.5 * PLACE_STD) ** 2 * toward[:, :, None] * toward[:, None, :],
        visibility=visible.astype(np.float32),
    )
    off = rng.normal(size=(PEOPLE, 24, 3))
    heavy = np.sqrt(4 / rng.chisquare(4, (PEOPLE, 24, 1)))
    off *= STD * np.where(visible[..., None], 0.7, 1.6 * heavy)
    off[:, 0] = 0
    place = 2 * PLACE_STD * rng.normal(size=(PEOPLE, 1)) * toward
    points = keypoints(body, bodies.rotations, bodies.betas, bodies.transl, "blazepose33")
    people = People(
        boxes=np.tile(np.float32([300, 100, 60, 200]), (PEOPLE, 1)),
        scores=np.ones(PEOPLE, np.float32),
        keypoints=np.insert(CAMERA.project(points), 2, 1.0, -1).astype(np.float32),
        found=np.ones(PEOPLE, bool),
        keypoint_set="blazepose33",
        source=np.full(PEOPLE, "given"),
    )
    truth = bodies.joints + off + place[:, None]
    states = np.where(visible, VISIBLE, HIDDEN)
    return [Published(people, CAMERA, bodies, bodies, truth, states)]


def test_factors_and_tails_are_those_of_the_errors(found):
    made, rows = calibrated(NOW, found, load_body_model())
    assert made.joints[0] == pytest.approx(0.7, rel=0.05)
    assert made.joint_tails[0] < 0.08 and made.joint_tails[1] == pytest.approx(0.25, abs=0.08)
    assert made.joints[1] > 1.6  # the same 90 % region as heavier tails have
    # A line has one dimension, the region three: a factor of 2 less the ratio of their quantiles.
    assert 1.0 < made.place < 2.0
    assert [row["joints"] for row in rows] == ["visible", "hidden", "pelvis"]
    for row in rows:
        assert row["inside90"] == pytest.approx(0.9, abs=0.01)
    for row in rows[:2]:
        assert row["inside50"] == pytest.approx(0.5, abs=0.02)
        assert row["inside95"] == pytest.approx(0.95, abs=0.015)
    assert rows[0]["n"] + rows[1]["n"] == PEOPLE * len(LIMB)
    sampled, more = with_samples(made, found)
    assert sampled.joints == made.joints and sampled.samples[0] == pytest.approx(0.35, rel=0.1)
    assert sum(row["n"] for row in more) == PEOPLE * len(DISTAL)


def test_a_distance_stays_as_unsure_as_statures_are(found):
    (one,) = found
    near = one.joints - one.joints[:, :1] + one.bodies.joints[:, :1]  # the place is known exactly
    made, _ = calibrated(NOW, [Published(*[*vars(one).values()][:4], near, one.visibility)],
                         load_body_model())  # fmt: skip
    assert made.place < 0.4 * NOW.place and STATURE_STD > 0


def test_covariances_are_published_with_factors_and_tails_between_seen_and_hidden():
    cov = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    visibility = np.zeros((1, 24), np.float32)
    visibility[0, [5, 6]] = 1, 0.5
    told = Calibration(
        joints=(0.5, 2.0), joint_tails=(0.1, 0.3), place_tail=0.4, samples=(3.0, 3.0),
        sample_tails=(0.05, 0.05),
    )  # fmt: skip
    by_samples = np.arange(24)[None] == 20
    found, tails = applied(cov, visibility, told, by_samples)
    assert found[0, [4, 5, 6, 20], 0, 0] == pytest.approx([4, 0.25, 2.125, 9])
    assert tails[0, [0, 4, 5, 6, 20]] == pytest.approx([0.4, 0.3, 0.1, 0.2, 0.05])
    # A network without calibration is taken at its word.
    found, tails = applied(cov, visibility, Calibration())
    np.testing.assert_array_equal(found, cov)
    assert not tails.any()
    assert factor2((0.5, 2.0), 0.5) == pytest.approx(2.125)
    assert blended((0.1, 0.3), 0.5) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "told, name",
    [({"joints": [1, -1]}, "joints"), ({"joint_tails": [0.1, 0.7]}, "joint_tails"),
     ({"place": "much"}, "place"), ({"samples": 1.0}, "samples"), ([1, 2], "joints")],
)  # fmt: skip
def test_impossible_calibrations_are_refused(told, name, tmp_path):
    with pytest.raises(WeightsError, match=f"net.json: {KEY} has an impossible {name}"):
        calibration_of(tmp_path / "net.onnx", {KEY: told})


def test_files_are_told_and_read_back(tmp_path):
    for name in ("baseline.onnx", "baseline.json", "baseline.md", "baseline-float16.onnx",
                 "baseline-float16.json"):  # fmt: skip
        shutil.copy(asset("weights", name), tmp_path / name)
    made = Calibration(joints=(0.8, 1.2), joint_tails=(0.1, 0.0), place=1.1, place_tail=0.2)
    rows = [{"joints": "visible", "n": 12, "inside50": 0.5}]
    for _ in range(2):  # the second time in place of the first
        write(tmp_path / "baseline.onnx", made, "9 people", "hmr train calibration", rows)
    for name in ("baseline", "baseline-float16"):
        told = json.loads((tmp_path / f"{name}.json").read_text())
        assert calibration_of(tmp_path / f"{name}.onnx", told) == made
        assert told["graph"] == json.loads(asset("weights", f"{name}.json").read_text())["graph"]
        assert set(asdict(made)) < set(told[KEY]) and told[KEY]["held"] == rows
    card = (tmp_path / "baseline.md").read_text()
    assert card.count("Fitted on 9 people by `hmr train calibration`") == 1
    assert "| joint that is seen | 0.800 | 10.0 |" in card
    assert "| joint that is hidden | 1.200 | all |" in card
    assert (
        with_section("# a\n\n## Limits\n\nmany\n", ["b", ""]) == "# a\n\nb\n\n## Limits\n\nmany\n"
    )
