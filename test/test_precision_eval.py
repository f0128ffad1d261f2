"""hmr eval precision: figures in closed form, and people who are looked at once only."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.cli.motion_file import default_motions  # noqa: E402
from hmr_ros.data.motions import load_motions  # noqa: E402
from hmr_ros.evaluation import seen_people  # noqa: E402
from hmr_ros.evaluation.precision import TORCH, Judged, rows_of  # noqa: E402
from hmr_ros.evaluation.synocc.still import still_source  # noqa: E402
from hmr_ros.frontend.description import nothing_in  # noqa: E402


def judged(**offsets):
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
    found = judged(torch=(0.1, 0.0), float32=(0.1, 0.0003), float16=(0.1, 0.04), int8=(0.102, 0.0))
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
    (row,) = rows_of(judged(torch=(0.1, 0.0), float32=(0.1006, 0.0)))
    assert not row["held"] and row["largest_mm"] == pytest.approx(0.6, abs=1e-3)


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
        parts = list(seen_people.seen_people(still, look, 64, count, tmp_path))
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


def test_unknown_models_are_named(capsys):
    assert main(["eval", "precision", "--model", "resnet"]) == 2
    assert "model resnet is unknown; known: baseline, factorized, lifter" in capsys.readouterr().err
