"""Calibration by what is published: found where the truth is made up, told to files, and used."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.assets import asset
from hmr_ros.batch import concatenate
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.self_occlusion import behind_itself
from hmr_ros.cli import looking
from hmr_ros.cli.main import main
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.motions import load_motions
from hmr_ros.evaluation import recalibration
from hmr_ros.evaluation.calibration_files import Fit, missed, write
from hmr_ros.evaluation.recalibration import (
    BOUNDS,
    Published,
    recalibrated,
    with_samples,
)
from hmr_ros.evaluation.subsets import LIMB, OUTER_LIMB
from hmr_ros.evaluation.synocc import still
from hmr_ros.evaluation.synocc.models import pipeline_of
from hmr_ros.people import People
from hmr_ros.placement import STATURE_STD, place
from hmr_ros.runtime.calibration import (
    KEY,
    Calibration,
    blended,
    calibration_of,
    class_shares,
    factor2,
    with_calibration,
)
from hmr_ros.runtime.estimators import load_estimator
from hmr_ros.runtime.graph_file import WeightsError
from hmr_ros.runtime.sampling import Sampling

PEOPLE, STD, PLACE_STD = 400, 0.05, 0.3
NOW = Calibration(joints=(2.0, 2.0, 2.0), place=1.5)


@pytest.fixture(scope="module")
def found():
    """People, half of them in profile, whose keypoints are exact; their visible joints are off by
    0.7 of what the network said before ``NOW``, those behind themselves by as much as it said,
    their hidden ones by 1.6 with a Student t of 4, their places by twice as much."""
    body, rng = load_body_model(), np.random.default_rng(0)
    each = [somebody(body, 0.0, 4.0), somebody(body, 0.0, 4.0, np.pi / 2)]
    bodies = concatenate(each * (PEOPLE // 2))
    behind = behind_itself(bodies.joints, body)
    visible = (rng.random((PEOPLE, 24)) < 0.5) | (np.abs(behind - 0.5) < 0.45)
    behind = behind > 0.5
    toward = bodies.joints[:, 0] / np.linalg.norm(bodies.joints[:, 0], axis=1, keepdims=True)
    bodies = bodies.replace(
        joint_cov=np.tile((2.0 * STD) ** 2 * np.eye(3, dtype=np.float32), (PEOPLE, 24, 1, 1)),
        transl_cov=(1.5 * PLACE_STD) ** 2 * toward[:, :, None] * toward[:, None, :],
        visibility=visible.astype(np.float32),
    )
    off = rng.normal(size=(PEOPLE, 24, 3))
    heavy = np.sqrt(4 / rng.chisquare(4, (PEOPLE, 24, 1)))
    wrong = np.where(behind[..., None], 1.0, 1.6 * heavy)
    off *= STD * np.where(visible[..., None], 0.7, wrong)
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
    states = np.where(visible, VISIBLE, np.where(behind, SELF_OCCLUDED, HIDDEN))
    said = {"estimated": bodies, "bodies": bodies, "joints": truth, "visibility": states}
    return [Published(people=people, camera=CAMERA, **said)]


def test_factors_and_tails_are_those_of_the_errors(found):
    body = load_body_model()
    made, rows = recalibrated(NOW, found, body)
    assert made.joints[:2] == pytest.approx((0.7, 1.0), rel=0.06)
    assert max(made.joint_tails[:2]) < 0.1
    assert made.joint_tails[2] == pytest.approx(0.25, abs=0.08)
    assert made.joints[2] > 1.6  # the same 90 % region as heavier tails have
    # A line has one dimension, the region three: a factor of 2 less the ratio of their quantiles.
    assert 1.0 < made.place < 2.0
    assert [row["joints"] for row in rows] == ["seen", "behind its own body", "hidden", "pelvis"]
    for row in rows:
        assert row["inside90"] == pytest.approx(0.9, abs=0.01)
    assert not [what for what in missed(rows) if not what.startswith("pelvis")]
    for row in rows[:3]:
        assert row["inside50"] == pytest.approx(0.5, abs=0.02)
        assert row["inside95"] == pytest.approx(0.95, abs=0.015)
    assert sum(row["n"] for row in rows[:3]) == PEOPLE * len(LIMB)
    sampled, more = with_samples(made, found, body)
    assert sampled.joints == made.joints and sampled.samples[0] == pytest.approx(0.35, rel=0.1)
    assert sum(row["n"] for row in more) == PEOPLE * len(OUTER_LIMB)


def with_truth(found, joints: np.ndarray) -> list[Published]:
    return [replace(one, joints=joints) for one in found]


def test_a_distance_stays_as_unsure_as_statures_are(found):
    (one,) = found
    near = one.joints - one.joints[:, :1] + one.bodies.joints[:, :1]  # the place is known exactly
    made, _ = recalibrated(NOW, with_truth(found, near), load_body_model())
    assert made.place == pytest.approx(BOUNDS[0], rel=1e-3)
    surer = one.estimated.transl_cov * np.float32((made.place / NOW.place) ** 2)
    placed = place(
        one.estimated.replace(transl_cov=surer), one.people, one.camera, load_body_model()
    )
    far = np.linalg.norm(placed.joints[:, 0], axis=1)
    toward = placed.joints[:, 0] / far[:, None]
    std = np.sqrt(np.einsum("na,nab,nb->n", toward, placed.transl_cov, toward))
    assert (std >= STATURE_STD * far).all() and std.max() < 1.2 * STATURE_STD * far.max()


def test_errors_eight_times_as_large_as_said_are_held_by_regions_of_ninety_percent(found):
    """Further off than any release finds: the bound of a calibration is not that of a release."""
    (one,) = found
    gap = one.joints - one.joints[:, :1] - (one.bodies.joints - one.bodies.joints[:, :1])
    far = one.bodies.joints + 5 * gap + (one.joints - one.bodies.joints)[:, :1]
    made, rows = recalibrated(NOW, with_truth(found, far), load_body_model())
    assert 8 < made.joints[2] < BOUNDS[1]
    assert [row["inside90"] for row in rows[:3]] == pytest.approx([0.9] * 3, abs=0.01)


def test_no_class_is_narrowed_far_below_what_the_surest_joints_need(found, monkeypatch):
    """Where a network hardly tells which joints are seen."""
    (one,) = found
    vague = np.where(one.bodies.visibility > 0.5, 0.75, 0.55).astype(np.float32)
    bodies = one.bodies.replace(visibility=vague)
    wrong = [replace(one, estimated=bodies, bodies=bodies)]
    body = load_body_model()
    made, rows = recalibrated(NOW, wrong, body)
    least = np.sqrt(0.5) * 0.7  # half of the variance that seen joints need
    assert min(made.joints) >= 0.95 * least
    assert rows[0]["inside90"] > 0.95  # wider than they need be
    assert any(what.startswith("seen") for what in missed(rows))
    monkeypatch.setattr(recalibration, "LEAST_SHARE", 0.0)
    assert min(recalibrated(NOW, wrong, body)[0].joints) < 0.8 * least


def test_too_few_people_or_joints_of_a_kind_are_refused(found):
    (one,) = found
    body = load_body_model()
    few = replace(
        one, **{name: value[:49] for name, value in vars(one).items() if name != "camera"}
    )
    with pytest.raises(ValueError, match="on 49 people found tells nothing, expected at least 50"):
        recalibrated(NOW, [few], body)
    seen = replace(one, visibility=np.full_like(one.visibility, VISIBLE))
    behind = "on 0 joints of limbs behind its own body tells nothing.*100.*--pict"
    with pytest.raises(ValueError, match=behind):
        recalibrated(NOW, [seen], body)
    with pytest.raises(ValueError, match="on 0 joints of limbs seen"):
        with_samples(NOW, [replace(one, visibility=np.full_like(one.visibility, HIDDEN))], body)


def test_covariances_are_published_with_factors_and_tails_between_the_classes():
    cov = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    shares = np.tile([0.0, 0.0, 1.0], (1, 24, 1))
    shares[0, [5, 6, 7]] = [1, 0, 0], [0.5, 0.25, 0.25], [0, 1, 0]
    told = Calibration(
        joints=(0.5, 1.0, 2.0), joint_tails=(0.1, 0.2, 0.4), place_tail=0.5,
        samples=(3.0, 3.0, 3.0), sample_tails=(0.05, 0.05, 0.05),
    )  # fmt: skip
    by_samples = np.arange(24)[None] == 20
    found, tails = with_calibration(cov, shares, told, by_samples)
    assert found[0, [4, 5, 6, 7, 20], 0, 0] == pytest.approx([4, 0.25, 1.375, 1, 9])
    assert tails[0, [0, 4, 5, 6, 7, 20]] == pytest.approx([0.5, 0.4, 0.1, 0.2, 0.2, 0.05])
    # A network without calibration is taken at its word.
    found, tails = with_calibration(cov, shares, Calibration())
    np.testing.assert_array_equal(found, cov)
    assert not tails.any()
    assert factor2(told.joints, shares[0, 6]) == pytest.approx(1.375)
    assert blended(told.joint_tails, shares[0, 6]) == pytest.approx(0.2)


def test_an_estimator_publishes_with_the_calibration_of_its_manifest(found, tmp_path):
    (one,) = found
    files = ["factorized.onnx", "factorized.json", "factorized_field.onnx", "factorized_field.json"]
    for name in files:
        shutil.copy(asset("weights", name), tmp_path / name)
    manifest = json.loads((tmp_path / "factorized.json").read_text())
    made = Calibration(
        joints=(0.5, 1.0, 2.0), joint_tails=(0.1, 0.2, 0.3), place=3.0, place_tail=0.4,
        samples=(4.0, 4.5, 5.0), sample_tails=(0.05, 0.15, 0.25),
    )  # fmt: skip
    image = np.zeros((480, 640, 3), np.uint8)

    def answered(told: dict):
        (tmp_path / "factorized.json").write_text(json.dumps(manifest | {KEY: told}))
        path, how = str(tmp_path / "factorized.onnx"), Sampling(samples=8)
        estimator = load_estimator("factorized", load_body_model(), path, sampling=how)
        return estimator(one.people[:1], one.camera, image)

    plain, bodies = answered({}), answered(asdict(made))
    assert not plain.joint_tails.any()
    ratio = np.full(24, np.nan)  # the pelvis about itself has none
    ratio[1:] = bodies.joint_cov[0, 1:, 0, 0] / plain.joint_cov[0, 1:, 0, 0]
    (shares,) = class_shares(plain.visibility, plain.joints, load_body_model())
    limbs = [*OUTER_LIMB, 10, 11, 22, 23]  # and the feet and hands that they carry
    own = [j for j in range(1, 24) if j not in limbs]
    assert ratio[own] == pytest.approx(factor2(made.joints, shares[own]), rel=1e-4)
    assert ratio[limbs] == pytest.approx(factor2(made.samples, shares[limbs]), rel=1e-4)
    assert bodies.joint_tails[0, limbs] == pytest.approx(blended(made.sample_tails, shares[limbs]))
    assert bodies.joint_tails[0, 0] == pytest.approx(0.4)
    np.testing.assert_allclose(bodies.transl_cov, 9 * plain.transl_cov, rtol=1e-5)


@pytest.mark.parametrize(
    "told, name",
    [({"joints": [1, 1, -1]}, "joints"), ({"joint_tails": [0.1, 0.7]}, "joint_tails"),
     ({"joints": [1, 1, 1, 1]}, "joints"),
     ({"place": "much"}, "place"), ({"samples": 1.0}, "samples"), ([1, 2], "joints")],
)  # fmt: skip
def test_impossible_calibrations_are_refused(told, name, tmp_path):
    with pytest.raises(WeightsError, match=f"net.json: {KEY} has an impossible {name}"):
        calibration_of(tmp_path / "net.onnx", {KEY: told})


@pytest.fixture
def folder(tmp_path):
    """The baseline's files that are told, in two precisions."""
    for name in ("baseline.onnx", "baseline.json", "baseline.md", "baseline-float16.onnx",
                 "baseline-float16.json"):  # fmt: skip
        shutil.copy(asset("weights", name), tmp_path / name)
    return tmp_path


def test_a_calibration_of_before_there_were_three_classes_means_what_it_meant(tmp_path):
    told = {"joints": [0.5, 2.0], "joint_tails": [0.1, 0.3], "place": 1.5}
    read = calibration_of(tmp_path / "net.onnx", {KEY: told})
    assert read == Calibration(joints=(0.5, 2.0, 2.0), joint_tails=(0.1, 0.3, 0.3), place=1.5)
    shares = np.array([0.4, 0.5, 0.1])
    assert factor2(read.joints, shares) == pytest.approx(0.4 * 0.5**2 + 0.6 * 2.0**2)


MADE = Calibration(joints=(0.8, 0.9, 1.2), joint_tails=(0.1, 0.2, 0.0), place=1.1, place_tail=0.2)
ROWS = [{"joints": "seen", "n": 12, "inside50": 0.5, "inside90": 0.905}]


def test_files_are_told_and_read_back(folder):
    fit = Fit(MADE, "9 people", "hmr train calibration", "0123abc", ROWS)
    limits = (folder / "baseline.md").read_text().partition("## Limits")[2]
    for _ in range(2):  # the second time in place of the first
        write({folder / "baseline.onnx": fit})
    for name in ("baseline", "baseline-float16"):
        told = json.loads((folder / f"{name}.json").read_text())
        assert calibration_of(folder / f"{name}.onnx", told) == MADE
        assert told["graph"] == json.loads(asset("weights", f"{name}.json").read_text())["graph"]
        assert told[KEY]["held"] == ROWS and told[KEY]["revision"] == "0123abc"
        assert told[KEY]["missed"] == []
    card = (folder / "baseline.md").read_text()
    assert card.count("on 9 people by `hmr train calibration`, revision 0123abc") == 1
    assert "| joint that is seen | 0.800 | 10.0 |" in card and "within their bounds" not in card
    assert "| joint that is behind its own body | 0.900 | 5.0 |" in card
    assert "| joint that is hidden | 1.200 | all |" in card
    assert card.endswith("## Limits" + limits)


def test_regions_that_do_not_hold_what_they_say_are_named(folder):
    rows = [*ROWS, {"joints": "hidden", "n": 12, "inside50": 0.64, "inside90": 0.895}]
    write({folder / "baseline.onnx": Fit(MADE, "9 people", "hmr", "0123abc", rows)})
    named = ["hidden, 64 % in 50 % regions"]
    told = json.loads((folder / "baseline.json").read_text())
    assert told[KEY]["missed"] == named
    assert f"do that for: {named[0]}." in (folder / "baseline.md").read_text()


@pytest.mark.parametrize("wrong", ["no limits", "no card", "no manifest"])
def test_no_file_is_told_where_one_of_them_cannot_be(folder, wrong):
    card, manifest = folder / "baseline.md", folder / "baseline-float16.json"
    if wrong == "no limits":
        card.write_text("# baseline\n")
    else:
        (card if wrong == "no card" else manifest).unlink()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    expected = "baseline.md: there is no line '## Limits'" if wrong == "no limits" else "baseline"
    with pytest.raises((ValueError, OSError), match=expected):
        write({folder / "baseline.onnx": Fit(MADE, "9 people", "hmr", "0123abc", ROWS)})
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_only_people_who_are_found_count(shared_data):
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    source = still.calibration_source(
        load_body_model(), load_motions(shared_data / "motions.npz"), ()
    )
    picture = next(
        made
        for made in map(source.picture, range(still.IMAGES, still.IMAGES + 20))
        if len(still.counted_people(made)) > 1
    )
    truth = still.truth_of(still.IMAGES, picture)
    asked = []

    def look(image, boxes):
        people = looking.look(image, boxes)
        asked.append(people.found & (np.arange(len(people)) % 2 == 1))
        return people.replace(found=asked[0])

    pipeline = pipeline_of("lifter:refine_steps=0")
    ((one,),) = recalibration.published([(still.IMAGES, picture)], look, [pipeline])
    (found,) = asked
    assert 0 < found.sum() < len(truth)
    assert len(one.people) == len(one.estimated) == len(one.bodies) == found.sum()
    np.testing.assert_array_equal(one.joints, truth.joints[found])
    np.testing.assert_array_equal(one.visibility, truth.visibility[found])
    # Placed bodies of the people whose truth stands beside them.
    off = np.linalg.norm(one.bodies.joints[:, 0] - one.joints[:, 0], axis=1)
    assert (off < 0.5 * one.joints[:, 0, 2]).all()


def test_the_command_from_pictures_to_files(shared_data, tmp_path, monkeypatch, capsys):
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    for name in ("lifter.onnx", "lifter.json", "lifter.md"):
        shutil.copy(asset("weights", name), tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    words = ["train", "calibration", "lifter", "--pictures", "3", "--workers", "0"]
    words += ["--folder", str(tmp_path), "--motions", str(shared_data / "motions.npz")]
    assert main(words) == 2
    assert "people found tells nothing, expected at least 50" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.setattr(recalibration, "LEAST_PEOPLE", 1)
    monkeypatch.setattr(recalibration, "LEAST_JOINTS", 1)
    assert main(words) == 0
    told = json.loads((tmp_path / "lifter.json").read_text())[KEY]
    (pelvis,) = (row for row in told["held"] if row["joints"] == "pelvis")
    assert told["people"].startswith(f"{pelvis['n']} people of 3 pictures") and pelvis["n"] > 1
    assert told["revision"] and told["held"][0]["n"] > 1
    assert "lifter: share of the truth in regions" in capsys.readouterr().out
    assert told["people"] in (tmp_path / "lifter.md").read_text()
