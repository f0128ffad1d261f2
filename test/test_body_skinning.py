"""Kinematics and skinning against smplx, a naive chain and what must hold for any pose."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from smpl_files import random_bodies, smpl_arrays, write_pickle

from hmr_ros.body.chosen_vertices import with_vertices
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import skeleton_and_points, vertices


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def pickled(tmp_path_factory):
    pytest.importorskip("smplx", reason="smplx is not installed")
    return write_pickle(tmp_path_factory.mktemp("smpl") / "made.pkl", smpl_arrays())


@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
def test_equals_smplx_on_the_same_pickle(pickled, kind, tolerance, capsys):
    import smplx
    import torch

    reference = smplx.SMPL(str(pickled), batch_size=3, dtype=getattr(torch, kind))
    rotations, betas, transl = random_bodies(3, np.dtype(kind))
    r, b, t = map(torch.from_numpy, (rotations, betas, transl))
    with torch.no_grad():
        truth = reference(
            global_orient=r[:, :1], body_pose=r[:, 1:], betas=b, transl=t, pose2rot=False
        )
    model = load_body_model(pickled)
    ours = vertices(model, rotations, betas, transl)
    assert ours.dtype == np.dtype(kind)
    assert np.abs(ours - truth.vertices.numpy()).max() < tolerance
    joints, _ = forward_kinematics(rotations, rest_joints(model, betas), model.parents)
    joints = joints + transl[:, None]
    assert np.abs(joints - truth.joints[:, :24].numpy()).max() < tolerance

    # The correctives of the file matter by far more than the tolerance.
    without = dataclasses.replace(model, pose_blocks=None)
    assert np.abs(vertices(without, rotations, betas, transl) - ours).max() > 1e-3


def test_forward_kinematics_equals_a_chain_of_4x4(body):
    rotations, betas, _ = random_bodies(4, np.float64)
    rest = rest_joints(body, betas)
    joints, turns = forward_kinematics(rotations, rest, body.parents)
    for n in range(4):
        chain = []
        for j, parent in enumerate(body.parents):
            local = np.eye(4)
            local[:3, :3] = rotations[n, j]
            local[:3, 3] = rest[n, j] - (rest[n, parent] if parent >= 0 else 0)
            chain.append(chain[parent] @ local if parent >= 0 else local)
        chain = np.array(chain)
        np.testing.assert_allclose(joints[n], chain[:, :3, 3], atol=1e-12)
        np.testing.assert_allclose(turns[n], chain[:, :3, :3], atol=1e-12)


def test_identity_pose_is_the_shaped_template(body):
    rotations = np.tile(np.eye(3), (1, 24, 1, 1))
    betas = np.linspace(-2, 2, 10)[None]
    expected = body.v_template + body.shapedirs.astype(float) @ betas[0]
    np.testing.assert_allclose(vertices(body, rotations, betas)[0], expected, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(
    turn=st.tuples(*[st.floats(-3, 3)] * 3),
    transl=st.tuples(*[st.floats(-5, 5)] * 3),
    seed=st.integers(0, 1000),
)
def test_global_orient_turns_the_body_about_its_pelvis(body, turn, transl, seed):
    rotations, betas, _ = random_bodies(1, np.float64, seed)
    rotations[:, 0] = np.eye(3)
    before = vertices(body, rotations, betas)
    turned = rotations.copy()
    turned[0, 0] = Rotation.from_rotvec(turn).as_matrix()
    after = vertices(body, turned, betas, np.array([transl]))
    pelvis = rest_joints(body, betas)[:, :1]
    expected = (before - pelvis) @ turned[0, 0].T + pelvis + np.array(transl)
    # Weights in float32 sum to one to 1e-7 only.
    np.testing.assert_allclose(after, expected, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), joint=st.integers(1, 23))
def test_a_joint_moves_only_what_hangs_on_it(body, seed, joint):
    rotations, betas, _ = random_bodies(1, np.float64, seed)
    moved = rotations.copy()
    moved[0, joint] = Rotation.from_rotvec([0.5, -0.4, 0.3]).as_matrix() @ moved[0, joint]
    rest = rest_joints(body, betas)
    before, _ = forward_kinematics(rotations, rest, body.parents)
    after, _ = forward_kinematics(moved, rest, body.parents)
    hangs = [j for j in range(24) if joint in _ancestors(body.parents, j)]
    stays = [j for j in range(24) if j not in hangs]
    np.testing.assert_allclose(after[0, stays], before[0, stays], atol=1e-12)
    lengths = [
        np.linalg.norm(x[0, 1:] - x[0, body.parents[1:]], axis=1) for x in (rest, before, after)
    ]
    np.testing.assert_allclose(lengths[1], lengths[0], atol=1e-12)
    np.testing.assert_allclose(lengths[2], lengths[0], atol=1e-12)


def _ancestors(parents, j):
    while parents[j] >= 0:
        j = parents[j]
        yield j


def test_subset_gives_the_same_vertices_in_the_order_asked_for(body):
    rotations, betas, transl = random_bodies(2)
    ids = np.array([6000, 3, 3, 17])
    everything = vertices(body, rotations, betas, transl)
    some = vertices(body, rotations, betas, transl, subset=ids)
    # Sums may be fused differently where fewer vertices are skinned: the last bit only.
    np.testing.assert_allclose(some, everything[:, ids], atol=1e-6)


def test_no_bodies_give_no_vertices(body):
    rotations, betas, transl = random_bodies(0)
    assert vertices(body, rotations, betas, transl).shape == (0, 6890, 3)


@pytest.mark.parametrize("correctives", [True, False])
def test_a_body_of_chosen_vertices_poses_them_to_the_same_bits(body, correctives):
    if not correctives:
        body = dataclasses.replace(body, posedirs=None, pose_blocks=None)
    for kind in (np.float32, np.float64):
        rotations, betas, transl = random_bodies(3, kind)
        mesh = vertices(body, rotations, betas, transl)
        for ids in (np.arange(6889, 0, -41), np.array([17]), np.arange(6890)):
            some = vertices(with_vertices(body, ids), rotations, betas, transl)
            np.testing.assert_array_equal(some, mesh[:, ids])


def test_package_without_a_folder_for_the_cache_still_compiles(monkeypatch):
    from hmr_ros import compiled as module

    real = module.numba.njit

    def refuses_cache(*args, cache=False, **kwargs):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **kwargs)

    monkeypatch.setattr(module.numba, "njit", refuses_cache)
    assert module.compiled(lambda x: x + 1)(1) == 2


def test_points_of_one_person_equal_those_of_all(body):
    rotations, betas, _ = random_bodies(3, np.float64)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    subset = np.arange(0, len(body.v_template), 37)[::-1].copy()
    mesh = vertices(body, rotations, betas)
    for n in range(3):
        skeleton, points = skeleton_and_points(body, rotations[n], betas[n], subset)
        assert np.allclose(skeleton, joints[n], atol=1e-9)
        assert np.allclose(points, mesh[n, subset], atol=1e-9)
