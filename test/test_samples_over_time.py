"""`hmr eval samples-over-time`: figures of samples known in closed form, and the command."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_films import made_film  # noqa: E402
from test_limb_flow import TINY  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.films import FILMS, VERSION, write_film  # noqa: E402
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE  # noqa: E402
from hmr_ros.evaluation.samples import STEPS  # noqa: E402
from hmr_ros.evaluation.samples_over_time import Threads, rows_of  # noqa: E402
from hmr_ros.models.weights import build, save  # noqa: E402

PEOPLE, FRAMES = 30, 20


@pytest.fixture(scope="module")
def rows():
    """All is hidden in odd frames, where samples are 10 cm wide, and seen in even ones: 4 cm."""
    count = PEOPLE * FRAMES
    rng = np.random.default_rng(0)
    odd = (np.arange(count) % 2 == 1)[:, None]
    visibility = np.where(odd, HIDDEN, VISIBLE) * np.ones((1, 24), int)
    width = np.where(visibility == HIDDEN, 0.1, 0.04)
    estimate = np.full((count, 24), 0.2)
    way = np.full((count, 24), 0.01)
    found = Threads(
        person=np.repeat(np.arange(PEOPLE), FRAMES),
        visibility=visibility,
        lasting=(visibility == HIDDEN) & (np.arange(count) < count / 2)[:, None],
        estimate=estimate,
        best={k: estimate * (0.66 if k == 4 else 0.6) for k in STEPS},
        square=dict.fromkeys(STEPS, width**2),
        quantile=rng.random((count, 24)),
        shift={"true": way, "estimate": 1.5 * way, "sample": 2 * way, "anew": 9 * way},
        moved=np.full(count, 1e-8),
    )
    return {(r["figure"], r["subset"]): r for r in rows_of(found)}


@pytest.mark.parametrize(
    "figure, subset, value",
    [
        ("torso, largest difference to the estimate, m", "", 1e-8),
        ("best of 8 / estimate", "distal hidden", 0.66),
        ("best of 8 / estimate", "distal hidden for a second", 0.66),
        ("best of 8, 4 / 20 steps", "distal hidden", 1.1),
        ("best of 8, 2 / 20 steps", "distal hidden", 1.0),
        ("spread, hidden / visible", "distal", 2.5),
        ("spread of samples, mm", "distal hidden", 100),
        ("spread of samples, mm", "distal visible", 40),
        ("way from frame to frame, estimate / true", "distal", 1.5),
        ("way from frame to frame, sample / true", "distal", 2),
        ("way from frame to frame, anew / true", "distal", 9),
    ],
)
def test_figures_of_known_samples(rows, figure, subset, value):
    assert rows[figure, subset]["value"] == pytest.approx(value)


def test_intervals_are_over_people_as_the_frames_of_one_are_alike(rows):
    counted = {key: row["people"] for key, row in rows.items() if "people" in row}
    assert len(counted) == len(rows) - 2, "all but the torso and the ratio of spreads have one"
    long = counted.pop(("best of 8 / estimate", "distal hidden for a second"))
    assert long == PEOPLE // 2
    for (_, subset), people in counted.items():
        assert people == (0 if subset == "distal self occluded" else PEOPLE), subset


@pytest.mark.parametrize("level", [50, 90])
@pytest.mark.parametrize("subset", ["distal hidden", "distal visible"])
def test_regions_are_counted_by_person(rows, level, subset):
    row = rows[f"inside {level}% regions, %", subset]
    assert row["value"] == pytest.approx(level, abs=2)
    low, high = row["ci95"]
    assert low < row["value"] < high and row["people"] == PEOPLE


def test_the_command_samples_films(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    FILMS.begin(tmp_path / "films", {"version": VERSION, "split": "val"})
    write_film(tmp_path / "films", 0, made_film(20))
    torch.manual_seed(0)
    save(build("temporal", load_body_model(), TINY), tmp_path / "made.safetensors")
    words = ["--films", tmp_path / "films", "--weights", tmp_path / "made.safetensors"]
    kept = ["--json", tmp_path / "out.json"]
    assert main(["eval", "samples-over-time", *map(str, [*words, *kept])]) == 0
    said = capsys.readouterr().out
    assert "2 people" in said and "way from frame to frame, sample / true" in said
    figures = json.loads((tmp_path / "out.json").read_text())
    told = {(r["figure"], r["subset"]): r["value"] for r in figures["rows"]}
    assert told["torso, largest difference to the estimate, m", ""] < 1e-6
    sample, anew = (
        told[f"way from frame to frame, {name} / true", "distal"] for name in ("sample", "anew")
    )
    assert anew > 1.02 * sample, "new noise in each frame moves the limbs by itself"
