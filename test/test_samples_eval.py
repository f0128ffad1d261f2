"""`hmr eval samples`: figures of a velocity field whose samples are known in closed form."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_people import corpus_of, made_people  # noqa: E402
from test_models_contract import TINY  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE  # noqa: E402
from hmr_ros.evaluation.samples import STEPS, Drawn, manifold, nearest_pose, rows_of  # noqa: E402
from hmr_ros.geometry.rotations import matrix_from_axis_angle  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.models.weights import build, save  # noqa: E402

PEOPLE = 400


def test_the_nearest_pose_is_found_and_how_far_it_is():
    turn = torch.from_numpy(matrix_from_axis_angle(np.array([0.3, 0.0, 0.0]))).float()
    rotations = torch.eye(3).repeat(2, 24, 1, 1)
    rotations[1] = turn
    far = torch.from_numpy(matrix_from_axis_angle(np.array([0.0, 1.5, 0.0]))).float()
    poses = torch.stack([far.repeat(16, 1, 1), torch.eye(3).repeat(16, 1, 1)])
    found = nearest_pose(rotations, poses)
    assert found[0].item() == pytest.approx(0, abs=1e-3)
    assert found[1].item() == pytest.approx(np.sqrt(2 - 2 * np.cos(0.3)), abs=1e-4)
    # The torso has no say.
    rotations[:, 0] = far
    assert torch.equal(nearest_pose(rotations, poses), found)


@pytest.fixture(scope="module")
def rows():
    """Samples about the truth: 10 cm a coordinate where hidden, 4 cm where seen."""
    rng = np.random.default_rng(0)
    visibility = np.where(rng.random((PEOPLE, 24)) < 0.5, HIDDEN, VISIBLE)
    sigma = np.where(visibility == HIDDEN, 0.1, 0.04)
    off = sigma[..., None] * rng.normal(0, 1, (8, PEOPLE, 24, 3))
    error = np.linalg.norm(off, axis=-1)
    square = np.square(off - off.mean(0)).sum(-1).mean(0)
    regressed = np.full((PEOPLE, 24), 0.2)
    found = Drawn(
        regressed=regressed,
        estimate=0.9 * regressed,
        resting=1.8 * regressed,
        sample=dict.fromkeys(STEPS, error.mean(0)),
        best={k: error.min(0) * (1.1 if k == 4 else 1.0) for k in STEPS},
        square=dict.fromkeys(STEPS, square),
        apart=dict.fromkeys(STEPS, np.full((PEOPLE, 12), 0.012)),
        quantile=rng.random((PEOPLE, 24)),
        from_poses={
            "true": np.full(PEOPLE, 0.1),
            "regressed": np.full(PEOPLE, 0.3),
            "estimate": np.full(PEOPLE, 0.2),
            "sample": np.full(PEOPLE, 0.15),
        },
        moved=np.full(PEOPLE, 1e-8),
    )
    return {(r["figure"], r["subset"]): r for r in rows_of(found, visibility)}


def test_figures_of_known_samples(rows):
    def value(figure, subset):
        return rows[figure, subset]["value"]

    assert value("estimate / regressor", "all") == pytest.approx(0.9)
    assert value("anchor + mean limbs / estimate", "all") == pytest.approx(2)
    assert value("best of 8, 4 / 20 steps", "distal hidden") == pytest.approx(1.1)
    assert value("torso, largest difference to stage one", "") == pytest.approx(1e-8)
    assert value("disagreement of the views, mm", "distal") == pytest.approx(12)
    # Of eight samples and their own mean an eighth is lost.
    expected = 100 * np.sqrt(3 * 7 / 8)
    assert value("spread of samples, mm", "distal hidden") == pytest.approx(expected, rel=0.03)
    assert value("spread, hidden / visible", "distal") == pytest.approx(2.5, rel=0.05)
    # Mean length of a Gaussian in space: sigma sqrt(8 / pi).
    assert value("one sample / regressor", "distal hidden") == pytest.approx(
        0.1 * np.sqrt(8 / np.pi) / 0.2, rel=0.03
    )
    assert value("excess distance to poses, sample / regressor", "limbs") == pytest.approx(0.25)
    for level, share in (("50%", 50), ("90%", 90)):
        inside = rows[f"inside {level} regions, %", "distal hidden"]
        assert inside["value"] == pytest.approx(share, abs=4)
        low, high = inside["ci95"]
        assert low < inside["value"] < high


def test_no_ratio_where_the_regressor_is_nearer_to_poses_than_the_truth():
    near = {"true": 0.2, "regressed": 0.1, "estimate": 0.1, "sample": 0.3}
    figures = [r["figure"] for r in manifold({k: np.full(9, v) for k, v in near.items()})]
    assert figures == [
        f"excess distance to poses, {k}" for k in ("regressed", "estimate", "sample")
    ]


def test_the_command_reads_people_weights_and_poses(tmp_path, capsys):
    body = load_body_model()
    people = made_people(skeleton_of(body))
    folder = corpus_of(people, tmp_path / "people")
    torch.manual_seed(0)
    network = build("factorized", body, TINY | {"field_layers": 1})
    save(network, tmp_path / "factorized.safetensors")
    command = ["eval", "samples", "--data", str(folder), "--poses", str(folder), "--people", "8"]
    command += ["--weights", str(tmp_path / "factorized.safetensors")]
    assert main([*command, "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    rows = {(r["figure"], r["subset"]): r for r in found["rows"]}
    assert rows["torso, largest difference to stage one", ""]["value"] <= 1e-6
    # Nothing is learned: the estimate is close to stage one.
    assert rows["estimate / regressor", "all"]["value"] == pytest.approx(1, abs=0.1)
    assert found["facts"]["people"] == 8
    assert "best of 8" in capsys.readouterr().out
