"""What FactorizedHMR is trained on: terms that vanish at the truth, and who counts in which."""

import importlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_people import PEOPLE, corpus_of, made_people  # noqa: E402
from test_models_contract import TINY  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.data.joint_visibility import VISIBLE  # noqa: E402
from hmr_ros.evaluation.samples import drawn, mean_of  # noqa: E402
from hmr_ros.models import flow, weights  # noqa: E402
from hmr_ros.models.configs import read_config  # noqa: E402
from hmr_ros.models.factorized_state import (  # noqa: E402
    DISTAL,
    SIZE,
    body_of,
    positions_of,
    split,
    state_of,
)
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.models.reaching import least_turn  # noqa: E402
from hmr_ros.person_crops import INPUTS  # noqa: E402
from hmr_ros.training import (  # noqa: E402
    baseline_keypoints_task,
    baseline_task,
    crop_release,
    factorized_keypoints_task,
    factorized_losses,
    factorized_task,
)
from hmr_ros.training.arms import ARMS  # noqa: E402
from hmr_ros.training.baseline_keypoints_task import PICTURED  # noqa: E402
from hmr_ros.training.factorized_figures import sample_figures  # noqa: E402
from hmr_ros.training.factorized_losses import Draw, Weights, draw, goal_of, losses  # noqa: E402
from hmr_ros.training.loop import Training  # noqa: E402
from hmr_ros.training.losses import target  # noqa: E402
from hmr_ros.training.recipe import FOLDER, Recipe, read_recipe  # noqa: E402


@pytest.fixture(scope="module")
def skeleton():
    return skeleton_of(load_body_model())


@pytest.fixture(scope="module")
def people(skeleton):
    return made_people(skeleton)


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory):
    return corpus_of(people, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def anchor(tmp_path_factory):
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("anchor") / "baseline.safetensors"
    weights.save(weights.build("baseline", load_body_model(), TINY), path)
    return path


@pytest.fixture(scope="module")
def task(folder, anchor):
    settings = {"data": str(folder), "held_out": 8, "batch": 8, "network": {"field_layers": 1}}
    return factorized_task.load(settings | {"anchor": str(anchor)}, seed=1, rank=0, world=1)


@pytest.fixture(scope="module")
def truth(people, skeleton):
    batch = baseline_task.tensors(*people)
    _, landmarks = skeleton(batch["rotations"], batch["betas"])
    return target(batch | {"landmarks": landmarks})


def test_true_limbs_on_any_anchor_are_where_they_truly_are(task, truth):
    network = task.network()
    whole = state_of(network.skeleton, truth.rotations, truth.betas, truth.place, truth.joints)
    known = flow.known_kept(torch.zeros_like(whole), whole, network.mask)
    data, goal = goal_of(network, truth, known)
    assert torch.allclose(data, whole, atol=1e-5)
    assert torch.allclose(goal.joints, truth.joints, atol=1e-5)
    # An anchor that leans: both views are of the same limbs, which reach for the true ones.
    leaning = known + 0.2 * torch.randn(known.shape) * (1 - network.mask)
    limbs, distal = network.mask[:144] > 0, list(DISTAL)
    data, goal = goal_of(network, truth, leaning)
    body = body_of(network.skeleton, data)
    reached = body.joints[:, distal]
    for name in ("rotations", "joints", "landmarks"):
        assert torch.allclose(getattr(goal, name), getattr(body, name), atol=1e-5)
    assert torch.allclose(positions_of(network.skeleton, data), reached, atol=1e-5)
    # As they truly turn, they end up farther from the truth, which the other view has.
    turned, goal = goal_of(network, truth, leaning, reach=False)
    assert goal is truth
    assert torch.allclose(turned[:, :144][:, limbs], whole[:, :144][:, limbs], atol=1e-6)
    true = truth.joints[:, distal]
    assert torch.allclose(positions_of(network.skeleton, turned), true, atol=1e-5)
    off = (body_of(network.skeleton, turned).joints[:, distal] - true).norm(dim=-1).mean()
    assert (reached - true).norm(dim=-1).mean() < 0.5 * off
    for state in (data, turned):
        assert torch.equal(state[:, network.mask == 0], leaning[:, network.mask == 0])


def test_the_truth_has_no_geometric_loss_and_errors_have_theirs(task, truth, people):
    network, weights = task.network(), Weights()
    state = state_of(network.skeleton, truth.rotations, truth.betas, truth.place, truth.joints)
    scale, everyone = torch.full((PEOPLE,), 0.3), torch.ones(PEOPLE)
    body = body_of(network.skeleton, state)
    positions = positions_of(network.skeleton, state)

    def terms(positions, counts=everyone):
        return factorized_losses.body_terms(
            body, truth, scale, counts, weights
        ) | factorized_losses.position_terms(positions, body, truth, scale, counts, weights)

    assert all(v.item() < 3e-3 for v in terms(positions).values())
    # The left wrist of the auxiliary view 10 cm off, of half of the people.
    moved = positions.clone()
    moved[: PEOPLE // 2, DISTAL.index(20), 0] += 0.1
    found = terms(moved)
    expected = 0.1 / 2 / len(DISTAL)
    assert found["positions"].item() == pytest.approx(weights.positions * expected, rel=0.03)
    assert found["agree"].item() == pytest.approx(weights.agree * expected, rel=0.03)
    assert 0 < found["bones"].item() <= 2.05 * weights.bones * expected
    assert found["joints"].item() < 3e-3
    nobody = terms(moved, torch.zeros(PEOPLE))
    assert all(v.item() == 0 for v in nobody.values())


def test_a_turned_wrist_costs_what_it_turns_and_moves(task, truth):
    network, weights = task.network(), Weights()
    state = state_of(network.skeleton, truth.rotations, truth.betas, truth.place, truth.joints)
    body = body_of(network.skeleton, state)
    rotations = body.rotations.clone()
    rotations[:, 20] = rotations[:, 20] @ least_turn(*torch.eye(3)[:2].unsqueeze(1))
    joints, landmarks = network.skeleton(rotations, truth.betas)
    turned = replace(body, rotations=rotations, joints=joints, landmarks=landmarks)
    scale, everyone = torch.full((PEOPLE,), 0.3), torch.ones(PEOPLE)
    found = factorized_losses.body_terms(turned, truth, scale, everyone, weights)
    off = (rotations - truth.rotations)[:, 20].abs().mean().item()
    assert found["rotations"].item() == pytest.approx(weights.rotations * off / 16, rel=1e-3)
    # Only the hand hangs on it.
    moved = (joints - truth.joints)[:, 22].norm(dim=-1).mean().item()
    assert moved > 0.05
    assert found["joints"].item() == pytest.approx(weights.joints * moved / 24, rel=0.05)
    half = factorized_losses.body_terms(turned, truth, scale, 0.5 * everyone, weights)
    assert all(half[k].item() == pytest.approx(v.item() / 2) for k, v in found.items())


def chance(estimated, blind, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return Draw(
        noise=torch.randn(8, SIZE, generator=rng),
        t=torch.rand(8, generator=rng),
        estimated=torch.full((8,), estimated),
        blind=torch.full((8,), blind),
        unanchored=torch.full((8,), False),
    )


def test_each_person_counts_where_it_should(task):
    torch.manual_seed(0)
    network, batch = task.network().eval(), task.batch(0)
    inputs, truth = {name: batch[name] for name in INPUTS}, target(batch)

    def terms(chance):
        with torch.no_grad():
            return losses(network, inputs, truth, chance, Weights())

    estimate = terms(chance(True, False))
    assert estimate["flow"] == 0 and estimate["joints"] > 0
    # Neither noise nor time has a say in the estimate.
    again = terms(chance(True, False, seed=5))
    assert all(torch.equal(estimate[k], again[k]) for k in estimate)
    flowing = terms(chance(False, False))
    assert flowing["flow"] > 0 and flowing["joints"] > 0
    blind = terms(chance(False, True))
    assert blind["flow"] > 0 and blind["joints"] == blind["agree"] == 0


def test_geometry_counts_by_time_and_the_flow_in_units_of_its_noise(task):
    torch.manual_seed(0)
    network, batch = task.network().eval(), task.batch(0)
    inputs, truth = {name: batch[name] for name in INPUTS}, target(batch)
    asked = []

    def terms(t, estimated=False):
        who = replace(chance(estimated, False), t=torch.full((8,), t))
        who = replace(who, blind=torch.arange(8) < 4, unanchored=torch.arange(8) < 2)
        with torch.no_grad():
            return losses(network, inputs, truth, who, Weights())

    with torch.no_grad():
        data, _ = goal_of(network, truth, network.told(inputs)[1].anchor)
    # A velocity that leads 0.3 of the noise's deviation beyond the goal, whenever it is asked.
    beyond = data + 0.3 * network.noise_scale

    def velocity(state, t, told, without, unanchored):
        asked.append((without, unanchored))
        return (beyond - state) / (1 - t)[:, None]

    network.velocity = velocity
    early, late, estimate = terms(0.25), terms(0.5), terms(0.5, estimated=True)
    for name in set(early) - {"flow"}:
        assert late[name].item() == pytest.approx(2 * early[name].item(), rel=1e-3), name
        assert estimate[name].item() == pytest.approx(4 * early[name].item(), rel=1e-3), name
    for found, t in ((early, 0.25), (late, 0.5)):
        assert found["flow"].item() == pytest.approx(0.3 * (0.3 / (1 - t)) ** 2, rel=1e-3)
    without, unanchored = asked[0]
    assert without.tolist() == [1.0] * 4 + [0.0] * 4
    assert unanchored.tolist() == [1.0] * 2 + [0.0] * 6


def test_shares_of_chance():
    rng = torch.Generator().manual_seed(0)
    found = draw(20_000, 3, rng, estimated=0.5, blind=0.2, unanchored=0.25)
    assert found.estimated.float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert found.blind.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert found.unanchored.float().mean().item() == pytest.approx(0.025, abs=0.005)
    assert not (found.blind & found.estimated).any()
    assert not (found.unanchored & ~found.blind).any()


@pytest.mark.parametrize("arm", [name for name in ARMS if name != "full"])
def test_an_arm_differs_from_the_whole_method_where_it_says(folder, anchor, arm):
    settings = {"data": str(folder), "held_out": 8, "batch": 8}
    settings |= {"network": {"field_layers": 1, "tied": True}}
    settings |= {"anchor": str(anchor), "arm": arm, "unanchored": 0.5, "blind": 0.5}
    task = factorized_task.load(settings, seed=1, rank=0, world=1)
    torch.manual_seed(0)
    network, batch = task.network(), task.batch(0)
    terms = task.losses(network, batch, 0)
    sum(terms.values()).backward()
    learned = [p for n, p in network.named_parameters() if not n.startswith("anchor.")]
    assert all(p.grad is not None for p in learned)
    plain = arm in ("rotations", "composite")
    geometry = {
        k: v.item() for k, v in terms.items() if k not in ("flow", "rotations", "positions")
    }
    assert len(geometry) == (3 if arm == "rotations" else 6)
    assert all((v == 0) == plain for v in geometry.values())
    assert ("positions" in terms) == (arm != "rotations")
    # The same people teach the same rotations, unless joints are to turn as the true ones.
    whole = factorized_task.load(settings | {"arm": "full"}, seed=1, rank=0, world=1)
    same = whole.losses(network, batch, 0)["rotations"]
    assert torch.equal(same, terms["rotations"]) == (arm != "true-turns")
    assert task.settings.arm == arm and whole.settings.arm == "full"
    assert network.tied == (arm not in ("rotations", "untied"))
    flowing = network.mask.sum().item()
    assert flowing == {"unfactorised": 180, "one-stage": 180, "rotations": 96}.get(arm, 132)
    # Only without an anchor does a sample's torso move.
    with torch.no_grad():
        first, told = network.told(batch)
        state = network.sample(told, torch.randn(8, SIZE), 2)
        root = body_of(network.skeleton, state).rotations[:, 0]
    assert torch.allclose(root, first.rotations[:, 0], atol=1e-5) == network.config.anchored
    assert network.config.anchored == (arm not in ("unfactorised", "one-stage"))


def on_keypoints(motions, anchor, **more):
    settings = {"motions": str(motions), "batch": 16, "network": {"field_layers": 1}}
    settings |= {"anchor": str(anchor)} if anchor else {}
    return factorized_keypoints_task.load(settings | more, seed=1, rank=0, world=1)


@pytest.fixture(scope="module")
def blind_anchor(tmp_path_factory):
    """A stage one without parts for a picture."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("anchor") / "baseline_keypoints.safetensors"
    config = TINY | {"without": list(PICTURED)}
    weights.save(weights.build("baseline", load_body_model(), config), path)
    return path


def test_people_without_a_picture_train_stage_two(shared_data, blind_anchor, tmp_path, monkeypatch):
    monkeypatch.setattr(baseline_keypoints_task, "VALIDATION_PEOPLE", 20)
    monkeypatch.setattr(baseline_keypoints_task, "VALIDATION_BATCH", 10)
    task = on_keypoints(shared_data / "motions.npz", blind_anchor, unanchored=0.5)
    recipe = Recipe(steps=2, batch=16, warmup=1, validate_every=2)
    training = Training(task, recipe, tmp_path)
    before = training.network.field.out.detach().clone()
    *_, last = training.run()
    assert last.step == 2 and last.validation["best8_hidden_mm"] > 0
    assert not torch.equal(training.network.field.out, before)
    # The weights say that guidance may drop the anchor.
    assert training.network.config.unanchored
    trained = weights.load(blind_anchor, load_body_model(), "baseline").state_dict()
    found = training.network.anchor.state_dict()
    assert all(torch.equal(found[name], value) for name, value in trained.items())


def test_a_stage_one_that_needs_a_picture_is_refused_for_people_without(shared_data, anchor):
    for path, lacking in ((None, "heatmaps, features"), (anchor, "image, heatmaps, mask")):
        with pytest.raises(ValueError, match=f"reads {lacking}.*baseline_keypoints.*--anchor"):
            on_keypoints(shared_data / "motions.npz", path)


def test_weights_for_comparisons_do_not_take_the_place_of_those_for_use(
    shared_data, folder, anchor, blind_anchor, tmp_path
):
    """Nor do their files lie beside cards and graphs that are not theirs."""
    motions = shared_data / "motions.npz"
    start = {"network": TINY | {"without": list(PICTURED)}, "motions": str(motions), "batch": 8}
    corpus = {"data": str(folder), "held_out": 8, "batch": 8, "network": {"field_layers": 1}}
    corpus |= {"anchor": str(anchor), "arm": "rotations"}
    names = {
        "baseline_keypoints": baseline_keypoints_task.load(start, 1, 0, 1),
        "factorized_keypoints": on_keypoints(motions, blind_anchor, arm="composite"),
        "factorized-rotations": factorized_task.load(corpus, 1, 0, 1),
    }
    for name, task in names.items():
        module = importlib.import_module(type(task).__module__)
        module.release(task.network(), task, tmp_path / name, None)
        assert [p.name for p in (tmp_path / name).iterdir()] == [f"{name}.safetensors"]
        kind = name.partition("_")[0].partition("-")[0]
        weights.load(tmp_path / name / f"{name}.safetensors", load_body_model(), kind)


def test_recipes_of_the_arms_are_for_one_network():
    one, two = (read_recipe(FOLDER / f"{n}.yaml").task for n in ("arms-stage-one", "arms"))
    stage_one = read_config(baseline_keypoints_task.Settings, one)
    arm = read_config(factorized_keypoints_task.Settings, two)
    assert arm.arm == "full" and arm.plain == stage_one.plain and arm.unanchored > 0
    assert set(PICTURED) <= set(stage_one.network.without)


@pytest.mark.parametrize("name", ["factorized", "factorized-small", "factorized_keypoints",
                                  "factorized_keypoints-small"])  # fmt: skip
def test_recipes_train_the_whole_method(name):
    task = factorized_keypoints_task if "keypoints" in name else factorized_task
    settings = read_config(task.Settings, read_recipe(FOLDER / f"{name}.yaml").task)
    assert settings.arm == "full" and settings.network.tied


def test_an_unknown_arm_is_refused(folder, capsys):
    with pytest.raises(SystemExit):
        main(["train", "factorized", "--arm", "half"])
    assert "choose from" in capsys.readouterr().err
    with pytest.raises(ValueError, match="arm 'half' is unknown; known: full, untied, composite"):
        factorized_task.load({"data": str(folder), "arm": "half"}, seed=1, rank=0, world=1)


def test_stage_one_stays_as_it_was_trained(task, anchor, folder):
    trained = weights.load(anchor, load_body_model(), "baseline").state_dict()
    network, batch = task.network().train(), task.batch(0)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    sum(task.losses(network, batch, 0).values()).backward()
    optimizer.step()
    assert network.field.out.grad.any() and not network.config.unanchored
    found = network.anchor.state_dict()
    assert all(torch.equal(found[name], value) for name, value in trained.items())
    # Another stage one is another training.
    assert task.identity()["anchor"] != task.identity()["corpus"] and json.dumps(task.identity())
    with pytest.raises(ValueError, match="task.network sets width, but all sizes"):
        settings = {"data": str(folder), "network": {"width": 64}, "anchor": str(anchor)}
        factorized_task.load(settings, seed=1, rank=0, world=1)
    with pytest.raises(ValueError, match="does not exist; train one with: hmr train baseline"):
        factorized_task.load({"data": str(folder), "anchor": "nowhere"}, seed=1, rank=0, world=1)


def test_a_few_steps_learn_and_figures_are_told(task):
    torch.manual_seed(0)
    network = task.network().train()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    batch, sums = task.batch(0), []
    for _ in range(40):
        terms = task.losses(network, batch, 0)
        sums.append(sum(terms.values()).item())
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    assert sums[-1] < 0.9 * sums[0]
    figures = task.validate(network)
    assert {"mpjpe_mm", "best8_hidden_mm", "spread_visible_mm", "disagree_mm"} < set(figures)
    assert figures["best8_hidden_mm"] < figures["sample_hidden_mm"]
    json.dumps(task.identity())


def test_figures_of_samples_that_are_known(task, people):
    network = task.network().eval()
    batch = baseline_task.tensors(*people)
    with torch.no_grad():
        # A field that is nought everywhere: samples are their noise, the estimate is the neutral
        # body.
        network.velocity = lambda state, t, told, without=None: 0 * state
        figures = sample_figures(network, [batch], seed=3)
    noise = torch.randn(3000, SIZE) * network.noise_scale
    joints = body_of(network.skeleton, noise).joints[:, list(DISTAL)]
    spread = 1e3 * (joints - joints.mean(0)).square().sum(-1).mean().sqrt().item()
    for state in ("hidden", "visible"):
        # Eight samples and their own mean: an eighth less in the square.
        assert figures[f"spread_{state}_mm"] == pytest.approx(spread * (7 / 8) ** 0.5, rel=0.1)
        assert figures[f"best8_{state}_mm"] < figures[f"sample_{state}_mm"]
    apart = (split(noise)[1] - joints + positions_of(network.skeleton, 0 * noise)).norm(dim=-1)
    assert figures["disagree_mm"] == pytest.approx(1e3 * apart.mean().item(), rel=0.25)


def test_reference_people_lack_what_a_network_does_not_read(task):
    network = SimpleNamespace(config=SimpleNamespace(without=("features", "world")))
    found = crop_release.reference_inputs(network, task)
    (people,) = baseline_task.batches_of(task.val_corpus, task.people, task.people + 4)
    assert list(found) == list(INPUTS)
    for name, value in found.items():
        expected = people[name].numpy() * (name not in ("features", "world"))
        np.testing.assert_array_equal(value, expected)
        assert value.any() == (name not in ("features", "world"))


def test_calibrated_samples_hold_what_their_regions_promise(task, monkeypatch):
    torch.manual_seed(0)
    network, (people,) = task.network().eval(), task.sampled_people(torch.device("cpu"))
    visible, answer = people["visibility"] == VISIBLE, network.estimated

    def estimated(first, told):
        body = answer(first, told)
        body.visibility_logit = 40 * visible.float() - 20  # it knows what is seen
        return body

    monkeypatch.setattr(network, "estimated", estimated)
    crop_release.calibrate(network, task)
    poses = torch.eye(3).repeat(1, 16, 1, 1)
    quantile = drawn(network, [people], poses, mean_of(poses)).quantile[:, list(DISTAL)]
    for state in (visible, ~visible):
        held = quantile[state[:, list(DISTAL)].numpy()] <= 0.9
        assert held.mean() == pytest.approx(0.9, abs=1.5 / len(held))
