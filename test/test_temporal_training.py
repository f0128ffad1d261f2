"""What the network over time is trained on, and what is done to it before it is released."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_films import made_film, swinging
from scipy import stats

from hmr_ros.assets import asset
from hmr_ros.body.model import load_body_model
from hmr_ros.cli.main import main
from hmr_ros.data.films import FILMS, VERSION, FilmError, write_film
from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.models.factorized import SAMPLES
from hmr_ros.models.factorized_state import DISTAL
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.weights import build
from hmr_ros.runtime.sampling import PRIOR
from hmr_ros.training.film_making import FilmDrawing
from hmr_ros.training.film_stand_in import by_stand_in
from hmr_ros.training.followed_people import batch_of, corrected, one_person, whole
from hmr_ros.training.temporal_losses import Weights, losses, posed
from hmr_ros.training.temporal_release import calibrate, calibrate_samples, keep_what_helps

TINY = {"width": 32, "heads": 2, "layers": 1, "expand": 2, "window": 8}


@pytest.fixture(scope="module")
def skeleton():
    return build("temporal", load_body_model(), TINY).skeleton


class Told:
    """Stands for a network: answers what ``answer`` makes of a batch."""

    def __init__(self, skeleton, answer) -> None:
        self.skeleton, self.answer = skeleton, answer
        self.temperature, self.corrected = torch.ones(2), torch.zeros(2)

    def __call__(self, batch):
        return self.answer(batch)


def truth(batch: dict) -> dict:
    """What is true of ``made_films.swinging``: the velocity in the odometry frame, and that both
    feet, but no wrist, rest."""
    back = batch["true_camera"].transpose(-1, -2)
    root = (back @ batch["true_pelvis"][..., None])[..., 0]
    speed = root.diff(dim=1, prepend=root[:, :1]) / batch["elapsed"].clamp(min=1e-2)[..., None]
    turned = batch["true_camera"] @ speed[..., None]
    rest = torch.tensor([20.0, 20, 20, 20, -20, -20])
    return {
        "rotations": batch["true_rotations"],
        "betas": batch["true_betas"],
        "pelvis": batch["true_pelvis"],
        "joint_factor": torch.ones_like(batch["joint_std"]),
        "velocity": (batch["camera_rotation"].transpose(-1, -2) @ turned)[..., 0],
        "resting": rest.expand(*root.shape[:2], 6),
    }


def test_the_truth_costs_nothing_and_each_lie_does(skeleton):
    batch = batch_of([swinging(load_body_model())], 12)
    weights = replace(Weights(), sliding=1.0, velocity=1.0)

    def terms(**lies) -> dict[str, float]:
        def answer(batch):
            return truth(batch) | {name: lie(batch) for name, lie in lies.items()}

        network = Told(skeleton, answer)
        said = losses(network, network(batch), batch, weights)
        return {k: v.item() for k, v in said.items() if k != "spread"}

    told = terms()
    # The foot swings about its own tip: a resting foot may be as quick as 0.2 m/s.
    assert 0 < told.pop("sliding") < 0.1
    assert all(value < 2e-3 for value in told.values()), told  # a distance is 1e-4 at least
    backwards = terms(velocity=lambda b: -truth(b)["velocity"])
    assert backwards["velocity"] > 0.2 and backwards["sliding"] > 0.7
    assert terms(resting=lambda b: -truth(b)["resting"])["resting"] > 0.5
    assert terms(betas=lambda b: b["true_betas"] + 1)["betas"] == pytest.approx(Weights().betas)
    further = terms(pelvis=lambda b: 1.1 * b["true_pelvis"])
    assert further["place"] > 0.05 and further["velocity"] < 1e-4
    still = terms(rotations=lambda b: b["true_rotations"][:, :1].expand_as(b["true_rotations"]))
    assert still["motion"] > 1e-2 and still["joints"] > 1e-2 and still["rotations"] > 1e-3


def test_only_corrections_that_help_are_kept(skeleton):
    """Shape comes nearer to the truth and place goes away from it, then the other way round."""
    film = made_film()
    person = one_person(replace(film, pelvis=film.true_pelvis + 0.1), 0)
    for nearer, kept in (("betas", [1, 0]), ("pelvis", [0, 1])):

        def answer(batch, nearer=nearer):
            found = {"betas": batch["betas"] + 1.0, "pelvis": batch["pelvis"] + 1.0}
            return found | {nearer: batch[f"true_{nearer}"] + 1e-4}

        network = Told(skeleton, answer)
        keep_what_helps(network, SimpleNamespace(held_out=[person]))
        assert network.corrected.tolist() == kept


def test_ninety_per_cent_of_the_joints_lie_in_regions_of_ninety_per_cent(skeleton):
    film = made_film(frames=60)
    likely = np.where(film.true_visibility == VISIBLE, 0.9, 0.2).astype(np.float32)
    person = one_person(replace(film, joint_cov=4 * film.joint_cov, visibility=likely), 0)

    def answer(batch):
        return {
            "rotations": batch["rotations"],
            "betas": batch["betas"],
            "joint_factor": torch.ones_like(batch["joint_std"]),
        }

    network = Told(skeleton, answer)
    calibrate(network, SimpleNamespace(held_out=[person]))
    batch = whole(person)
    off = posed(network, batch["rotations"], batch["betas"])
    off = off - posed(network, batch["true_rotations"], batch["true_betas"])
    seen, hidden = network.temperature
    share = batch["visibility"]
    variance = (share * seen**2 + (1 - share) * hidden**2) * batch["joint_std"] ** 2
    inside = (off.square().sum(-1) <= stats.chi2.ppf(0.9, 3) * variance)[0, :, 1:]
    visible = (batch["true_visibility"] == VISIBLE)[0, :, 1:]
    assert inside[visible].float().mean().item() == pytest.approx(0.9, abs=0.01)
    assert inside[~visible].float().mean().item() == pytest.approx(0.9, abs=0.01)


def test_regions_by_samples_hold_as_many_of_the_joints_that_samples_move(skeleton):
    film = made_film(frames=60)
    likely = np.where(film.true_visibility == VISIBLE, 0.9, 0.2).astype(np.float32)
    person = one_person(replace(film, joint_cov=4 * film.joint_cov, visibility=likely), 0)
    batch, distal = whole(person), list(DISTAL)

    def answer(batch):
        told = {"token": torch.zeros(*batch["betas"].shape[:2], 4)}
        told["pose"] = torch.zeros(*batch["betas"].shape[:2], 144)
        own = {name: batch[name] for name in ("rotations", "betas")}
        return told | own | {"joint_factor": torch.ones_like(batch["joint_std"])}

    network = Told(skeleton, answer)
    network.sample_temperature = torch.ones(2)
    network.flow = SimpleNamespace(sampled=lambda token, pose, noise, *how: 0.3 * noise)
    calibrate_samples(network, SimpleNamespace(held_out=[person]))
    # The same by hand: one sample after the other, one joint of one frame after the other.
    frames = {name: value[0] for name, value in answer(batch).items()}
    noise = torch.randn(SAMPLES, SIZE, generator=torch.Generator().manual_seed(0))
    joints = sampled_joints(network, frames, noise).numpy()
    own = posed(network, batch["rotations"], batch["betas"])[0].numpy()
    true = posed(network, batch["true_rotations"], batch["true_betas"])[0].numpy()
    visible, held = (batch["true_visibility"] == VISIBLE)[0].numpy(), np.zeros(own.shape[:2], bool)
    seen, hidden = network.sample_temperature.numpy()
    assert 1 < seen < 4 and 1 < hidden < 4, "neither is at the end of its range"
    for t in range(len(own)):
        for j in distal:
            apart = joints[:, t, j] - own[t, j]
            cov = (apart.T @ apart + PRIOR * 0.04 * np.eye(3)) / (SAMPLES + PRIOR)
            share = person["visibility"][t, j]
            cov *= share * seen**2 + (1 - share) * hidden**2
            off = own[t, j] - true[t, j]
            held[t, j] = off @ np.linalg.solve(cov, off) <= stats.chi2.ppf(0.9, 3)
    for which in (visible, ~visible):
        assert held[:, distal][which[:, distal]].mean() == pytest.approx(0.9, abs=0.01)


def test_films_followed_with_different_weights_are_not_mixed(tmp_path):
    made = {"version": VERSION, "split": "train"}
    bodies = {"estimator": "baseline", "weights_sha256": "a" * 64, "refine_steps": 3}
    bodies["calibration"] = {"joints": [1.0, 1.1]}
    others = {"c": {"weights_sha256": "c" * 64}, "d": {"calibration": {"joints": [1.0, 2.0]}}}
    for name in "abcd":
        said = bodies | others.get(name, {})
        FILMS.begin(tmp_path / name, made | {"bodies": said})
        write_film(tmp_path / name, 0, made_film())
    FILMS.begin(tmp_path / "silent", made)
    # What a folder of films is told of the product that follows its people.
    drawn = FilmDrawing(by_stand_in, tmp_path / "motions.npz", "train").manifest()["bodies"]
    of_frames = json.loads(asset("weights", "baseline.json").read_text())["calibration"]
    assert drawn["calibration"].items() <= of_frames.items() and drawn["calibration"]["place"] > 1
    assert corrected([tmp_path / "a", tmp_path / "b"]) == bodies
    for other in ("c", "d", "silent"):
        with pytest.raises(FilmError, match="same weights"):
            corrected([tmp_path / "a", tmp_path / other])
    with pytest.raises(FilmError, match="same weights"):
        corrected([tmp_path / "silent"])


def test_an_export_without_people_to_calibrate_on_is_refused_first(tmp_path, capsys):
    words = ["train", "temporal", "--films", str(tmp_path / "none"), "--export", str(tmp_path)]
    assert main(words) == 2
    assert "--export needs --val" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(400)
def test_from_films_to_a_network_that_runs(shared_data, tmp_path):
    """Drawn, followed, released untrained and compared with torch, and played back."""
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    from hmr_ros.evaluation.followed_films import replayed
    from hmr_ros.evaluation.synocc.video_rows import video_rows
    from hmr_ros.models.weights import load as load_weights
    from hmr_ros.parameters import validated
    from hmr_ros.runtime.temporal import Temporal
    from hmr_ros.runtime.temporal_export import compare
    from hmr_ros.training.film_making import draw_films
    from hmr_ros.training.model_card import Origin
    from hmr_ros.training.temporal_release import release
    from hmr_ros.training.temporal_task import load

    motions = shared_data / "motions.npz"
    for split in ("train", "val"):
        drawing = FilmDrawing(by_stand_in, motions, split, seed=3, frames=12)
        assert list(draw_films(drawing, tmp_path / split, 2)) == [0, 1, 2]
    settings = {"films": [str(tmp_path / "train")], "val": str(tmp_path / "val")}
    task = load(settings | {"batch": 2, "frames": 10, "network": TINY}, 0, 0, 1)
    torch.manual_seed(0)
    network = task.network()
    with torch.no_grad():
        for value in network.parameters():
            value += 0.02 * torch.randn_like(value)
    terms = task.losses(network, task.batch(0), 0)
    assert all(torch.isfinite(value) for value in terms.values())
    origin = Origin(command="hmr train temporal", data="films", steps=1, batch=2, seed=0)
    release(network.eval(), task, tmp_path / "weights", origin)
    described = json.loads((tmp_path / "weights" / "temporal.json").read_text())
    path = tmp_path / "weights" / "temporal.onnx"
    kept = load_weights(path.with_suffix(".safetensors"), task.body, "temporal")
    assert described["largest_difference_to_torch_m"] == compare(kept, path)[0] < 1e-4
    told = described["field"]["temperature"]
    assert told == pytest.approx(kept.sample_temperature.tolist(), abs=1e-4) and 1.0 not in told
    assert described["corrects"] == FILMS.manifest(tmp_path / "train")["bodies"]
    assert "mpjpe_frame_mm" in (tmp_path / "weights" / "temporal.md").read_text()

    body = load_body_model()
    stage = Temporal(body, str(path))
    assert stage.shapes["keys"] == (1, 7, 32)
    stages = {"frames": (validated({"smoothing": False}), None), "temporal": (validated(), stage)}
    rows = video_rows(replayed(tmp_path / "val", body, stages))
    assert {row["model"] for row in rows} == set(stages)
    assert all(np.isfinite(row["mpjpe_mm"]) and "fps" not in row for row in rows)
