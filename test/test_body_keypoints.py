"""Joint sets lie where the body's anatomy says, in every pose."""

import dataclasses

import numpy as np
import pytest
from smpl_files import random_bodies, smpl_arrays, write_npz

from hmr_ros.body import keypoints as kp
from hmr_ros.body.joint_sets import JOINT_SETS
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.landmarks import SMPL_VERTICES, landmark_vertices
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.people import KEYPOINT_SETS

COUNTS = {"blazepose33": 33, "coco17": 17, "h36m17": 17, "h36m14": 14, "smpl24": 24}


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def rest(body):
    """Keypoints of each set in the rest pose, by name."""
    identity = np.tile(np.eye(3), (1, 24, 1, 1))
    return {
        name: dict(
            zip(
                JOINT_SETS[name],
                kp.keypoints(body, identity, np.zeros((1, 10)), None, name)[0],
                strict=True,
            )
        )
        for name in JOINT_SETS
    }


@pytest.mark.parametrize("name", COUNTS)
def test_counts(body, name):
    rotations, betas, transl = random_bodies(2)
    points = kp.keypoints(body, rotations, betas, transl, name)
    assert points.shape == (2, COUNTS[name], 3)
    assert points.dtype == np.float32
    assert KEYPOINT_SETS.get(name, COUNTS[name]) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_bone_parts_add_up_to_the_posed_keypoints(body, name):
    plain = dataclasses.replace(body, pose_blocks=None)
    rotations, betas, transl = random_bodies(3, np.float64)
    rest = rest_joints(plain, betas)
    joints, turns = forward_kinematics(rotations, rest, plain.parents)
    template, shape, share = kp.bone_parts(plain, name)
    local = template + np.einsum("kbcs,ns->nkbc", shape, betas)
    local = local - share[:, :, None] * rest[:, None]
    posed = np.einsum("nbij,nkbj->nki", turns, local) + np.einsum("kb,nbi->nki", share, joints)
    points = kp.keypoints(plain, rotations, betas, transl, name)
    np.testing.assert_allclose(posed + transl[:, None], points, atol=1e-6)


def test_smpl24_is_forward_kinematics(body):
    rotations, betas, transl = random_bodies(3, np.float64)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    points = kp.keypoints(body, rotations, betas, transl, "smpl24")
    np.testing.assert_allclose(points, joints + transl[:, None], atol=1e-7)


def test_landmarks_are_vertices_of_the_posed_mesh(body):
    rotations, betas, transl = random_bodies(2)
    mesh = vertices(body, rotations, betas, transl)
    points = kp.keypoints(body, rotations, betas, transl, "blazepose33")
    order = list(JOINT_SETS["blazepose33"])
    for name, vertex in (("nose", "nose"), ("left_heel", "LHeel"), ("right_ear", "rear")):
        expected = mesh[:, body.extra_vertices[vertex]]
        np.testing.assert_allclose(points[:, order.index(name)], expected, atol=1e-5)


def test_blazepose_order_is_mediapipes():
    names = list(JOINT_SETS["blazepose33"])
    assert names[0] == "nose"
    assert names[1:4] == ["left_eye_inner", "left_eye", "left_eye_outer"]
    assert (names[7], names[8], names[9], names[10]) == (
        "left_ear",
        "right_ear",
        "mouth_left",
        "mouth_right",
    )
    assert names[11:13] == ["left_shoulder", "right_shoulder"]
    assert names[15:23:2] == ["left_wrist", "left_pinky", "left_index", "left_thumb"]
    assert names[23:33:2] == [
        "left_hip",
        "left_knee",
        "left_ankle",
        "left_heel",
        "left_foot_index",
    ]


def test_face_and_hands_of_the_rest_pose(rest):
    p = rest["blazepose33"]
    for name in p:
        if name.startswith("left_"):
            mirrored = p[name.replace("left_", "right_")] * [-1, 1, 1]
            np.testing.assert_allclose(p[name], mirrored, atol=0.006, err_msg=name)
            assert p[name][0] > 0
    assert p["left_eye_inner"][0] < p["left_eye"][0] < p["left_eye_outer"][0] < p["left_ear"][0]
    assert p["left_eye"][1] > p["nose"][1] > p["mouth_left"][1]
    assert p["nose"][2] > p["mouth_left"][2] > p["left_ear"][2]
    assert 0.04 < p["mouth_left"][0] - p["mouth_right"][0] < 0.06
    # The palm: 8..12 cm from the wrist to the index and little fingers, the thumb in front.
    for finger in ("pinky", "index"):
        assert 0.08 < np.linalg.norm(p[f"left_{finger}"] - p["left_wrist"]) < 0.12
    assert p["left_thumb"][2] > p["left_index"][2] > p["left_pinky"][2]
    assert p["left_heel"][2] < p["left_ankle"][2] < p["left_foot_index"][2]


def test_h36m_sets(rest):
    p, q = rest["h36m17"], rest["h36m14"]
    np.testing.assert_allclose(p["pelvis"], (p["left_hip"] + p["right_hip"]) / 2, atol=1e-6)
    assert p["head_top"][1] > p["nose"][1] > p["thorax"][1] > p["spine"][1] > p["pelvis"][1]
    assert list(q)[:3] == ["right_ankle", "right_knee", "right_hip"]
    for name in ("left_wrist", "right_ankle", "head_top"):
        np.testing.assert_array_equal(p[name], q[name])


def test_unknown_set_is_refused(body):
    with pytest.raises(ValueError, match="'coco18' is not one of blazepose33"):
        kp.mixture(body, "coco18")


def test_foreign_mesh_without_landmarks_says_so(tmp_path):
    """The open mesh without its names is not SMPL's, though it has as many vertices."""
    model = load_body_model(write_npz(tmp_path / "made.npz", smpl_arrays()))
    assert model.extra_vertices == {}
    rotations, betas, transl = random_bodies(1)
    assert kp.keypoints(model, rotations, betas, transl, "smpl24").shape == (1, 24, 3)
    with pytest.raises(ValueError, match="extra_vertex_names"):
        kp.keypoints(model, rotations, betas, transl, "coco17")


def test_smpls_own_vertex_ids_are_those_of_smplx():
    vertex_ids = pytest.importorskip("smplx.vertex_ids", reason="smplx is not installed")
    assert vertex_ids.vertex_ids["smplh"] == SMPL_VERTICES


def test_smpl_mesh_gets_its_landmarks_by_geometry(body):
    """A mesh whose vertices are numbered as SMPL's gets SMPL's ids and the derived points."""
    template = body.v_template.copy()
    for name, vertex in SMPL_VERTICES.items():
        other = body.extra_vertices[name]
        template[[vertex, other]] = template[[other, vertex]]
    moved = {n: template[v] for n, v in SMPL_VERTICES.items()}
    found = landmark_vertices(template, body.joint_template, None)
    assert {name: found[name] for name in SMPL_VERTICES} == SMPL_VERTICES
    for name, point in moved.items():
        np.testing.assert_allclose(point, body.v_template[body.extra_vertices[name]], atol=0)
    # Placed by geometry, and by the finger bones on the open body: within 3 cm of each other.
    for name in ("left_index_knuckle", "right_pinky_knuckle", "left_thumb_knuckle"):
        known = body.v_template[body.extra_vertices[name]]
        assert np.linalg.norm(template[found[name]] - known) < 0.03
