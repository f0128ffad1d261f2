"""Body files: what the open body promises, and clear refusals of anything else."""

import builtins
import dataclasses
import pickle

import numpy as np
import pytest
from smpl_files import random_bodies, smpl_arrays, write_npz, write_pickle

from hmr_ros.assets import asset
from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def arrays():
    return smpl_arrays()


def test_open_body_is_in_smpl_layout(body):
    assert body.name == "open_body"
    assert body.v_template.shape == (6890, 3)
    assert body.faces.shape == (13776, 3)
    assert body.shapedirs.shape == (6890, 3, 10)
    assert body.weight_index.shape == (6890, 4)
    np.testing.assert_allclose(body.weight_value.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(body.J_regressor.sum(1), 1, atol=1e-5)
    assert asset("weights", "open_body.npz").stat().st_size < 4e6


def test_open_body_stands_as_smpl_does(body):
    """Y up, facing +Z, left = +X, T-pose, the pelvis at the origin, symmetric, adult."""
    joint = dict(zip(body.joint_names, body.joint_template, strict=True))
    assert np.linalg.norm(joint["pelvis"]) < 0.001
    assert 1.65 < np.ptp(body.v_template[:, 1]) < 1.75
    assert joint["head"][1] > joint["pelvis"][1] > joint["left_ankle"][1]
    assert joint["left_wrist"][0] > joint["left_elbow"][0] > joint["left_shoulder"][0] > 0.1
    assert np.ptp([joint[f"left_{j}"][1] for j in ("shoulder", "elbow", "wrist")]) < 0.01
    assert joint["left_foot"][2] > joint["left_ankle"][2] + 0.1
    for name, position in joint.items():
        if name.startswith("left_"):
            mirrored = joint[name.replace("left", "right")] * [-1, 1, 1]
            np.testing.assert_allclose(position, mirrored, atol=0.002)


def test_open_body_is_closed_and_faces_outwards(body):
    edges = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
    forward = {tuple(e) for e in edges.tolist()}
    assert len(forward) == len(edges) == 3 * 13776
    assert all((b, a) in forward for a, b in forward)
    a, b, c = (body.v_template[body.faces[:, k]].astype(float) for k in range(3))
    litres = 1000 * (np.cross(a, b) * c).sum() / 6
    assert 55 < litres < 85


def test_unit_betas_are_a_plausible_population(body):
    betas = np.random.default_rng(0).normal(size=(2000, 10))
    heights = body.v_template[:, 1] + betas @ body.shapedirs[:, 1].T
    stature = np.ptp(heights, axis=1)
    assert stature.mean() == pytest.approx(1.69, abs=0.02)
    assert stature.std() == pytest.approx(0.095, abs=0.01)
    taller = np.eye(10)[:1]
    grown = np.ptp(body.v_template[:, 1] + (taller @ body.shapedirs[:, 1].T)[0])
    assert grown > np.ptp(body.v_template[:, 1]) + 0.05


def test_pose_correctives_of_the_open_body_are_local_and_small(body):
    rotations, betas, _ = random_bodies(5, spread=0.4)
    plain = dataclasses.replace(body, pose_blocks=None)
    moved = np.linalg.norm(
        vertices(body, rotations, betas) - vertices(plain, rotations, betas), axis=-1
    )
    assert 0.0003 < moved.mean() < 0.003
    assert moved.max() < 0.1
    head = body.part_id == body.joint_names.index("head")
    assert np.median(moved[:, head]) < 1e-4


def test_npz_and_pickle_of_one_body_agree(tmp_path, arrays):
    pytest.importorskip("smplx", reason="smplx is not installed")
    from_npz = load_body_model(write_npz(tmp_path / "made.npz", arrays))
    from_pickle = load_body_model(write_pickle(tmp_path / "made.pkl", arrays))
    for field in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "faces"):
        np.testing.assert_array_equal(getattr(from_npz, field), getattr(from_pickle, field))
    assert from_npz.parents.tolist() == from_pickle.parents.tolist()
    assert from_npz.parents[0] == -1


def test_a_body_with_300_coefficients_keeps_the_first_ten(tmp_path, arrays):
    many = dict(arrays, shapedirs=np.repeat(arrays["shapedirs"], 30, axis=2))
    model = load_body_model(write_npz(tmp_path / "many.npz", many))
    np.testing.assert_array_equal(model.shapedirs, many["shapedirs"][:, :, :10].astype(np.float32))


def test_weights_with_more_than_four_influences_are_kept(tmp_path, arrays):
    weights = np.full((6890, 24), 1 / 24)
    model = load_body_model(write_npz(tmp_path / "soft.npz", dict(arrays, weights=weights)))
    assert model.weight_index.shape == (6890, 24)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"v_template": None}, "v_template missing"),
        ({"weights": lambda w: w[:, :22]}, r"weights has shape \(6890, 22\)"),
        ({"v_template": lambda v: v[:100]}, r"expected \(100, 3, 10\)"),
        ({"J_regressor": lambda j: j.toarray()[:22]}, "SMPL-H and SMPL-X are not read"),
        ({"shapedirs": lambda s: s[:, :, :6]}, r"shapedirs has shape \(6890, 3, 6\)"),
        ({"v_template": lambda v: v * np.nan}, "v_template holds values that are not finite"),
        ({"f": lambda f: f + 6890}, "outside 0..6889"),
        ({"weights": lambda w: 2 * w}, "must sum to 1"),
        ({"kintree_table": lambda k: k[:, ::-1]}, "each parent before its children"),
    ],
)
def test_damaged_files_are_refused_by_field(tmp_path, arrays, change, expected):
    changed = dict(arrays)
    for key, how in change.items():
        if how is None:
            del changed[key]
        else:
            changed[key] = how(changed[key])
    path = write_npz(tmp_path / "damaged.npz", changed)
    with pytest.raises(ValueError, match=expected) as error:
        load_body_model(path)
    assert str(path) in str(error.value)


def test_missing_file_names_the_parameter(tmp_path):
    with pytest.raises(FileNotFoundError, match="body_model_path"):
        load_body_model(tmp_path / "nowhere.npz")


def test_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "short.npz"
    path.write_bytes(asset("weights", "open_body.npz").read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"short.npz: cannot be read as a body model"):
        load_body_model(path)


def test_other_suffix_is_refused(tmp_path):
    path = tmp_path / "body.obj"
    path.write_text("v 0 0 0")
    with pytest.raises(ValueError, match=r"expected a body model as .npz or .pkl"):
        load_body_model(path)


def test_pickle_without_smplx_is_refused_unopened(tmp_path, monkeypatch):
    path = tmp_path / "trap.pkl"
    path.write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    real = builtins.__import__

    def without_smplx(name, *args, **kwargs):
        if name.split(".")[0] == "smplx":
            raise ImportError("No module named 'smplx'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_smplx)
    with pytest.raises(ModuleNotFoundError, match="pip install smplx"):
        load_body_model(path)
    assert not (tmp_path / "sprung").exists()


class _Trap:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickle_of_something_else_is_refused(tmp_path):
    pytest.importorskip("smplx", reason="smplx is not installed")
    path = write_pickle(tmp_path / "list.pkl", [1, 2, 3])
    with pytest.raises(ValueError, match="smplx cannot read it as SMPL"):
        load_body_model(path)


def test_gender_must_fit_the_file(tmp_path, arrays):
    write_npz(tmp_path / "SMPL_MALE.npz", arrays)
    assert load_body_model(tmp_path, "male").name == "SMPL_MALE"
    assert load_body_model(tmp_path / "SMPL_MALE.npz", "male").name == "SMPL_MALE"
    with pytest.raises(ValueError, match="gender='male'"):
        load_body_model(tmp_path / "SMPL_MALE.npz", "female")
    with pytest.raises(FileNotFoundError, match="SMPL_FEMALE"):
        load_body_model(tmp_path, "female")
    with pytest.raises(ValueError, match="not one of neutral, male, female"):
        load_body_model(None, "man")


def test_official_file_names_carry_their_gender(tmp_path, arrays):
    path = write_npz(tmp_path / "basicModel_f_lbs_10_207_0_v1.0.0.npz", arrays)
    with pytest.raises(ValueError, match="a female body"):
        load_body_model(path, "male")
    assert load_body_model(path, "female").v_template.shape == (6890, 3)


def test_rest_joints_are_the_regressor_on_the_shaped_mesh(body):
    betas = np.random.default_rng(1).normal(size=(4, 10))
    shaped = body.v_template + np.einsum("vck,nk->nvc", body.shapedirs.astype(float), betas)
    expected = body.J_regressor.astype(float) @ shaped
    np.testing.assert_allclose(rest_joints(body, betas), expected, atol=1e-9)
