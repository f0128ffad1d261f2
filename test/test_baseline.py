"""The baseline at run time, and its data and losses in training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from made_bodies import CAMERA, somebody
from made_people import PEOPLE, SIZE, corpus_of, flat, made_people
from test_models_contract import TINY

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.frontend.description import nothing_in
from hmr_ros.models.lifter import Lifted
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.models.weight_file import digest_of
from hmr_ros.models.weights import build, load
from hmr_ros.people import no_people
from hmr_ros.person_crops import crops_of
from hmr_ros.runtime.answers import OUTPUTS, fingerprint
from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.backends.torch_backend import TorchBackend
from hmr_ros.runtime.baseline import Baseline, inputs_of
from hmr_ros.runtime.estimators import load_estimator
from hmr_ros.runtime.graph_file import GraphFile, Tensor, WeightsError, read_graph
from hmr_ros.training import baseline_task, losses
from hmr_ros.training.augmentation import Augmentation, augmented, covered, mirrored, missing
from hmr_ros.training.corpus import CorpusError
from hmr_ros.training.simulated_people import beside  # noqa: E402

NOTHING = Augmentation(**{f.name: 0.0 for f in dataclasses.fields(Augmentation)})


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def skeleton(body):
    return skeleton_of(body)


@pytest.fixture(scope="module")
def people(skeleton):
    return made_people(skeleton)


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory):
    return corpus_of(people, tmp_path_factory.mktemp("people"))


def task_of(folder, world=1, rank=0, **settings):
    values = {"data": str(folder), "held_out": 8, "batch": 8, "network": TINY} | settings
    return baseline_task.load(values, seed=1, rank=rank, world=world)


def test_a_mirrored_person_is_the_mirrored_body(people, skeleton):
    batch = baseline_task.tensors(*people)
    seen = mirrored(batch)
    joints, landmarks = skeleton(seen["rotations"], seen["betas"])
    # The mean body is not quite symmetric.
    assert (joints - seen["joints"]).norm(dim=-1).max() < 0.02
    places = flat(landmarks, seen["pelvis"], 0.3)
    assert (places - seen["keypoints"][..., :2]).abs().max() < 0.03
    assert torch.linalg.det(seen["rotations"]).allclose(torch.ones(PEOPLE, 24), atol=1e-4)
    assert torch.equal(seen["image"][..., 0], batch["image"][..., -1])
    # The left wrist's heat-map (15) is the right one's (16), flipped.
    assert torch.equal(seen["heatmaps"][:, 15], batch["heatmaps"][:, 16].flip(2))
    # Where the landmark network places the left wrist in space it sees the right one.
    assert torch.equal(seen["world"][:, 15], batch["world"][:, 16] * torch.tensor([-1, 1, 1]))
    twice = mirrored(seen)
    assert all(torch.allclose(twice[k], v) for k, v in batch.items() if k != "features")
    # What the network itself would have seen in the mirror is not known.
    assert not seen["features"].any()


def test_mirrored_crops_are_the_crops_of_the_mirrored_picture():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (CAMERA.height, CAMERA.width, 3), np.uint8)
    person = nothing_in(np.array([[100, 80, 120, 300]], np.float32), np.array(["given"]))
    flipped = person.replace(boxes=np.array([[639 - 220, 80, 120, 300]], np.float32))
    first, second = (
        baseline_task.tensors(crops_of(i, p, CAMERA, SIZE), _NoTruth())
        for i, p in ((image, person), (image[:, ::-1].copy(), flipped))
    )
    seen = mirrored(first)
    for key in ("rays", "scale", "box", "view"):
        assert torch.allclose(seen[key], second[key], atol=1e-5), key
    assert (seen["image"] - second["image"]).abs().mean() < 0.02


class _NoTruth:
    def _arrays(self):
        return {}


def test_augmentation_does_what_its_shares_say(people):
    batch = baseline_task.tensors(*people)
    rng = torch.Generator().manual_seed(0)
    same = augmented(batch, NOTHING, rng)
    assert all(torch.allclose(same[k], v, atol=1e-6) for k, v in batch.items())
    blind = missing(batch, dataclasses.replace(NOTHING, no_image=1.0, no_maps=1.0), rng)
    assert not blind["image"].any() and not blind["heatmaps"].any() and not blind["mask"].any()
    assert torch.equal(blind["keypoints"], batch["keypoints"])
    # Without anything else, the keypoints stay.
    dark = missing(
        batch, dataclasses.replace(NOTHING, no_image=1.0, no_maps=1.0, no_keypoints=1.0), rng
    )
    assert torch.equal(dark["keypoints"], batch["keypoints"])
    for share, kind in (("no_features", "features"), ("no_world", "world")):
        without = missing(batch, dataclasses.replace(NOTHING, **{share: 1.0}), rng)
        changed = {k for k, v in batch.items() if not torch.equal(without[k], v)}
        assert changed == {kind} and not without[kind].any()
    lost = missing(batch, dataclasses.replace(NOTHING, lost_maps=1.0), rng)["heatmaps"]
    assert 0.4 < lost.amax((2, 3)).gt(0).double().mean() < 0.6
    everyone = dataclasses.replace(NOTHING, covered=1.0, largest=0.3)
    plain = torch.zeros(400, 3, 32, 32)
    share = (covered(plain, everyone, rng) > 0).any(1).double().mean((1, 2))
    assert share.max() < 0.4 and 0.05 < share.mean() < 0.15
    relit = augmented(batch, Augmentation(), rng)["image"]
    assert relit.min() >= 0 and relit.max() <= 1


def test_batches_depend_on_seed_and_step_alone_and_are_shared_out(folder):
    one, again = task_of(folder), task_of(folder)
    first = one.batch(3)
    assert all(torch.equal(first[k], v) for k, v in again.batch(3).items())
    assert not torch.equal(first["rotations"], one.batch(4)["rotations"])
    # Everyone comes once before anyone comes twice, and nobody who is held out.
    assert sorted(np.concatenate([one._rows(8 * s, 8) for s in range(4)])) == list(range(32))
    halves = [task_of(folder, world=2, rank=r, batch=4) for r in (0, 1)]
    rows = np.concatenate([h._rows(8 * 3, 8)[4 * h.rank : 4 * h.rank + 4] for h in halves])
    assert rows.tolist() == one._rows(8 * 3, 8).tolist()


def test_people_without_a_picture_join_the_rendered_ones(folder, shared_data):
    settings = {"simulated": 24, "motions": str(shared_data / "motions.npz")}
    task, alone = task_of(folder, **settings), task_of(folder)
    batch, rendered = task.batch(2), alone.batch(2)
    assert {len(v) for v in batch.values()} == {8 + 24}
    assert set(rendered) - set(batch) == {"occluder"}  # what hides them is not known
    for key in ("image", "keypoints", "rotations", "landmarks"):
        assert torch.equal(batch[key][:8], rendered[key])
    for kind in ("image", "heatmaps", "mask", "features", "world"):
        assert not batch[kind][8:].any()
    assert batch["keypoints"][8:, :, 2].gt(0).any(1).sum() > 18
    # Their keypoints are those of their bodies.
    seen = flat(batch["landmarks"][8:], batch["pelvis"][8:], batch["scale"][8:, None, None])
    off = (seen - batch["keypoints"][8:, :, :2]).norm(dim=-1)[batch["keypoints"][8:, :, 2] > 0.8]
    assert off.median() < 0.05
    network = task.network().train()
    assert all(v.isfinite() for v in task.losses(network, batch, 0).values())
    assert torch.equal(task.batch(2)["keypoints"], batch["keypoints"])
    assert not torch.equal(task.batch(3)["keypoints"][8:], batch["keypoints"][8:])
    assert "motions" not in task.identity()["settings"]


def test_rays_of_people_without_a_picture_are_those_of_a_crop():
    image = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    middle = (CAMERA.cx, CAMERA.cy)
    box = np.array([[middle[0] - 40, middle[1] - 40, 80, 80]], np.float32)
    crops = crops_of(image, nothing_in(box, np.array(["given"])), CAMERA, SIZE)
    people = {"scale": torch.ones(3), "view": torch.eye(3).expand(3, 3, 3)}
    rendered = {k: torch.from_numpy(v) for k, v in crops.inputs().items()}
    batch = beside({k: rendered[k] for k in ("image", "rays", "scale", "view")}, people)
    np.testing.assert_allclose(batch["rays"][1:], np.tile(crops.rays, (3, 1, 1, 1)), atol=5e-3)


def test_a_few_steps_learn_what_they_see(folder):
    torch.manual_seed(0)
    task = task_of(folder, augmentation={f.name: 0.0 for f in dataclasses.fields(Augmentation)})
    network = task.network().train()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    batch, sums = task.batch(0), []
    for step in range(25):
        terms = task.losses(network, batch, step)
        sums.append(sum(terms.values()).item())
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    assert np.isfinite(sums).all() and sums[-1] < 0.75 * sums[0]
    figures = task.validate(network)
    assert {"mpjpe_mm", "hidden_mm", "distance_percent", "inside90_hidden"} < set(figures)
    assert all(np.isfinite(v) for v in figures.values())
    json.dumps(task.identity())


def test_the_truth_has_no_loss(people, skeleton):
    batch = baseline_task.tensors(*people)
    _, landmarks = skeleton(batch["rotations"], batch["betas"])
    truth = losses.target(batch | {"landmarks": landmarks})
    body = Lifted(
        sixd=torch.zeros(PEOPLE, 144),
        rotations=batch["rotations"],
        betas=batch["betas"],
        place=losses.place_of(batch["pelvis"], batch["scale"]),
        joints=batch["joints"],
        landmarks=landmarks,
        log_std=torch.full((PEOPLE, 24, 3), -7.0),
        place_log_std=torch.full((PEOPLE, 3), -7.0),
        visibility_logit=100.0 * (2 * (batch["visibility"] == VISIBLE).float() - 1),
    )
    weights = losses.Weights()
    terms = losses.losses(body, body, truth, batch["scale"], weights)
    assert terms.pop("spread").item() == pytest.approx(-2 * 7 * weights.spread, abs=1e-3)
    assert all(v.item() < 2e-3 for v in terms.values()), terms
    # 10 cm off in one joint of 24, which is a limb's.
    moved = dataclasses.replace(body, joints=body.joints.clone())
    moved.joints[:, 20, 0] += 0.1
    more = losses.body_terms(moved, truth, batch["scale"], weights)["joints"]
    assert more.item() == pytest.approx(5 * 1.5 * 0.1 / 24, rel=0.02)


def test_a_wrong_place_in_the_image_pulls_only_so_far():
    wanted, sure = torch.zeros(1, 1, 2), torch.ones(1, 1)
    near, far = (losses.projection(torch.tensor([[[d, 0.0]]]), wanted, sure) for d in (0.01, 100))
    assert near.item() == pytest.approx(0.01, rel=0.03) and far.item() < losses.REACH
    assert losses.projection(torch.ones(1, 1, 2), wanted, 0 * sure).item() == 0


def test_data_that_cannot_be_used_are_named(folder, tmp_path):
    with pytest.raises(CorpusError, match="hmr train corpus"):
        task_of(tmp_path)
    with pytest.raises(CorpusError, match="40 people, 32 of them .* one batch of 64"):
        task_of(folder, batch=64)
    with pytest.raises(CorpusError, match="64 pixels, the network takes 128: .*--size 128"):
        task_of(folder, network={"backbone": {"image": 128, "stem": 4, "strides": [1, 2, 1, 2]}})
    with pytest.raises(ValueError, match="'augmentation.colours' is unknown"):
        task_of(folder, augmentation={"colours": 1})


@pytest.mark.slow
@pytest.mark.timeout(400)  # exported by the first test that asks
def test_released_files_are_an_estimator(released, body):
    folder = released["baseline"]
    assert "0 steps of 8, seed 1" in (folder / "baseline.md").read_text()
    described = json.loads((folder / "baseline.json").read_text())
    assert described["largest_difference_to_torch_m"] < 5e-4 and described["image_size"] == SIZE
    used = load(folder / "baseline.safetensors", body, "baseline")
    assert used.temperature.tolist() != [1, 1] and used.place_temperature.item() != 1
    assert described["weights_sha256"] == digest_of(used)
    image = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    people = seen_people(body, 2)
    found = load_estimator("baseline", body, str(folder / "baseline.onnx"))(people, CAMERA, image)
    own = in_torch(used, body)(people, CAMERA, image)
    assert np.abs(found.joints - own.joints).max() < 5e-3


def in_torch(network, body, at_once=8):
    """An estimator that runs a network as it is in memory."""
    described = {"name": body.name, "sha256": fingerprint(body)}
    graph = GraphFile(
        path=Path("baseline.onnx"),
        inputs={name: Tensor(shape) for name, shape in inputs_of(SIZE).items()},
        outputs={name: Tensor((None,)) for name in OUTPUTS},
        sha256="",
        precision="float32",
        reference=None,
        manifest={"image_size": SIZE, "body_model": described},
    )
    backend = TorchBackend(graph, network, torch.device("cpu"), at_once)
    return Baseline(graph, BackendOptions(max_batch=at_once), (backend,), body)


def seen_people(body, count):
    """Rows of one person, with keypoints but no maps."""
    bodies = somebody(body, 0.3, 4.0)
    points = keypoints(body, bodies.rotations, bodies.betas, bodies.transl, "blazepose33")
    pixels = CAMERA.project(points)
    low, high = pixels.min(1), pixels.max(1)
    one = nothing_in(np.concatenate([low, high - low], 1).astype(np.float32), np.array(["given"]))
    sure = np.full((1, 33, 1), 0.9)
    one = one.replace(
        found=np.ones(1, bool), keypoints=np.concatenate([pixels, sure], 2).astype(np.float32)
    )
    return one[np.zeros(count, int)]


def test_every_row_is_answered_in_groups(body):
    torch.manual_seed(0)
    estimator = in_torch(build("baseline", body, TINY), body, at_once=3)
    image = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    people = seen_people(body, 5)
    people = people.replace(found=np.arange(len(people)) != 1)
    found = estimator(people, CAMERA, image)
    assert isinstance(found, Bodies) and len(found) == len(people)
    assert np.isfinite(found.joints).all() and not found.visibility[1].any()
    assert np.abs(found.joints[0] - found.joints[-1]).max() < 1e-4
    pelvis = CAMERA.project(found.joints[:, 0])
    assert np.allclose(found.joints_2d[:, 0], pelvis, atol=1e-3)
    assert len(estimator(no_people(), CAMERA, image)) == 0


def test_weights_that_are_missing_or_foreign_are_named(body, tmp_path):
    path = tmp_path / "baseline.onnx"
    with pytest.raises(WeightsError, match="baseline.onnx does not exist"):
        load_estimator("baseline", body, str(path))
    path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match="baseline.json.* does not exist"):
        load_estimator("baseline", body, str(path))
    lifter = asset("weights", "lifter.json").read_text()
    path.with_suffix(".json").write_text(lifter)
    with pytest.raises(WeightsError, match="'lifter', not 'baseline'"):
        load_estimator("baseline", body, str(path))
    shipped = read_graph(asset("weights", "baseline.onnx")).manifest
    path.with_suffix(".json").write_text(json.dumps(shipped))
    with pytest.raises(WeightsError, match="no usable ONNX file"):
        load_estimator("baseline", body, str(path))
    path.write_bytes(asset("weights", "baseline.onnx").read_bytes())
    unsized = {key: value for key, value in shipped.items() if key != "image_size"}
    unsized["graph"] = {**shipped["graph"], "reference": None}
    path.with_suffix(".json").write_text(json.dumps(unsized))
    with pytest.raises(WeightsError, match="lacks image_size"):
        load_estimator("baseline", body, str(path))
