"""`hmr eval factorized`: the ablation table of arms whose samples are known, and its command."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_films import made_film  # noqa: E402
from made_people import made_people  # noqa: E402
from test_models_contract import TINY  # noqa: E402

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.films import FILMS, VERSION, write_film  # noqa: E402
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE  # noqa: E402
from hmr_ros.evaluation.bootstrap import mean_interval  # noqa: E402
from hmr_ros.evaluation.factorized_arms import (  # noqa: E402
    DROPPED,
    GOALS,
    GUIDANCE,
    KEPT,
    WITHOUT_SAMPLES,
    Arm,
    asked,
    lines,
    table,
    versus,
)
from hmr_ros.evaluation.factorized_over_time import (  # noqa: E402
    AGAINST,
    ONE_IMAGE,
    STREAMING,
    streamed,
)
from hmr_ros.evaluation.followed_films import bodies_of, truth_of  # noqa: E402
from hmr_ros.evaluation.samples import ROUNDS, STEPS, nearest_pose  # noqa: E402
from hmr_ros.evaluation.subsets import TORSO as SPINE  # noqa: E402
from hmr_ros.geometry.camera_pose import LEVEL  # noqa: E402
from hmr_ros.models.factorized_state import DISTAL, LIMBS, body_of  # noqa: E402
from hmr_ros.models.several_samples import noise_of  # noqa: E402
from hmr_ros.models.weights import build, load, save  # noqa: E402
from hmr_ros.training.baseline_task import tensors  # noqa: E402
from hmr_ros.training.simulated_people import SimulatedPeople, without_picture  # noqa: E402
from hmr_ros.walk import Walk  # noqa: E402

PEOPLE = 300
SMALL = {
    "width": 32,
    "heads": 2,
    "layers": [1, 1],
    "field_layers": 1,
    "without": ["image", "heatmaps", "mask", "features", "world"],
}


@pytest.fixture(scope="module")
def visibility():
    return np.where(np.random.default_rng(0).random((PEOPLE, 24)) < 0.5, HIDDEN, VISIBLE)


@pytest.fixture(scope="module")
def arms(visibility):
    """Errors about a mean, all arms with the same noise; samples spread 3 times where hidden."""
    noise = np.random.default_rng(1).uniform(0.9, 1.1, (PEOPLE, 24))

    def arm(mm, excess, best=None, apart=None):
        own = None if best is None else np.where(visibility == HIDDEN, 0.09, 0.03) ** 2
        return Arm(
            1e-3 * mm * noise,
            np.full(PEOPLE, excess),
            None if best is None else 1e-3 * best * noise,
            own,
            None if apart is None else np.full((PEOPLE, 12), 1e-3 * apart),
            None if best is None else np.full(PEOPLE, 1e-8),
        )

    regressor, resting = WITHOUT_SAMPLES
    found = {regressor: arm(100, 0.4), resting: arm(150, 0.0)}
    found |= {"torso flows": arm(200, 0.2, 90, 12), "rotations": arm(125, 0.2, 80)}
    found |= {"whole": arm(120, 0.1, 60, 12), "whole: estimate": arm(98, 0.3)}
    found |= {KEPT: arm(110, 0.1, 70, 12), DROPPED: arm(121, 0.1, 70, 12)}
    found |= {f"whole, {s} steps": arm(120, 0.1, 60 - s / 10, 12) for s in STEPS if s != 4}
    found |= {GOALS[0]: arm(90, 0.1), GOALS[1]: arm(50, 0.1)}
    return found


NETWORKS = "torso flows", "rotations", "whole"


def test_all_networks_answer_about_the_same_people_from_the_same_noise():
    """Told by one network under two names, and by the rows that it has as the whole method."""
    body = load_body_model()
    torch.manual_seed(0)
    network = build("factorized", body, SMALL | {"unanchored": True}).eval()
    people = tensors(*(part[:12] for part in made_people(network.skeleton)))
    poses = people["rotations"].flip(0)[:6, list(LIMBS)]
    found = asked({"one": network, "whole": network}, [people], poses)
    assert {"+ guidance 2", "whole: estimate", *GOALS} < set(found)
    one, whole = found["one"], found["whole"]
    for name in ("sample", "best", "square", "apart", "excess", "moved"):
        np.testing.assert_array_equal(getattr(one, name), getattr(whole, name))
    noise = noise_of(12, torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, told = network.told(people)
        for name, how in ((KEPT, {}), (DROPPED, {"keep_anchor": False})):
            states = [network.sample(told, n, guidance=GUIDANCE, **how) for n in noise]
            joints = torch.stack([body_of(network.skeleton, s).joints for s in states])
            off = (joints - people["joints"]).norm(dim=-1).mean(0)
            np.testing.assert_allclose(found[name].sample, off.numpy(), atol=1e-6)
    assert np.abs(found[KEPT].sample - found[DROPPED].sample).max() > 1e-4
    # How far limbs are from known poses is counted beyond the true ones.
    far = (nearest_pose(r, poses) for r in (first.rotations, people["rotations"]))
    excess = np.subtract(*(f.numpy() for f in far))
    np.testing.assert_allclose(found[WITHOUT_SAMPLES[0]].excess, excess, atol=1e-6)


def test_every_row_is_compared_with_what_it_adds_to_or_lacks(arms, visibility):
    rows = {row["arm"]: row for row in table(arms, versus(arms, NETWORKS), visibility)}
    against = {name: row["versus"] for name, row in rows.items() if "versus" in row}
    assert against == {
        "anchor + mean limbs": "regressor",
        "torso flows": "whole",
        "rotations": "whole",
        "whole: estimate": "regressor",
        KEPT: "whole",
        DROPPED: KEPT,
        "whole, 1 steps": "whole",
        "whole, 2 steps": "whole",
        "whole, 20 steps": "whole",
        GOALS[1]: GOALS[0],
    }
    for name, other in against.items():
        gap = rows[name]["hidden_mm"] - rows[other]["hidden_mm"]
        assert rows[name]["change"]["hidden_mm"][0] == pytest.approx(gap, abs=1e-9)


def test_rows_have_their_figures_and_how_they_change(arms, visibility):
    rows = {row["arm"]: row for row in table(arms, versus(arms, NETWORKS), visibility)}
    whole, rotations = rows["whole"], rows["rotations"]
    assert whole["hidden_mm"] == pytest.approx(120, rel=0.01)
    low, high = whole["ci95"]["hidden_mm"]
    assert low < whole["hidden_mm"] < high
    assert whole["spread_hidden_mm"] == pytest.approx(90, rel=1e-6)
    assert whole["apart_mm"] == pytest.approx(12) and "apart_mm" not in rotations
    # The same noise in both: the difference is known better than either.
    value, low, high = rotations["change"]["visible_mm"]
    assert value == pytest.approx(5, rel=0.01) and high - low < 0.1
    assert "best8_hidden_mm" not in rows["anchor + mean limbs"]
    assert not rows["regressor"]["change"] and not whole["change"]


def test_lines_compare_with_the_network_that_lacks_the_part(arms, visibility):
    def network(anchored=True, positions=True):
        return SimpleNamespace(config=SimpleNamespace(anchored=anchored, positions=positions))

    networks = {"torso flows": network(False), "rotations": network(True, False)}
    found = lines(arms, networks | {"whole": network()}, visibility)
    values = {(r["figure"], r["subset"]): r["value"] for r in found}
    assert values["torso, largest difference to stage one", ""] == pytest.approx(1e-8)
    assert values["estimate / regressor", "all"] == pytest.approx(0.98)
    assert values["best of 8 / regressor", "distal hidden"] == pytest.approx(0.6)
    assert values["excess distance to poses, sample / regressor", "limbs"] == pytest.approx(0.25)
    assert values["sample / torso flows", "torso"] == pytest.approx(0.6)
    assert values["sample / rotations", "distal visible"] == pytest.approx(0.96)
    assert values["spread, hidden / visible", "distal"] == pytest.approx(3)
    assert values["best of 8, 4 / 20 steps", "distal hidden"] == pytest.approx(60 / 58)
    assert values["disagreement of the views, mm", "distal"] == pytest.approx(12)
    assert values["anchor + mean limbs / estimate", "all"] == pytest.approx(150 / 98)
    assert values["guidance that drops the anchor / keeps it", "distal"] == pytest.approx(1.1)
    # What is wanted is what the method must reach.
    wanted = {r["figure"]: r["wanted"] for r in found if r["wanted"]}
    assert wanted == {
        "torso, largest difference to stage one": "<= 1e-6",
        "estimate / regressor": "<= 1.03",
        "anchor + mean limbs / estimate": ">= 1.15",
        "best of 8 / regressor": "<= 0.70",
        "spread, hidden / visible": ">= 2",
        "best of 8, 4 / 20 steps": "<= 1.05",
        "disagreement of the views, mm": "<= 15",
        "excess distance to poses, sample / regressor": "<= 0.6",
        "sample / torso flows": "<= 0.75",
        "sample / rotations": "<= 0.97",
        "guidance that drops the anchor / keeps it": "> 1",
    }
    # Without networks to compare with, their lines are left out, and without an arm its own.
    kept = {name: arm for name, arm in arms.items() if name != DROPPED}
    alone = {r["figure"] for r in lines(kept, {"whole": network()}, visibility)}
    assert not any(name.startswith(("sample /", "guidance")) for name in alone)


class Perfect:
    """Stands for the network over time: its bodies are the true ones."""

    def __init__(self, film) -> None:
        self.film = film

    def reset(self) -> None:
        self.t = -1

    def __call__(self, bodies, ids, camera, stamp, pose=None):
        (t,) = np.flatnonzero(self.film.stamps == stamp)
        true = self.film.true_rotations[t, ids]
        joints = truth_of(self.film, load_body_model(), 0).joints[t, ids] + [0, 0, 0.3]
        walk = Walk(np.zeros((len(ids), 3)), np.zeros((len(ids), 6)), LEVEL, np.zeros(3), True)
        made = bodies.replace(global_orient=true[:, 0], body_pose=true[:, 1:], joints=joints)
        return made, walk


def test_looking_back_is_told_of_people_in_films_by_people():
    film = replace(made_film(8, people=3), true_visibility=np.full((8, 3, 24), VISIBLE, np.uint8))
    film.true_visibility[:, :, 20] = HIDDEN
    poses = torch.from_numpy(film.true_rotations[0, :, list(LIMBS)]).transpose(0, 1)
    body = load_body_model()
    arms, visibility = streamed([film, film], body, Perfect(film), poses)
    assert list(arms) == [ONE_IMAGE, STREAMING]
    assert len(visibility) == 2 * film.seen.sum() == len(arms[STREAMING].sample)
    assert arms[STREAMING].sample.max() < 1e-5 and abs(arms[STREAMING].excess).max() < 1e-3
    first = bodies_of(film, body, 0, np.flatnonzero(film.seen[0]))
    true = truth_of(film, body, 0).joints[0, film.seen[0]]
    off = (first.joints - first.joints[:, :1]) - (true - true[:, :1])
    own = arms[ONE_IMAGE].sample[: len(off)]
    np.testing.assert_allclose(own, np.linalg.norm(off, axis=-1), atol=1e-5)
    one, more = table(arms, AGAINST, visibility)
    assert (one["people"], more["people"], more["versus"]) == (6, 6, ONE_IMAGE)
    assert more["change"]["hidden_mm"][0] == pytest.approx(-one["hidden_mm"], abs=0.01)
    assert one["hidden_mm"] == pytest.approx(1e3 * arms[ONE_IMAGE].sample[:, 20].mean(), rel=1e-6)
    # Frames of one person err together: two films that are alike tell no more than people do.
    values, who = 1e3 * arms[ONE_IMAGE].sample, arms[ONE_IMAGE].person
    torso, rounds = np.broadcast_to(np.isin(np.arange(24), SPINE), values.shape), {"rounds": ROUNDS}
    by_people = list(mean_interval(values, torso, who, **rounds)[1:3])
    assert one["ci95"]["torso_mm"] == by_people != list(mean_interval(values, torso, **rounds)[1:3])
    assert "best8_hidden_mm" not in one


def test_the_shipped_network_keeps_the_torso_and_its_two_views_of_a_limb_agree(shared_data):
    """On people whom it was not trained for: simulated keypoints alone."""
    body = load_body_model()
    network = load(asset("weights", "factorized.safetensors"), body, "factorized")
    source = SimulatedPeople(body, shared_data / "motions.npz", "val", 1.0)
    side = network.config.backbone.image
    people = without_picture(source.draw(40, torch.Generator().manual_seed(0)), side)
    found = asked({"factorized": network}, [people], people["rotations"][:, list(LIMBS)])
    assert found["factorized"].moved.max() <= 1e-6
    assert 1e3 * found["factorized"].apart.mean() <= 15
    hidden = (people["visibility"] == HIDDEN).numpy() & np.isin(np.arange(24), DISTAL)
    best, regressor = found["factorized"].best, found[WITHOUT_SAMPLES[0]].sample
    assert best[hidden].mean() <= 0.7 * regressor[hidden].mean()


def test_the_command_tables_networks_and_writes_the_report(tmp_path, capsys, shared_data):
    command = ["eval", "factorized", "--motions", str(shared_data / "motions.npz"), "--people", "6"]
    for name, more in (("rotations", {"positions": False}), ("whole", {})):
        torch.manual_seed(0)  # the same stage one
        save(build("factorized", load_body_model(), SMALL | more), tmp_path / f"{name}.safetensors")
        command += ["--network", f"{name}={tmp_path / name}.safetensors"]
    command += ["--known", "50", "--json", str(tmp_path / "a.json")]
    films = tmp_path / "films"
    FILMS.begin(films, {"version": VERSION, "split": "val", "seed": 0})
    write_film(films, 0, made_film(5))
    command += ["--films", str(films)]
    assert main([*command, "--html", str(tmp_path / "a.html")]) == 0
    found = json.loads((tmp_path / "a.json").read_text())
    rows = {row["arm"]: row for row in found["rows"]}
    assert list(rows)[:4] == [*WITHOUT_SAMPLES, "rotations", "whole"]
    # Nothing is learned: limbs end nearly where stage one has them, on its torso.
    estimate, regressor = rows["whole: estimate"], rows["regressor"]
    assert estimate["hidden_mm"] == pytest.approx(regressor["hidden_mm"], rel=0.1)
    for other in (estimate, rows["whole"]):
        assert other["torso_mm"] == pytest.approx(regressor["torso_mm"], rel=1e-6)
    turn, reach = (rows[name] for name in GOALS)
    assert reach["visible_mm"] < turn["visible_mm"]
    # Nobody was trained without an anchor, so what dropping it would do is not asked.
    assert KEPT in rows and DROPPED not in rows
    page = (tmp_path / "a.html").read_text()
    assert "views apart" in page and "To be reached" in page and STREAMING in page
    assert rows[STREAMING]["versus"] == ONE_IMAGE and rows[STREAMING]["people"] == 2
    assert "whole: estimate" in capsys.readouterr().out
    # A stage one that reads pictures is shown empty ones, of its size.
    save(build("factorized", load_body_model(), TINY), tmp_path / "pictured.safetensors")
    words = [*command[:4], "--people", "2", "--known", "9", "--network"]
    assert main([*words, f"pictured={tmp_path / 'pictured.safetensors'}"]) == 0
    # Another stage one is another regressor to be compared with.
    save(build("factorized", load_body_model(), SMALL), tmp_path / "other.safetensors")
    assert main([*command, "--network", f"other={tmp_path / 'other.safetensors'}"]) == 2
    assert "stands on another stage one than 'rotations'" in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["whole", "regressor", GOALS[0], KEPT, "last: estimate"])
def test_rows_of_the_same_name_are_refused(capsys, taken):
    words = [f"{name}=nowhere" for name in (taken, "whole", "last")]
    command = ["eval", "factorized", "--motions", "nowhere"]
    assert main([*command, *(w for word in words for w in ("--network", word))]) == 2
    assert f"two rows would be named {taken!r}" in capsys.readouterr().err
