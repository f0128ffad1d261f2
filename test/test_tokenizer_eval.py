"""``hmr eval tokenizer``: its parts against closed forms, and what the shipped weights reach."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.joint_limits import LIMITS  # noqa: E402
from hmr_ros.evaluation.tokenizer import beyond_limits, corrupted, joints_of  # noqa: E402
from hmr_ros.geometry.rotations import matrix_from_axis_angle  # noqa: E402

KNEE, LEFT_ANKLE, LEFT_FOOT = 4, 7, 10


def bent(joint: int, vector) -> np.ndarray:
    """[1, 21, 3, 3] the T-pose with one joint turned."""
    vectors = np.zeros((1, 21, 3))
    vectors[0, joint - 1] = vector
    return matrix_from_axis_angle(vectors)


def test_a_bent_knee_moves_the_ankle_on_a_circle():
    body = load_body_model()
    straight, turned = (joints_of(bent(KNEE, (a, 0, 0)), body)[0] for a in (0, 0.3))
    moved = np.linalg.norm(turned - straight, axis=1)
    shin = np.linalg.norm((straight[LEFT_ANKLE] - straight[KNEE])[1:])  # across the axis of x
    assert moved[LEFT_ANKLE] == pytest.approx(2 * shin * np.sin(0.15), rel=1e-6)
    assert np.flatnonzero(moved > 1e-9).tolist() == [LEFT_ANKLE, LEFT_FOOT]
    assert np.allclose(straight[0], 0)


def test_beyond_limits_is_how_far_a_knee_is_overstretched():
    over = beyond_limits(bent(KNEE, (LIMITS[KNEE, 0, 0] - 0.2, 0, 0)))
    assert over[0, KNEE - 1] == pytest.approx(0.2, abs=1e-6)
    assert np.delete(over[0], KNEE - 1).max() == 0


def test_corrupted_tokens_are_as_many_as_asked_for_and_always_others():
    tokens = np.random.default_rng(0).integers(0, 512, (4000, 32))
    wrong = corrupted(tokens, 512, 0.05, seed=1)
    assert (wrong != tokens).mean() == pytest.approx(0.05, abs=0.003)
    assert wrong.min() >= 0 and wrong.max() < 512
    assert (corrupted(tokens, 512, 1.0, seed=1) != tokens).all()
    assert np.array_equal(wrong, corrupted(tokens, 512, 0.05, seed=1))


@pytest.fixture(scope="module")
def rows(shared_data, tmp_path_factory):
    """Figures of the shipped weights on the test clips, by row."""
    path = tmp_path_factory.mktemp("eval") / "figures.json"
    motions = shared_data / "motions.npz"
    assert main(["eval", "tokenizer", "--json", str(path), "--motions", str(motions)]) == 0
    return {row["poses"]: row for row in json.loads(path.read_text())["rows"]}


def test_shipped_tokenizer_keeps_test_poses_within_8_mm_and_uses_its_codes(rows):
    row = rows["decoded"]
    low, high = row["ci95"]["joint_error_mm"]
    assert low < row["joint_error_mm"] < high
    assert row["joint_error_mm"] <= 8
    assert row["codes_used"] >= 0.5
    assert rows["true"]["joint_error_mm"] == pytest.approx(0, abs=1e-9)


def test_poses_with_wrong_tokens_stay_inside_the_joint_limits(rows):
    row = rows["5% wrong tokens"]
    assert row["tokens_replaced"] == pytest.approx(0.05, abs=0.005)
    assert row["joints_inside"] >= rows["true"]["joints_inside"]
    assert row["poses_inside"] == 1


def test_shipped_weights_are_small():
    assert asset("weights", "tokenizer.safetensors").stat().st_size <= 5e6


def test_unusable_options_are_refused(tmp_path, capsys):
    assert main(["eval", "tokenizer", "--weights", str(tmp_path / "none.safetensors")]) != 0
    assert "does not exist" in capsys.readouterr().err
    assert main(["eval", "tokenizer", "--wrong", "2"]) != 0
    assert "expected a share" in capsys.readouterr().err
