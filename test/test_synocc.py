"""SynOcc's people, protocols and figures, against cases whose answer is known."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from made_study import CAMERA, limb_answer, made_study, made_truth, noisy_answer

from hmr_ros.body.model import load_body_model
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.data.photo_split import TEST_SHARE, photo_part, photos_of
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.viewpoints import Viewpoint
from hmr_ros.evaluation.subsets import LIMB, TORSO
from hmr_ros.evaluation.synocc.answers import Answer, no_answer, placed
from hmr_ros.evaluation.synocc.errors import errors_of
from hmr_ros.evaluation.synocc.matching import matched
from hmr_ros.evaluation.synocc.rows import comparisons, rows_of
from hmr_ros.evaluation.synocc.still import (
    BOX_NOISE,
    IMAGES,
    counted_people,
    jittered,
    level_of,
    numbers,
    truth_of,
)
from hmr_ros.evaluation.synocc.study import assigned, examine, joined


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    monkeypatch.setattr("hmr_ros.evaluation.synocc.rows.ROUNDS", 200)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def truth(body):
    return made_truth(body)


def row(rows, model="a", subset="all", level="all", protocol="given"):
    wanted = {"model": model, "subset": subset, "level": level, "protocol": protocol}
    return next(r for r in rows if all(r[k] == v for k, v in wanted.items()))


def test_pictures_are_a_prefix_with_every_level_in_turn():
    assert numbers(7) == numbers(IMAGES)[:7]
    assert [level_of(n) for n in numbers(4)] == ["light", "medium", "heavy", "light"]
    assert numbers(9, "heavy") == [2, 5, 8]
    with pytest.raises(ValueError, match="1 to 2000"):
        numbers(IMAGES + 1)
    with pytest.raises(ValueError, match="light, medium, heavy"):
        numbers(5, "extreme")


def test_photographs_split_by_name_whatever_the_folder():
    names = [f"{n:012d}.jpg" for n in range(2000)]
    test = photos_of([Path("a") / n for n in names], "test")
    train = photos_of([Path("b") / n for n in names], "train")
    assert {p.name for p in test} | {p.name for p in train} == set(names)
    assert {p.name for p in test}.isdisjoint(p.name for p in train)
    assert abs(len(test) / len(names) - TEST_SHARE) < 0.04
    # Fixed for ever: training has seen the ones and not the others.
    assert [photo_part(n) for n in ("a.jpg", "000000006818.jpg")] == FIXED
    with pytest.raises(ValueError, match="train, test"):
        photos_of([], "val")


FIXED = ["train", "train"]


def test_given_boxes_are_near_the_true_ones_and_in_the_picture():
    boxes = np.tile(np.float32([100, 50, 200, 300]), (4000, 1))
    moved = jittered(boxes, np.random.default_rng(0), 640, 480)
    shift = (moved[:, 0] - 100) / 200
    assert abs(shift.std() / BOX_NOISE - 1) < 0.06 and abs(shift).max() <= 2.5 * BOX_NOISE + 1e-6
    edge = jittered(np.float32([[-0.5, -0.5, 640, 480]]), np.random.default_rng(3), 640, 480)
    assert (edge[:, :2] >= -0.5).all() and (edge[:, :2] + edge[:, 2:] <= [639.5, 479.5]).all()


def test_answers_of_another_length_are_refused(truth, body):
    with pytest.raises(ValueError, match="90 people, but 89 answers"):
        errors_of(truth, no_answer(89), body)
    with pytest.raises(ValueError, match="differ in length"):
        no_answer(3).replace(found=np.zeros(2, bool))


def test_the_truth_has_no_error_wherever_it_stands(truth, body):
    answer = noisy_answer(truth, 0.0, 0.05)
    moved = answer.replace(joints=answer.joints + np.float32([0.3, -1, 4]))
    errors = errors_of(truth, moved, body)
    assert errors.joints.max() < 1e-5 and np.isfinite(errors.aligned[:, list(LIMB)]).all()
    assert np.nanmax(errors.aligned) < 1e-5 and errors.vertices.max() < 1e-6
    assert errors.right_2d.all()


def test_errors_are_about_the_middle_of_the_hips(truth, body):
    answer = noisy_answer(truth, 0.0, 0.05)
    joints = answer.joints.copy()
    joints[:, 1] += np.float32([0.02, 0, 0])  # the middle of the hips moves by half of it
    errors = errors_of(truth, answer.replace(joints=joints), body).joints
    assert np.allclose(errors[:, 1], 0.01, atol=1e-5) and np.allclose(errors[:, 7], 0.01, atol=1e-5)


def test_rows_give_the_mean_over_the_joints_they_name(truth, body):
    study = made_study(body, a=noisy_answer(truth, 0.05, 0.05))
    rows = rows_of(study)
    error = study.errors["given"]["a"].joints
    limb = np.isin(np.arange(24), LIMB)
    hidden = (truth.visibility == HIDDEN) & limb
    heavy = (truth.level == "heavy")[:, None]
    assert row(rows)["mpjpe_mm"] == pytest.approx(1e3 * error[:, limb].mean())
    assert row(rows, subset="hidden")["mpjpe_mm"] == pytest.approx(1e3 * error[hidden].mean())
    assert row(rows, subset="torso")["n"] == len(truth) * len(TORSO)
    picked = row(rows, subset="visible", level="heavy")
    mask = (truth.visibility == VISIBLE) & limb & heavy
    assert (picked["n"], picked["mpjpe_mm"]) == (
        mask.sum(),
        pytest.approx(1e3 * error[mask].mean()),
    )
    low, high = row(rows)["ci95"]["mpjpe_mm"]
    assert low < row(rows)["mpjpe_mm"] < high < 1.1 * low
    assert (
        row(rows, subset="by_furniture")["n"]
        + row(rows, subset="by_person")["n"]
        + row(rows, subset="by_border")["n"]
        == hidden.sum()
    )


def test_honest_covariances_are_called_honest_and_a_ninth_of_them_over_confident(truth, body):
    honest = noisy_answer(truth, 0.05, 0.05)
    bold = honest.replace(joint_cov=honest.joint_cov / 9)
    shy = honest.replace(joint_cov=honest.joint_cov * 9)
    rows = rows_of(made_study(body, honest=honest, bold=bold, shy=shy))
    assert row(rows, "honest")["calibration"] == "honest"
    assert row(rows, "honest")["coverage90"] == pytest.approx(0.9, abs=0.03)
    assert row(rows, "bold")["calibration"] == "over-confident"
    assert row(rows, "shy")["calibration"] == "under-confident"
    assert row(rows, "honest")["nll"] < min(row(rows, "bold")["nll"], row(rows, "shy")["nll"])


def test_a_peer_is_measured_on_whom_it_found_and_wrong_about_the_others(truth, body):
    found = np.arange(len(truth)) % 3 > 0
    study = made_study(
        body, a=noisy_answer(truth, 0.05, 0.05), peer=limb_answer(truth, 0.01, found)
    )
    rows = rows_of(study)
    peer = row(rows, "peer")
    assert peer["found"] == peer["answered"] == pytest.approx(2 / 3, abs=0.01)
    assert peer["n"] == 12 * found.sum() and peer["people"] == len(truth)
    assert peer["pck3d"] == pytest.approx(found.mean()) and peer["mpjpe_mm"] < 25
    assert "pve_mm" not in peer and "coverage90" not in peer
    assert not [r for r in rows if r["model"] == "peer" and r["subset"] == "torso"]


def test_comparisons_are_of_the_same_people(truth, body):
    found = np.arange(len(truth)) % 3 > 0
    study = made_study(
        body, a=noisy_answer(truth, 0.05, 0.05), peer=limb_answer(truth, 0.08, found)
    )
    picked = row(comparisons(study, "a"), "peer")
    pair = [
        study.errors["given"][name].joints[np.ix_(found, LIMB)].mean() for name in ("peer", "a")
    ]
    assert picked["people"] == found.sum()
    assert picked["mpjpe_mm"] == pytest.approx(1e3 * (pair[0] - pair[1]))
    assert picked["ci95"]["mpjpe_mm"][0] > 0
    assert comparisons(study, "nobody") == []


def test_people_are_matched_by_what_shows_of_them(truth):
    two = truth[[0, 1]]
    shifted = two.joints_2d + np.float32([[[0, 0]], [[260, 0]]])
    answers = shifted[::-1] + np.random.default_rng(0).normal(0, 3, (2, 24, 2))
    assert matched(answers, shifted, two.visibility, two.boxes).tolist() == [1, 0]
    hidden = two.visibility == HIDDEN
    wild = answers.copy()
    wild[::-1][hidden] += 500  # where nothing shows, a guess may lie anywhere
    assert matched(wild, shifted, two.visibility, two.boxes).tolist() == [1, 0]
    assert matched(answers[:1], shifted, two.visibility, two.boxes).tolist() == [-1, 0]
    assert matched(answers + 300, shifted[:1], two.visibility[:1], two.boxes[:1]).tolist() == [-1]
    assert matched(np.zeros((0, 24, 2)), shifted, two.visibility, two.boxes).tolist() == [-1, -1]


def test_answers_about_some_people_leave_the_others_empty(truth):
    two = noisy_answer(truth, 0.05, 0.05)[[0, 1]]
    spread = placed(two, np.array([3, 1]), 5)
    assert spread.found.tolist() == [False, True, False, True, False]
    assert np.array_equal(spread.joints[3], two.joints[0]) and np.isnan(spread.joints[0]).all()
    whole = joined([no_answer(2), spread])
    assert len(whole) == 7 and np.isnan(whole.joint_cov[:3]).all()
    assert np.array_equal(whole.joint_cov[5], two.joint_cov[0])


def test_figures_can_be_written(truth, body, tmp_path):
    from hmr_ros.cli.figures import write_json

    study = made_study(body, a=noisy_answer(truth, 0.05, 0.05))
    write_json(tmp_path / "f.json", {"rows": rows_of(study)})
    rows = json.loads((tmp_path / "f.json").read_text())["rows"]
    keys = {"model", "subset", "level", "n", "found", "mpjpe_mm", "pa_mpjpe_mm", "pve_mm", "pck"}
    assert keys | {"coverage50", "coverage90", "nll", "ci95"} <= set(rows[0])


def test_command_line_has_the_options_of_its_readme():
    from hmr_ros.cli.evaluations import synocc_still

    parser = argparse.ArgumentParser()
    synocc_still.add_arguments(parser)
    args = parser.parse_args(["--model", "lifter", "--model", "mean-pose", "--peers", "mediapipe"])
    assert (args.model, args.peers, args.images) == (["lifter", "mean-pose"], ["mediapipe"], 2000)


def test_mean_pose_fills_the_box_and_knows_how_little_it_knows(body, shared_data):
    from hmr_ros.data.motions import load_motions
    from hmr_ros.evaluation.synocc.mean_pose import MeanPose
    from hmr_ros.frame import Frame

    model = MeanPose(body, load_motions(shared_data / "motions.npz").split("train"))
    frame = Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, 0.0)
    box = np.float32([[200, 60, 120, 360]])
    answer = model.given(frame, box)
    assert isinstance(answer, Answer) and answer.found.all()
    x, y = answer.joints_2d[0].T
    assert 60 < y.min() < 110 and 380 < y.max() < 420 and abs(x.mean() - 260) < 25
    # Upright, facing the camera: the head is up, the subject's left is on the right.
    assert y[15] < y[0] < y[7] and x[16] > x[17]
    assert np.linalg.eigvalsh(answer.joint_cov[0, list(LIMB)]).min() > 1e-6


@pytest.mark.slow
def test_a_few_pictures_from_end_to_end(shared_data, capsys, tmp_path):
    from hmr_ros.cli.main import main

    figures = tmp_path / "f.json"
    words = ["eval", "synocc-still", "--images", "4", "--protocol", "given"]
    words += ["--model", "mean-pose", "--json", str(figures), "--workers", "1"]
    words += ["--motions", str(shared_data / "motions.npz"), "--keep", str(tmp_path)]
    html = tmp_path / "report.html"
    assert main([*words, "--html", str(html)]) == 0
    first = json.loads(figures.read_text())
    assert first["benchmark"] == "synocc-still" and {"light", "medium", "heavy"} <= {
        r["level"] for r in first["rows"]
    }
    assert "<h2>Cases" in html.read_text() and "mean-pose" in capsys.readouterr().out
    # The same pictures whoever draws them.
    assert main([*words, "--workers", "0", "--fresh"]) == 0
    assert json.loads(figures.read_text())["fingerprint"] == first["fingerprint"]


@pytest.mark.slow
def test_settings_are_chosen_by_pictures_of_another_split(shared_data, tmp_path):
    from hmr_ros.cli.main import main

    found = {}
    for split in ("test", "val"):
        figures = tmp_path / f"{split}.json"
        words = ["eval", "synocc-still", "--images", "6", "--level", "heavy", "--split", split]
        words += ["--protocol", "given", "--model", "mean-pose", "--json", str(figures)]
        words += ["--motions", str(shared_data / "motions.npz"), "--keep", str(tmp_path)]
        assert main([*words, "--workers", "0"]) == 0
        found[split] = json.loads(figures.read_text())
        assert {row["level"] for row in found[split]["rows"]} == {"all", "heavy"}
        assert found[split]["facts"]["motions"] == f"motions.npz, split {split}"
    assert found["val"]["fingerprint"] != found["test"]["fingerprint"]


def test_pictures_of_val_show_no_motion_and_no_photograph_of_the_benchmark(body, shared_data):
    from hmr_ros.data.backgrounds import background_photos
    from hmr_ros.data.motions import load_motions
    from hmr_ros.evaluation.synocc import still

    motions = load_motions(shared_data / "motions.npz")
    photos = background_photos(shared_data / "backgrounds")
    test = still.still_source(body, motions, photos)
    val = still.calibration_source(body, motions, photos)
    assert not set(test.motions.names) & set(val.motions.names)
    assert not set(test.photos) & set(val.photos) and "unseen" not in val.backgrounds
    heavy = still.numbers(6, "heavy", first=still.IMAGES)
    assert len(heavy) == 2 and {still.level_of(n) for n in heavy} == {"heavy"}


def test_unknown_names_are_refused_before_anything_is_drawn(shared_data, capsys):
    from hmr_ros.cli.main import main

    motions = ["--motions", str(shared_data / "motions.npz")]
    assert main(["eval", "synocc-still", "--model", "hmr2", *motions]) == 2
    assert "known: lifter" in capsys.readouterr().err
    assert main(["eval", "synocc-still", "--peers", "openpose", *motions]) == 2
    assert "known: mediapipe" in capsys.readouterr().err


def test_versions_are_those_of_the_benchmarks():
    from hmr_ros.cli.evaluations import synocc_still, synocc_video
    from hmr_ros.evaluation.synocc import still, video

    assert (synocc_still.VERSION, synocc_video.VERSION) == (still.VERSION, video.VERSION)


@pytest.mark.parametrize("columns", [80, 160])
def test_tables_fit_the_terminal(truth, body, columns, capsys, monkeypatch):
    from rich.console import Console

    from hmr_ros.cli import synocc_tables

    study = made_study(body, lifter=noisy_answer(truth, 0.05, 0.02))
    figures = {"rows": rows_of(study), "comparisons": [], "facts": {}}
    console = Console(width=columns, force_terminal=True, color_system=None)
    narrow = columns < synocc_tables.STILL_WIDTH
    monkeypatch.setattr(synocc_tables, "roomy_console", lambda width: (console, narrow))
    synocc_tables.show_still(figures)
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if "lifter" in line]
    assert len(lines) == 4 and all("heavy" in x or "%" in x for x in lines)
    assert "\u2026" not in printed and "MPJPE" in printed and "over-confident" in printed


def picture_of(truth, rows) -> RenderedImage:
    """A picture of these people, without pixels worth looking at."""
    people = truth[rows]
    nothing = np.zeros((480, 640))
    return RenderedImage(
        image=np.zeros((480, 640, 3), np.uint8),
        depth=nothing,
        thing=nothing,
        person_id=nothing,
        part_id=nothing,
        joints=people.joints,
        joints_2d=people.joints_2d,
        visibility=people.visibility,
        occluder=people.occluder,
        rotations=people.rotations,
        betas=people.betas,
        transl=np.zeros((len(people), 3), np.float32),
        boxes=people.boxes,
        shown=people.shown,
        view=Viewpoint(CAMERA, np.eye(3), np.zeros(3)),
    )


class Oracle:
    """Knows the people of a picture when it is given their boxes; finds them from last to first by
    itself, and somebody who is not there."""

    name = "oracle"

    def __init__(self, truth) -> None:
        self.people = noisy_answer(truth, 0.0, 0.05)
        self.rows = []

    def given(self, frame, boxes):
        assert len(boxes) == len(self.rows[-1])
        return self.people[self.rows[-1]]

    def detected(self, frame):
        answer = self.people[[*self.rows[-1][::-1], 0]]
        answer.joints_2d[-1] += 5000
        return answer


def test_answers_reach_the_people_they_are_about(truth, body):
    apart = truth.joints_2d + np.float32([200, 0]) * (truth.person[:, None, None] == 1)
    boxes = truth.boxes + np.float32([200, 0, 0, 0]) * (truth.person[:, None] == 1)
    truth = truth.replace(joints_2d=apart, boxes=boxes)
    oracle = Oracle(truth)
    oracle.people.joints_2d[:] = apart
    stops = []

    def pictures():
        for number, rows in enumerate([[0, 1], [2, 3], [4, 5]]):
            oracle.rows.append(rows)
            yield number, picture_of(truth, rows)
        raise KeyboardInterrupt

    study = examine([oracle], pictures(), body, interrupted=lambda: stops.append(True))
    assert stops == [True] and study.images == 3 and study.alarms == {"oracle": 3}
    assert len(study.truth) == 6 and study.truth.level.tolist() == [
        "light", "light", "medium", "medium", "heavy", "heavy",
    ]  # fmt: skip
    for protocol in ("given", "detection"):
        assert study.answers[protocol]["oracle"].found.all()
        assert study.errors[protocol]["oracle"].joints.max() < 1e-5
        assert row(rows_of(study), "oracle", protocol=protocol)["pck"] == 1


def test_small_and_hidden_people_do_not_count_and_raise_no_alarm(truth, body):
    picture = picture_of(truth, [0])
    small = dataclasses.replace(picture, boxes=picture.boxes * np.float32([1, 1, 0.1, 0.1]))
    hidden = dataclasses.replace(picture, shown=np.float32([0.05]))
    behind = dataclasses.replace(picture, joints=picture.joints - np.float32([0, 0, 4]))
    assert counted_people(picture).tolist() == [0]
    assert (
        not len(counted_people(small)) + len(counted_people(hidden)) + len(counted_people(behind))
    )
    seen = noisy_answer(truth, 0.0, 0.05)[[0]]
    assert assigned(seen, hidden, truth_of(0, hidden))[1] == 0
    with pytest.raises(ValueError, match="nobody to look at"):
        examine([], [(0, hidden)], body)
