"""What evidence is worth: a made network whose errors are known in closed form."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_people import corpus_of, made_people  # noqa: E402
from test_models_contract import TINY  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE  # noqa: E402
from hmr_ros.evaluation.evidence import WITHHELD, answers, rows_of, subsets  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.models.weights import build, save  # noqa: E402
from hmr_ros.person_crops import INPUTS  # noqa: E402

PEOPLE = 200


class Made:
    """Errs by ``SIGMA`` on each axis; by three times as much on wrists without keypoints."""

    SIGMA = 0.05

    def __init__(self, temperature=(1.0, 1.0)):
        self.temperature = torch.tensor(temperature)

    def predict(self, inputs):
        n = len(inputs["image"])
        rng = torch.Generator().manual_seed(int(inputs["scale"][0]))
        noise = self.SIGMA * torch.randn(n, 24, 3, generator=rng)
        if inputs["keypoints"].abs().sum() == 0:
            noise[:, 20:22] *= 3
        return SimpleNamespace(
            joints=noise,
            log_std=torch.full((n, 24, 3), float(np.log(self.SIGMA))),
            visibility_logit=torch.full((n, 24), 20.0),
        )


def batches():
    for part in range(4):
        values = {name: torch.ones(50, 3) for name in INPUTS}
        yield values | {"scale": torch.full((50,), float(part)), "joints": torch.zeros(50, 24, 3)}


@pytest.fixture(scope="module")
def rows():
    visibility = np.full((PEOPLE, 24), VISIBLE)
    visibility[:, 20] = HIDDEN
    seen = {("net", kind): answers(Made(), batches(), WITHHELD[kind]) for kind in WITHHELD}
    masks = subsets(visibility, np.zeros((PEOPLE, 24), int))
    return {(r["without"], r["subset"]): r for r in rows_of(seen, masks)}


def test_the_command_compares_networks_on_a_corpus(tmp_path):
    body = load_body_model()
    corpus = corpus_of(made_people(skeleton_of(body)), tmp_path / "people")
    torch.manual_seed(0)
    for name, without in (("whole", []), ("blind", ["image", "features"])):
        save(build("baseline", body, TINY | {"without": without}), tmp_path / f"{name}.safetensors")
    words = ["eval", "evidence", "--data", str(corpus), "--people", "30"]
    for name in ("whole", "blind"):
        words += ["--network", f"{name}={tmp_path / name}.safetensors"]
    assert main([*words, "--json", str(tmp_path / "out.json")]) == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    rows = [r for r in figures["rows"] if r["subset"] == "all"]
    # Evidence is withheld from the first network only; the second never had some.
    assert [(r["network"], r["without"]) for r in rows] == [
        *(("whole", kind) for kind in WITHHELD),
        ("blind", "nothing"),
    ]
    assert {r["n"] for r in rows} == {30 * 23} and "worse_mm" not in rows[0]
    errors = {(r["network"], r["without"]): r["mpjpe_mm"] for r in rows}
    worse = {(r["network"], r["without"]): r["worse_mm"] for r in rows[1:]}
    for key, gap in worse.items():
        assert gap == pytest.approx(errors[key] - errors["whole", "nothing"], abs=1e-3)
    assert worse["whole", "maps"] != 0 and worse["blind", "nothing"] != 0


def test_errors_and_differences_are_those_that_were_made(rows):
    mean = 1e3 * Made.SIGMA * np.sqrt(8 / np.pi)  # of the length of a normal vector in space
    assert rows["nothing", "all"]["mpjpe_mm"] == pytest.approx(mean, rel=0.03)
    assert rows["nothing", "all"]["n"] == 23 * PEOPLE
    for kind in ("keypoints", "landmarks", "maps and landmarks"):
        row = rows[kind, "wrist"]
        assert row["worse_mm"] == pytest.approx(2 * mean, rel=0.1)
        low, high = row["ci95"]["worse_mm"]
        assert 0 < low < row["worse_mm"] < high
        assert row["more_percent"] == pytest.approx(200, abs=1)
        assert rows[kind, "knee"]["worse_mm"] == 0
    assert rows["image and features", "all"]["worse_mm"] == 0
    assert "worse_mm" not in rows["nothing", "all"]
    assert rows["nothing", "hidden"]["n"] == PEOPLE
    assert "pelvis" not in {subset for _, subset in rows}


def test_coverage_is_that_of_the_predicted_regions(rows):
    assert rows["nothing", "all"]["coverage90"] == pytest.approx(0.9, abs=0.015)
    assert rows["keypoints", "wrist"]["coverage90"] < 0.3
    # Temperatures belong to the prediction.
    wide = answers(Made((2.0, 1.0)), batches())
    assert np.mean(wide.quantile[:, 1:] <= 0.9) > 0.99


def test_small_subsets_say_nothing_and_are_left_out():
    visibility = np.full((29, 24), VISIBLE)
    masks = subsets(visibility, np.zeros((29, 24), int))
    assert "hidden" not in masks and "neck" not in masks and masks["wrist"].sum() == 58
