"""FactorizedHMR as exported: the estimate, samples that keep the torso, and their covariances."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_people import made_people  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.evaluation import precision  # noqa: E402
from hmr_ros.models import factorized_state, weights  # noqa: E402
from hmr_ros.models.factorized_state import DISTAL, body_of  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.runtime import sampling  # noqa: E402
from hmr_ros.runtime.answers import OUTPUTS  # noqa: E402
from hmr_ros.runtime.backends.backend import BackendOptions, open_backend  # noqa: E402
from hmr_ros.runtime.estimators import load_estimator  # noqa: E402
from hmr_ros.runtime.factorized import field_path  # noqa: E402
from hmr_ros.runtime.graph_file import WeightsError, read_graph  # noqa: E402
from hmr_ros.runtime.sampling import Sampling, covariances, joints_of, sampled  # noqa: E402

pytestmark = pytest.mark.timeout(400)
STILL = [j for j in range(24) if j not in DISTAL]


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def people(body):
    return made_people(skeleton_of(body))


@pytest.fixture(scope="module")
def exported(released, body):
    """Folder of the files that a training writes, and the network."""
    folder = released["factorized"]
    return folder, weights.load(folder / "factorized.safetensors", body, "factorized")


@pytest.fixture
def crops(people):
    return people[0][np.arange(6)]


def loaded(path, body, how):
    return load_estimator("factorized", body, str(path), sampling=how)


def answers(exported, crops, body, how):
    return loaded(exported[0] / "factorized.onnx", body, how)._answer(crops)[0]


def test_the_layout_of_states_is_that_of_training():
    assert sampling.ROTATIONS == factorized_state.ROTATIONS
    np.testing.assert_array_equal(sampling.REST, factorized_state.at_rest().numpy())


def test_the_file_answers_as_the_network_does(exported, crops, body):
    inputs = {k: torch.from_numpy(v) for k, v in crops.inputs().items()}
    with torch.no_grad():
        expected = exported[1](**inputs)
    found = answers(exported, crops, body, Sampling())
    for name, a, b in zip(OUTPUTS, expected, found, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("guidance", [1.0, 0.0, 2.0])
def test_samples_are_those_of_the_network_and_keep_the_torso(exported, crops, body, guidance):
    network = exported[1]
    inputs = {k: torch.from_numpy(v) for k, v in crops.inputs().items()}
    how = Sampling(samples=3, steps=2, guidance=guidance)
    estimator = loaded(exported[0] / "factorized.onnx", body, how)
    with torch.no_grad():
        first, told = network.told(inputs)
        states = sampled(
            estimator._field,
            *(v.numpy() for v in (told.evidence, told.anchor, told.regressed)),
            how,
        )
        size = told.anchor.shape[1]
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal((3, size), np.float32))
        for number in range(3):
            expected = network.sample(told, noise[[number]].expand(6, -1), 2, guidance)
            np.testing.assert_allclose(states[:, number], expected, atol=2e-3)
            joints = body_of(network.skeleton, expected).joints
            found = joints_of(states[:, [number]], first.betas.numpy(), body)
            np.testing.assert_allclose(found[:, 0], joints, atol=1e-3)
    # To the bit, in every sample.
    known = estimator._field.scale == 0
    assert (states[..., known] == told.anchor.numpy()[:, None, known]).all()


def test_the_field_in_torch_is_that_of_the_file(exported, body):
    """Positions that the rotations lead are part of it, wherever it runs."""
    folder, network = exported
    assert network.tied
    graph = read_graph(folder / "factorized_field.onnx", "factorized_field")
    inputs, expected = graph.references()
    backend = open_backend("torch", graph, BackendOptions(max_batch=len(inputs["t"])))
    _, judged = precision._in_torch(folder / "factorized.safetensors", "factorized", body)
    for found in (backend.run(inputs), judged(inputs)):
        np.testing.assert_allclose(found["velocity"], expected["velocity"], atol=2e-3)


def test_samples_only_change_how_sure_limbs_are(exported, crops, body):
    plain = answers(exported, crops, body, Sampling())
    found = answers(exported, crops, body, Sampling(samples=8))
    again = answers(exported, crops, body, Sampling(samples=8))
    for name, a, b, c in zip(OUTPUTS, plain, found, again, strict=True):
        np.testing.assert_array_equal(b, c)
        if name != "joint_cov":
            np.testing.assert_array_equal(a, b)
    cov = OUTPUTS.index("joint_cov")
    np.testing.assert_array_equal(plain[cov][:, STILL], found[cov][:, STILL])
    assert not np.allclose(plain[cov][:, list(DISTAL)], found[cov][:, list(DISTAL)])
    assert (np.linalg.eigvalsh(found[cov].astype(float)) > 0).all()
    np.testing.assert_allclose(found[cov], found[cov].swapaxes(2, 3), atol=1e-7)


def test_covariances_are_those_of_many_samples():
    rng = np.random.default_rng(0)
    estimate = rng.normal(0, 1, (2, 24, 3))
    root = rng.normal(0, 0.1, (24, 3, 3))
    joints = estimate[:, None] + np.einsum(
        "jab,nsjb->nsja", root, rng.normal(0, 1, (2, 20_000, 24, 3))
    )
    joints[:, :, 0] = estimate[:, None, 0]  # a joint that no sample moves
    own = np.broadcast_to(np.eye(3), (2, 24, 3, 3))
    factor = np.full((2, 24), 1.5)
    found = covariances(joints, estimate, own, factor)
    true = 2.25 * root @ root.swapaxes(1, 2)
    np.testing.assert_allclose(found[:, 1:], np.broadcast_to(true, (2, 24, 3, 3))[:, 1:], atol=4e-3)
    np.testing.assert_array_equal(found[:, 0], own[:, 0])
    # Two samples on a line through the estimate: its own covariance keeps the region solid.
    few = estimate[:, None] + np.array([-0.1, 0.1])[:, None, None] * np.array([1.0, 0, 0])
    flat = covariances(few, estimate, own * 0.01, np.ones((2, 24)))
    expected = (np.diag([0.02, 0, 0]) + 4 * 0.01 * np.eye(3)) / 6
    np.testing.assert_allclose(flat, np.broadcast_to(expected, (2, 24, 3, 3)), atol=1e-6)


def test_a_still_person_has_samples_that_stand_still(exported, crops, body):
    how = Sampling(samples=4)
    whole = answers(exported, crops, body, how)[OUTPUTS.index("joint_cov")]
    alone = answers(exported, crops[[2]], body, how)[OUTPUTS.index("joint_cov")]
    np.testing.assert_allclose(whole[[2]], alone, atol=1e-5)


def test_an_estimator_by_name_with_samples(exported, body):
    path = exported[0] / "factorized.onnx"
    made = loaded(path, body, Sampling(samples=2))
    assert len(made.backends) == 2 and made.sampling.samples == 2 and "masks" not in made.evidence
    assert "features" in made.evidence


def test_samples_of_an_estimator_that_has_none_are_refused(body):
    with pytest.raises(ValueError, match="n_samples is 2, but estimator 'lifter' draws no samples"):
        load_estimator("lifter", body, sampling=Sampling(samples=2))


def test_files_that_do_not_belong_together_are_refused(exported, body, tmp_path):
    how, path = Sampling(samples=1), tmp_path / "factorized.onnx"
    for name in ("factorized.onnx", "factorized.json"):
        (tmp_path / name).write_bytes((exported[0] / name).read_bytes())
    with pytest.raises(WeightsError, match="factorized_field.onnx does not exist"):
        loaded(path, body, how)
    assert len(loaded(path, body, Sampling()).backends) == 1  # nobody samples: it is not needed
    for suffix in (".onnx", ".json"):
        name = field_path(path).with_suffix(suffix).name
        (tmp_path / name).write_bytes((exported[0] / name).read_bytes())
    loaded(path, body, how)
    manifest = json.loads(path.with_suffix(".json").read_text())
    manifest["field"]["width"] = 7
    path.with_suffix(".json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="factorized_field.onnx takes evidence"):
        loaded(path, body, how)
    del manifest["field"]
    path.with_suffix(".json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="lacks 'field'"):
        loaded(path, body, how)


def test_no_samples_are_the_default():
    assert Sampling().samples == 0 and replace(Sampling(), samples=3).steps == 4
