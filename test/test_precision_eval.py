"""hmr eval precision: figures in closed form, and people who are looked at once only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from made_bodies import CAMERA  # noqa: E402
from made_people import made_people  # noqa: E402

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.evaluations.precision import kept_people  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.cli.motion_file import default_motions  # noqa: E402
from hmr_ros.data.motions import load_motions  # noqa: E402
from hmr_ros.evaluation import seen_people  # noqa: E402
from hmr_ros.evaluation.precision import (  # noqa: E402
    TORCH,
    Judged,
    Variant,
    crop_side,
    judged,
    rows_of,
    variants,
)
from hmr_ros.evaluation.synocc.kept import Kept  # noqa: E402
from hmr_ros.evaluation.synocc.still import still_source  # noqa: E402
from hmr_ros.frontend.description import nothing_in  # noqa: E402
from hmr_ros.geometry.rotations import matrix_from_axis_angle  # noqa: E402
from hmr_ros.models.factorized_state import SIZE  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.runtime.lifter import network_inputs  # noqa: E402
from hmr_ros.runtime.sampling import REST, Field  # noqa: E402

BOX = [[100.0, 80.0, 120.0, 300.0]]


def made(**offsets):
    """Six people of three pictures; joints of each precision off by (x, y) metres, but the pelvis
    of all that is not torch by nothing."""
    truth = np.random.default_rng(0).normal(0, 1, (6, 24, 3)).astype(np.float32)
    joints = {}
    for precision, (x, y) in offsets.items():
        moved = truth.copy()
        moved[:, 1:] += [x, y, 0]
        joints["baseline", precision] = moved
    return Judged(joints, truth, np.array([0, 0, 1, 1, 2, 2]))


def test_figures_in_closed_form():
    found = made(torch=(0.1, 0.0), float32=(0.1, 0.0003), float16=(0.1, 0.04), int8=(0.102, 0.0))
    rows = {row["precision"]: row for row in rows_of(found)}
    assert list(rows) == ["float32", "float16", "int8"] and TORCH not in rows
    exact = rows["float32"]
    assert exact["compared_with"] == "torch" and exact["n"] == 6
    assert exact["largest_mm"] == pytest.approx(0.3, abs=1e-3) and exact["held"]
    assert exact["mpjpe_mm"] == pytest.approx(100 * 23 / 24, abs=0.01)
    half = rows["float16"]
    change = 100 * (np.hypot(0.1, 0.04) / np.hypot(0.1, 0.0003) - 1)
    assert half["compared_with"] == "float32"
    assert half["largest_mm"] == pytest.approx(39.7, abs=1e-3)
    assert half["change_percent"] == pytest.approx(change, abs=1e-3) and change > 7
    assert half["ci95"]["change_percent"] == pytest.approx([change, change], abs=0.01)
    assert not half["held"] and half["wanted"] == "<= 1.0 %"
    assert rows["int8"]["change_percent"] == pytest.approx(2.0, abs=0.01) and rows["int8"]["held"]


def test_half_a_millimetre_is_the_bound_to_torch():
    (row,) = rows_of(made(torch=(0.1, 0.0), float32=(0.1006, 0.0)))
    assert not row["held"] and row["largest_mm"] == pytest.approx(0.6, abs=1e-3)


def people_before(view):
    """Crops in the view frames ``view`` [N, 3, 3], and what the lifter sees of nobody."""
    crops, truth = (part[: len(view)] for part in made_people(skeleton_of(load_body_model())))
    seen = network_inputs(nothing_in(np.tile(BOX, (len(view), 1)), np.full(len(view), "x")), CAMERA)
    seen = seen_people.SeenPeople(**seen, joints=truth.joints, number=np.arange(len(view)))
    picture = crops.image.repeat(2, 2).repeat(2, 3)  # of the shipped networks' size
    return crops.replace(view=view, image=picture), seen


def test_samples_are_judged_in_the_cameras_frame():
    """A field that stands still on the anchor of the answer: its sample is the answer."""
    rng, people = np.random.default_rng(2), 3
    view, root = (matrix_from_axis_angle(rng.normal(0, 1, (2, people, 3)))).astype(np.float32)
    rotations = np.tile(np.eye(3, dtype=np.float32), (people, 24, 1, 1))
    rotations[:, 0] = root
    anchor = np.zeros((people, SIZE), np.float32)
    anchor[:, :6] = (view @ root)[..., :2].swapaxes(1, 2).reshape(people, 6) - REST[:6]
    answer = {"rotations": rotations, "betas": anchor[:, -13:-3], "pelvis": anchor[:, -3:]}
    answer |= {"evidence": anchor[:, None], "anchor": anchor, "regressed": anchor}
    still = SimpleNamespace(run=lambda inputs: {"velocity": 0 * inputs["state"]})
    variant = Variant("factorized", TORCH, lambda inputs: answer, Field(still, anchor[0] * 0, 2))
    joints = judged([variant], [people_before(view)], load_body_model()).joints
    own, sample = (joints[name, TORCH] for name in ("factorized", "one sample of factorized"))
    np.testing.assert_allclose(sample, own, atol=1e-5)
    assert np.abs(own - own.mean(0)).max() > 0.1  # people do stand differently


def test_files_and_torch_are_asked_about_the_same_people():
    view = np.tile(np.eye(3, dtype=np.float32), (2, 1, 1))
    body, folder = load_body_model(), asset("weights", "baseline.onnx").parent
    asked = variants(folder, "baseline", ["float32", "float16"], body)
    assert [v.precision for v in asked] == [TORCH, "float32", "float16"]
    rows = rows_of(judged(asked, [people_before(view)], body))
    assert [row["precision"] for row in rows] == ["float32", "float16"] and rows[0]["held"]
    assert rows[0]["largest_mm"] < 0.1 < rows[1]["largest_mm"]


def test_people_are_looked_at_once(tmp_path, monkeypatch):
    if not default_motions().is_file():
        pytest.skip(f"{default_motions()} is not there")
    monkeypatch.setattr(seen_people, "PICTURES_A_CHUNK", 2)
    still = still_source(load_body_model(), load_motions(default_motions()))
    looked = []

    def look(image, boxes):
        looked.append(len(boxes))
        return nothing_in(boxes, np.full(len(boxes), "given"))

    def people(count):
        kept = Kept(tmp_path, "seen", {})
        parts = list(seen_people.seen_people(still, look, 64, count, kept))
        assert all(crops.image.shape[1:] == (3, 64, 64) for crops, _ in parts)
        return [np.concatenate([getattr(p, n) for _, p in parts]) for n in ("number", "joints")]

    number, joints = people(3)
    assert len(number) == 3 and (np.diff(number) >= 0).all() and joints.shape == (3, 24, 3)
    count = len(looked)
    again, same = people(3)
    np.testing.assert_array_equal(joints, same)
    np.testing.assert_array_equal(number, again)
    assert len(looked) == count > 0
    more, longer = people(sum(looked) + 1)
    assert len(looked) > count
    np.testing.assert_array_equal(longer[:3], joints)
    np.testing.assert_array_equal(more[:3], number)


def test_people_seen_otherwise_are_looked_at_anew(tmp_path):
    """By another file of motions, other photographs, in other crops."""
    clips, photo = tmp_path / "clips.npz", tmp_path / "photo.jpg"
    clips.write_bytes(b"one")
    photo.write_bytes(b"photo")
    args = SimpleNamespace(motions=clips, keep=tmp_path, fresh=False)
    first = kept_people(args, [], 128).folder
    assert kept_people(args, [], 128).folder == first
    others = [kept_people(args, [], 64).folder, kept_people(args, [photo], 128).folder]
    clips.write_bytes(b"two")
    assert len({first, *others, kept_people(args, [], 128).folder}) == 4


def test_models_that_take_other_crops_are_not_asked_together():
    lifter, baseline, factorized = {}, {"image_size": 256}, {"image_size": 64}
    assert crop_side({"baseline": baseline, "lifter": lifter}) == 256
    assert crop_side({"lifter": lifter}) == 128
    with pytest.raises(ValueError, match=r"sizes \(baseline 256, factorized 64\): ask one"):
        crop_side({"baseline": baseline, "factorized": factorized})


def test_unknown_models_are_named(capsys):
    assert main(["eval", "precision", "--model", "resnet"]) == 2
    assert "model resnet is unknown; known: baseline, factorized, lifter" in capsys.readouterr().err
