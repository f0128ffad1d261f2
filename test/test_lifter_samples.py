"""Training samples: every number against what it must be by construction."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.body.keypoints import keypoints, mixture  # noqa: E402
from hmr_ros.body.model import JOINT_NAMES, load_body_model  # noqa: E402
from hmr_ros.data import camera_sampling, keypoint_noise, lifting  # noqa: E402
from hmr_ros.data.measured_errors import load_measured  # noqa: E402
from hmr_ros.models.lifter import project, turn_to  # noqa: E402
from hmr_ros.models.lifter_weights import build, skeleton_of  # noqa: E402
from hmr_ros.models.skeleton import main_joints  # noqa: E402
from hmr_ros.training.lifter_losses import target  # noqa: E402

N = 300


class Poses:
    """Stands for a ``PoseSource``: small random poses."""

    def draw(self, n, rng):
        return torch.randn(n, 24, 3, generator=rng) * 0.3


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def skeleton(body):
    return skeleton_of(body)


@pytest.fixture(scope="module")
def blazepose(body):
    errors = load_measured()
    return lifting.Blazepose(skeleton_of(body, errors.offsets), errors)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture(params=["crop", "robot"])
def samples(request, skeleton, blazepose, rng):
    poses = Poses().draw(N, rng)
    if request.param == "crop":
        return lifting.crop_samples(poses, skeleton, rng)
    return lifting.robot_samples(poses, skeleton, blazepose, rng)


def test_skeleton_equals_skinning(body, skeleton, rng):
    rotations = lifting.rotation_from_axis_angle(torch.randn(20, 24, 3, generator=rng))
    betas = lifting.shapes(20, rng)
    joints, landmarks = skeleton(rotations, betas)
    true = [
        keypoints(body, rotations.numpy(), betas.numpy(), None, name)
        for name in ("smpl24", "blazepose33")
    ]
    pelvis = true[0][:, :1]
    assert np.abs(joints.numpy() - (true[0] - pelvis)).max() < 1e-5
    # Pose correctives, which the fast skeleton leaves out, move landmarks by millimetres.
    gap = np.abs(landmarks.numpy() - (true[1] - pelvis))
    assert np.median(gap) < 1e-5 and gap.max() < 0.012


def test_offsets_move_landmarks_in_the_frame_of_their_joint(body, skeleton, rng):
    parts = mixture(body, "blazepose33")
    owners = main_joints(parts, body)
    assert JOINT_NAMES[owners[13]] == "left_elbow" and JOINT_NAMES[owners[0]] == "head"
    offsets = np.zeros((33, 3))
    offsets[13] = [0.02, -0.03, 0.05]
    rotations = lifting.rotation_from_axis_angle(torch.randn(9, 24, 3, generator=rng))
    betas = lifting.shapes(9, rng)
    moved = skeleton_of(body, offsets)(rotations, betas)[1] - skeleton(rotations, betas)[1]
    turned = rotations[:, 0]
    for joint in (3, 6, 9, 13, 16, 18):  # the chain to the left elbow
        turned = turned @ rotations[:, joint]
    expected = turned @ torch.tensor(offsets[13], dtype=torch.float32)
    assert (moved[:, 13] - expected).abs().max() < 1e-5
    assert moved[:, [0, 11, 15]].abs().max() < 1e-6


def test_samples_agree_with_the_body_model(body, samples):
    posed = keypoints(body, samples.rotations.numpy(), samples.betas.numpy(), None, "smpl24")
    shift = samples.joints.numpy() - posed
    assert np.ptp(shift, axis=1).max() < 1e-4
    assert samples.joints[..., 2].min() > 0


def test_visible_means_inside_and_not_covered(samples):
    flat = samples.joints[..., :2] / samples.joints[..., 2:]
    outside = ~keypoint_noise.inside(flat, samples.image)
    assert not samples.visible[outside].any()
    assert 0.3 < samples.visible.float().mean() < 0.9


def test_present_keypoints_lie_near_their_landmark_and_missing_ones_are_empty(samples):
    flat = samples.landmarks[..., :2] / samples.landmarks[..., 2:]
    size = (flat.amax(1) - flat.amin(1)).amax(1)
    present = samples.keypoints[..., 2] > 0
    error = (samples.keypoints[..., :2] - flat).norm(dim=-1) / size[:, None]
    # Now and then a detector sees somebody else: the tail is long, the middle is not.
    assert error[present].median() < 0.06
    assert (samples.keypoints[~present] == 0).all()
    assert 0.4 < present.float().mean() < 0.9


def test_robot_cameras_see_people_where_they_should(skeleton, blazepose, rng):
    samples = lifting.robot_samples(Poses().draw(2000, rng), skeleton, blazepose, rng)
    distance = samples.joints[:, 0].norm(dim=-1)
    assert distance.min() > 1 and distance.max() < 18
    low, middle, high = distance.quantile(torch.tensor([0.1, 0.5, 0.9]))
    assert low < 2.5 and 2.5 < middle < 7 and high > 7
    field = torch.rad2deg(2 * torch.atan(samples.image[:, 2:].amax(1)))
    assert field.min() > 34.9 and field.max() < 100.1
    assert torch.isfinite(samples.box).all()
    assert (samples.box[:, 2:] > samples.box[:, :2]).all()


def test_crop_cameras_keep_the_person_in_a_square(skeleton, rng):
    samples = lifting.crop_samples(Poses().draw(2000, rng), skeleton, rng)
    flat = samples.joints[..., :2] / samples.joints[..., 2:]
    width = samples.image[:, 2] - samples.image[:, 0]
    extent = (flat.amax(1) - flat.amin(1)).amax(1) / width
    assert 0.5 < extent.median() < 1 and extent.quantile(0.99) < 1.3
    focal = 1 / width
    assert focal.min() > 0.89 and focal.max() < 2.21


def test_mirrored_pose_is_the_mirrored_body(body, skeleton, rng):
    poses = torch.randn(20, 24, 3, generator=rng) * 0.5
    joints, _ = skeleton(lifting.rotation_from_axis_angle(poses), torch.zeros(20, 10))
    other, _ = skeleton(
        lifting.rotation_from_axis_angle(lifting.mirrored(poses)), torch.zeros(20, 10)
    )
    expected = joints[:, lifting.MIRRORED_JOINT] * torch.tensor([-1.0, 1.0, 1.0])
    assert (other - expected).abs().max() < 5e-3  # the rest skeleton is symmetric to millimetres
    for joint, mirror in enumerate(lifting.MIRRORED_JOINT):
        name = JOINT_NAMES[joint]
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert JOINT_NAMES[mirror] == swapped


def test_bends_bend_the_right_way(skeleton):
    """A full bend lifts the knee forward, the heel backward, and brings the wrist forward."""
    for (upper, lower), (first, second) in lifting.BENDS.items():
        pose = torch.zeros(2, 24, 3)
        pose[0, upper], pose[1, lower] = torch.tensor(first), torch.tensor(second)
        joints, _ = skeleton(lifting.rotation_from_axis_angle(pose), torch.zeros(2, 10))
        end = {4: 7, 18: 20}[lower]
        assert joints[0, lower, 2] > joints[0, upper, 2] + 0.1
        assert (joints[1, end, 2] - joints[1, lower, 2]) * (-1 if lower == 4 else 1) > 0.15


def test_a_hand_behind_the_back_is_self_occluded(skeleton):
    pose = torch.zeros(2, 24, 3)
    pose[:, 16, 2], pose[:, 17, 2] = -1.45, 1.45
    pose[:, 16, 1], pose[:, 18, 1] = 0.5, 0.0
    rotations = lifting.rotation_from_axis_angle(pose)
    facing = camera_sampling.FLIP
    away = facing @ camera_sampling.about("y", torch.tensor([np.pi], dtype=torch.float32))[0]
    rotations[0, 0], rotations[1, 0] = facing, away
    joints, landmarks = skeleton(rotations, torch.zeros(2, 10))
    shift = torch.tensor([0.0, 0.0, 4.0])
    hidden = keypoint_noise.self_occluded(landmarks + shift, joints + shift)
    assert not hidden[0, 0] and hidden[1, 0]  # the nose: from the front, from behind
    assert not hidden[:, 27:29].any()  # the ankles


def test_a_turned_camera_looks_at_the_person():
    rays = torch.tensor([[0.3, -0.2], [1.5, 0.8], [0.0, 0.0]])
    rotation = turn_to(rays)
    seen = rotation @ torch.cat([rays, torch.ones(3, 1)], 1)[..., None]
    assert seen[:, :2].abs().max() < 1e-6 and (seen[:, 2] > 0).all()
    assert (rotation @ rotation.transpose(1, 2) - torch.eye(3)).abs().max() < 1e-6
    assert (torch.linalg.det(rotation) - 1).abs().max() < 1e-6


def test_true_bodies_project_onto_perfect_keypoints(body, samples):
    """View, target and projection undo each other exactly."""
    flat = samples.landmarks[..., :2] / samples.landmarks[..., 2:]
    perfect = torch.cat([flat, torch.ones(len(flat), 33, 1)], -1)
    network = build(body)
    view = network.view(perfect, samples.box, samples.image)
    truth = target(samples, view)
    usable = (truth.place[:, :2].abs() < 2.9).all(1)
    assert usable.float().mean() > 0.9
    gap = (truth.image - view.keypoints)[usable]
    inside = view.keypoints[usable].abs() < 3.9
    assert gap[inside].abs().max() < 1e-3
    again = project(truth.landmarks, truth.place, view.scale)
    assert torch.equal(again, truth.image)


def test_the_view_does_not_depend_on_where_the_camera_looks(body, skeleton, rng):
    """The same person seen by a camera turned by 25 degrees gives the same network input."""
    samples = lifting.crop_samples(Poses().draw(50, rng), skeleton, rng)
    flat = samples.landmarks[..., :2] / samples.landmarks[..., 2:]
    turn = camera_sampling.about("y", torch.full((50,), np.radians(25), dtype=torch.float32))
    turned = samples.landmarks @ turn.transpose(1, 2)
    other = turned[..., :2] / turned[..., 2:]
    network = build(body)
    views = []
    for points in (flat, other):
        box = torch.cat([points.amin(1), points.amax(1)], 1)
        seen = torch.cat([points, torch.ones(50, 33, 1)], -1)
        views.append(network.view(seen, box, box * 2))
    gap = (views[0].keypoints - views[1].keypoints).abs()
    assert gap.mean() < 0.03 and gap.max() < 0.1
    assert (views[0].scale / views[1].scale - 1).abs().max() < 0.05
    untouched = (flat - flat.mean(1, keepdim=True)) - (other - other.mean(1, keepdim=True))
    assert untouched.abs().max() > 0.05
