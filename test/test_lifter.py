"""The lifter: its geometry against independent truth, its run time on made and broken input."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from made_bodies import CAMERA
from scipy.spatial.transform import Rotation

from hmr_ros.assets import asset
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People, no_people
from hmr_ros.person_crops import FILLED
from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.estimators import load_estimator
from hmr_ros.runtime.graph_file import WeightsError
from hmr_ros.runtime.lifter import network_inputs

WEIGHTS = asset("weights", "lifter.onnx")


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def lifter(body):
    return load_estimator("lifter", body)


def standing(body, places, yaws, camera=CAMERA):
    """People with lowered arms at ``places`` [N, 3] (pelvis), turned by ``yaws``; their joints."""
    n = len(places)
    pose = np.zeros((n, 24, 3))
    pose[:, 16, 2], pose[:, 17, 2] = -1.2, 1.2
    pose[:, 18, 1], pose[:, 5, 0] = -0.6, 0.5
    rotations = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(n, 24, 3, 3)
    turn = Rotation.from_rotvec(np.outer(yaws, [0, 1, 0])).as_matrix()
    rotations[:, 0] = np.diag([1.0, -1, -1]) @ turn
    rotations, betas = rotations.astype(np.float32), np.zeros((n, 10), np.float32)
    transl = np.asarray(places, np.float32)
    joints = keypoints(body, rotations, betas, transl, "smpl24")
    pixels = camera.project(keypoints(body, rotations, betas, transl, "blazepose33"))
    low, high = pixels.min(1), pixels.max(1)
    people = People(
        boxes=np.concatenate([low - 8, high - low + 16], 1),
        scores=np.ones(n, np.float32),
        keypoints=np.concatenate([pixels, np.full((n, 33, 1), 0.95)], -1).astype(np.float32),
        found=np.ones(n, bool),
        keypoint_set="blazepose33",
        source=np.full(n, "given"),
    )
    return people, joints


PLACES = [[-0.8, -0.1, 3.0], [0.9, 0.2, 4.0], [0.0, 0.0, 6.0], [1.5, 0.0, 8.0]]
YAWS = [0.4, -0.9, 2.6, 1.5]


def about_pelvis(joints):
    return joints - joints[:, :1]


def test_standing_people_are_recovered(body, lifter):
    people, joints = standing(body, PLACES, YAWS)
    bodies = lifter(people, CAMERA)
    error = np.linalg.norm(about_pelvis(bodies.joints) - about_pelvis(joints), axis=-1)
    assert error.mean() < 0.08
    distance = np.linalg.norm(bodies.joints[:, 0], axis=-1) / np.linalg.norm(joints[:, 0], axis=-1)
    assert np.abs(distance - 1).max() < 0.15
    gap = np.linalg.norm(bodies.joints_2d - CAMERA.project(joints), axis=-1).mean(1)
    assert (gap < 0.04 * people.boxes[:, 3]).all()
    assert bodies.visibility.mean() > 0.8


def test_bodies_stay_when_the_backend_overwrites_its_answers(body, lifter):
    """They are valid until its next run."""
    one_by_one = load_estimator("lifter", body, options=BackendOptions(max_batch=1))
    (backend,) = one_by_one.backends
    memory = {}

    class Overwriting:
        def run(self, inputs):
            for name, value in backend.run(inputs).items():
                memory.setdefault(name, value.copy())[:] = value
            return memory

    one_by_one.backends = (Overwriting(),)
    people, _ = standing(body, PLACES, YAWS)
    alone, together = one_by_one(people, CAMERA), lifter(people, CAMERA)
    for name in ("joints", "betas", "joint_cov", "transl_cov", "visibility"):
        np.testing.assert_allclose(getattr(alone, name), getattr(together, name), atol=1e-4)


def test_bodies_are_consistent_in_themselves(body, lifter):
    people, _ = standing(body, PLACES, YAWS)
    bodies = lifter(people, CAMERA)
    rotations = bodies.rotations
    product = rotations @ np.swapaxes(rotations, -1, -2)
    assert np.abs(product - np.eye(3)).max() < 1e-5
    assert np.linalg.det(rotations).min() > 0.999
    posed = keypoints(body, rotations, bodies.betas, bodies.transl, "smpl24")
    assert np.abs(posed - bodies.joints).max() < 1e-4
    assert np.abs(CAMERA.project(bodies.joints) - bodies.joints_2d).max() < 1e-2
    for covariance in (bodies.joint_cov, bodies.transl_cov):
        assert np.abs(covariance - np.swapaxes(covariance, -1, -2)).max() < 1e-6
        assert np.linalg.eigvalsh(covariance).min() > 0


def test_depth_is_the_uncertain_direction(body, lifter):
    people, _ = standing(body, [[0.0, 0.0, 5.0]], [0.3])
    bodies = lifter(people, CAMERA)
    wrist = bodies.joint_cov[0, 20]
    assert wrist[2, 2] > 1.5 * max(wrist[0, 0], wrist[1, 1])
    assert bodies.transl_cov[0, 2, 2] > 10 * bodies.transl_cov[0, :2, :2].max()


def test_hidden_joints_are_less_certain_and_less_visible(body, lifter):
    people, _ = standing(body, PLACES, YAWS)
    whole = lifter(people, CAMERA)
    covered = people.keypoints.copy()
    arm = [13, 15, 17, 19, 21]
    covered[:, arm] = 0
    hidden = lifter(people.replace(keypoints=covered), CAMERA)
    spread = [np.trace(b.joint_cov[:, 20], axis1=-2, axis2=-1) for b in (whole, hidden)]
    assert (spread[1] > 1.5 * spread[0]).all()
    assert (hidden.visibility[:, 20] < whole.visibility[:, 20] - 0.3).all()
    assert np.abs(hidden.visibility[:, 8] - whole.visibility[:, 8]).max() < 0.2


def test_the_same_person_in_another_camera_is_the_same_body(body, lifter):
    """Focal length and image size do not matter, only rays do."""
    people, joints = standing(body, PLACES, YAWS)
    other = Camera(1280, 960, 1200, 1200, 639.5, 479.5)
    again, _ = standing(body, PLACES, YAWS, other)
    again = again.replace(boxes=people.boxes * 2 + [0.5, 0.5, 0, 0])
    first, second = lifter(people, CAMERA), lifter(again, other)
    assert np.abs(first.joints - second.joints).max() < 0.01


def test_lens_distortion_is_taken_out(body):
    bent = Camera(640, 480, 600, 600, 319.5, 239.5, (-0.3, 0.1, 0, 0, 0), "plumb_bob")
    straight, _ = standing(body, PLACES, YAWS)
    warped, _ = standing(body, PLACES, YAWS, bent)
    rays = [
        network_inputs(people, camera)["keypoints"]
        for people, camera in ((straight, CAMERA), (warped, bent), (warped, CAMERA))
    ]
    assert np.abs(rays[1] - rays[0]).max() < 1e-4
    assert np.abs(rays[2] - rays[0]).max() > 5e-3


def test_rows_stay_in_order_and_do_not_depend_on_each_other(body, lifter):
    people, _ = standing(body, PLACES, YAWS)
    together = lifter(people, CAMERA)
    for row in range(len(people)):
        alone = lifter(people[row], CAMERA)
        assert np.abs(alone.joints[0] - together.joints[row]).max() < 1e-4


def test_a_box_without_keypoints_gets_the_prior(body, lifter):
    people, joints = standing(body, PLACES, YAWS)
    found = np.array([True, False, True, False])
    bodies = lifter(people.replace(found=found), CAMERA)
    assert (bodies.found == found).all()
    assert (bodies.visibility[~found] == 0).all()
    assert np.isfinite(bodies.joints).all()
    spread = np.sqrt(np.trace(bodies.joint_cov, axis1=-2, axis2=-1)[:, 1:].mean(1))
    assert spread[~found].min() > 1.8 * spread[found].max()
    distance = np.linalg.norm(bodies.joints[:, 0], axis=-1) / np.linalg.norm(joints[:, 0], axis=-1)
    assert (np.abs(distance[~found] - 1) < 0.35).all()


def test_coco_keypoints_lift_to_a_similar_body(body, lifter):
    people, joints = standing(body, PLACES, YAWS)
    coco = people.replace(keypoints=people.keypoints[:, FILLED["coco17"]], keypoint_set="coco17")
    bodies = lifter(coco, CAMERA)
    error = np.linalg.norm(about_pelvis(bodies.joints) - about_pelvis(joints), axis=-1)
    assert error.mean() < 0.1
    assert bodies.keypoint_set == "coco17" and bodies.keypoints_2d.shape == (4, 17, 3)


def test_nobody_in_nobody_out(lifter):
    assert len(lifter(no_people(), CAMERA)) == 0


def test_values_that_are_no_numbers_count_as_missing(body, lifter):
    people, _ = standing(body, PLACES, YAWS)
    broken = people.keypoints.copy()
    broken[0, 3] = np.nan
    broken[1, 5, 0] = np.inf
    inputs = network_inputs(people.replace(keypoints=broken), CAMERA)
    assert (inputs["keypoints"][0, 3] == 0).all() and (inputs["keypoints"][1, 5] == 0).all()
    assert all(np.isfinite(v).all() for v in inputs.values())
    assert np.isfinite(lifter(people.replace(keypoints=broken), CAMERA).joints).all()


def test_inputs_are_rays(body):
    people, _ = standing(body, PLACES, YAWS)
    inputs = network_inputs(people, CAMERA)
    expected = (people.keypoints[..., :2] - [CAMERA.cx, CAMERA.cy]) / [CAMERA.fx, CAMERA.fy]
    assert np.abs(inputs["keypoints"][..., :2] - expected).max() < 1e-6
    assert inputs["image"][0] == pytest.approx([-320 / 600, -240 / 600, 320 / 600, 240 / 600])
    left, top, width, height = people.boxes[0]
    assert inputs["box"][0] == pytest.approx(
        [(left - 319.5) / 600, (top - 239.5) / 600,
         (left + width - 319.5) / 600, (top + height - 239.5) / 600], abs=1e-6
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 5, 17])
def test_any_number_of_people(body, lifter, n):
    people, _ = standing(body, [[0, 0, 4.0]] * n, np.linspace(-1, 1, n))
    assert lifter(people, CAMERA).joints.shape == (n, 24, 3)


def test_unknown_estimator_is_named(body):
    with pytest.raises(ValueError, match="'nonsense'.*lifter"):
        load_estimator("nonsense", body)


def copied(folder):
    for suffix in (".onnx", ".json"):
        shutil.copy(WEIGHTS.with_suffix(suffix), folder / f"lifter{suffix}")
    return folder / "lifter.onnx"


def test_weights_from_another_folder_work(body, tmp_path):
    people, _ = standing(body, PLACES, YAWS)
    assert len(load_estimator("lifter", body, str(copied(tmp_path)))(people, CAMERA)) == 4


def test_missing_weights_are_named(body, tmp_path):
    with pytest.raises(WeightsError, match="nothing.onnx does not exist.*weights_path"):
        load_estimator("lifter", body, str(tmp_path / "nothing.onnx"))


def test_truncated_weights_are_refused(body, tmp_path):
    path = copied(tmp_path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="lifter.onnx is no usable ONNX file"):
        load_estimator("lifter", body, str(path))


def test_another_network_is_refused(body, tmp_path):
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Identity", ["image"], ["boxes"])
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "detector",
        [onnx.helper.make_tensor_value_info("image", kind, ["n", 3, 640, 640])],
        [onnx.helper.make_tensor_value_info("boxes", kind, ["n", 3, 640, 640])],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    path = copied(tmp_path)
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    with pytest.raises(WeightsError, match="other inputs.*image: .*640.*; keypoints: nothing"):
        load_estimator("lifter", body, str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "detector"}, "'detector', not 'lifter'"),
        ({"body_model": {"name": "smpl", "sha256": ""}}, "body model 'smpl'"),
        ({"body_model": {"name": "open_body", "sha256": "0" * 64}}, "betas would be read wrongly"),
    ],
)
def test_foreign_manifests_are_refused(body, tmp_path, change, message):
    path = copied(tmp_path)
    manifest = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(manifest | change))
    with pytest.raises(WeightsError, match=message):
        load_estimator("lifter", body, str(path))


def test_damaged_manifest_is_refused(body, tmp_path):
    path = copied(tmp_path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(WeightsError, match="lifter.json does not describe"):
        load_estimator("lifter", body, str(path))


def test_betas_are_carried_to_another_body_model(body, lifter):
    """A licensed body under another name gets bones of the same length."""
    import dataclasses

    shapedirs = body.joint_shapedirs[..., ::-1] * 0.7
    other = dataclasses.replace(body, name="smpl", joint_shapedirs=shapedirs)
    people, _ = standing(body, PLACES, YAWS)
    native, carried = lifter(people, CAMERA), load_estimator("lifter", other)(people, CAMERA)
    assert carried.body_model == "smpl"
    assert np.abs(carried.betas - native.betas).max() > 0.05
    bones = [
        np.linalg.norm(b.joints[:, 1:] - b.joints[:, body.parents[1:]], axis=-1)
        for b in (native, carried)
    ]
    assert np.abs(bones[0] - bones[1]).max() < 0.015
