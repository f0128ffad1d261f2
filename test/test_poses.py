"""Sampled poses: within limits, clear of themselves, repeatable, and what their names say."""

import time

import numpy as np
import pytest

from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import load_body_model
from hmr_ros.data.clips import Motions
from hmr_ros.data.joint_limits import (
    LIMITS,
    clamped,
    excess,
    from_swing_twist,
    swing_twist,
    within_limits,
    worst_excess,
)
from hmr_ros.data.motions import load_motions
from hmr_ros.data.pose_sampling.activities import ACTIVITIES
from hmr_ros.data.pose_sampling.limbs import arm, foot, leg, seen_from_trunk
from hmr_ros.data.pose_sampling.source import MARGIN
from hmr_ros.data.pose_sampling.turns import heading_removed, matrices, vectors
from hmr_ros.data.poses import EVERYDAY, MIRRORED, mirrored, sample_pose
from hmr_ros.data.self_penetration import penetrates
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle

PER_ACTIVITY = 150


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions():
    """Clips of people who stand with their arms down, and turn and sway."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.06, (120, 24, 3))
    poses[:, 0] = [0, 1, 0] * rng.uniform(-3, 3, (120, 1))
    poses[:, 22:] = 0
    poses[:, 16, 2] -= 1.2
    poses[:, 17, 2] += 1.2
    return Motions(
        poses=poses.astype(np.float32),
        trans=np.zeros((120, 3), np.float32),
        starts=np.array([0, 30, 120]),
        names=("a", "b"),
        splits=("train", "train"),
        fps=30.0,
    )


@pytest.fixture(scope="module")
def drawn(body, motions):
    """Joints [N, 24, 3] about the pelvis, poses and names of ``PER_ACTIVITY`` draws of each."""
    rng, out = np.random.default_rng(7), {}
    for activity in ACTIVITIES:
        samples = [sample_pose(rng, motions, body, {activity: 1.0}) for _ in range(PER_ACTIVITY)]
        poses = np.array([s.pose for s in samples])
        rest = np.broadcast_to(body.joint_template, (len(poses), 24, 3))
        joints, _ = forward_kinematics(matrix_from_axis_angle(poses), rest, body.parents)
        out[activity] = joints - joints[:, :1], poses, [s.activity for s in samples]
    return out


def test_all_poses_are_possible_and_face_ahead(body, drawn):
    for activity, (_, poses, names) in drawn.items():
        assert poses.shape == (PER_ACTIVITY, 24, 3) and poses.dtype == np.float64
        assert within_limits(poses, MARGIN).all(), activity
        assert not penetrates(body, matrix_from_axis_angle(poses)).any(), activity
        assert names.count(activity) >= 0.97 * PER_ACTIVITY, "tries should rarely run out"
        if activity not in ("lie", "wild"):
            ahead = matrix_from_axis_angle(poses[:, 0])[:, :, 2]
            yaw = np.degrees(np.arctan2(ahead[:, 0], np.hypot(ahead[:, 1], ahead[:, 2])))
            assert np.percentile(np.abs(yaw), 90) < 15, activity


def test_the_same_seed_gives_the_same_poses(body, motions):
    def draws(seed):
        rng = np.random.default_rng(seed)
        return [sample_pose(rng, motions, body) for _ in range(40)]

    first, second, other = draws(3), draws(3), draws(4)
    assert [s.activity for s in first] == [s.activity for s in second]
    assert (np.array([s.pose for s in first]) == np.array([s.pose for s in second])).all()
    assert (np.array([s.pose for s in first]) != np.array([s.pose for s in other])).any()


def test_activities_come_by_weight_and_unknown_ones_are_named(body, motions):
    rng = np.random.default_rng(0)
    weights = {"sit": 3.0, "lie": 1.0, "bend": 0.0}
    names = [sample_pose(rng, motions, body, weights).activity for _ in range(400)]
    assert abs(names.count("sit") / 400 - 0.75) < 0.07 and "bend" not in names
    assert set(EVERYDAY) <= set(ACTIVITIES)
    for bad in ({"fly": 1.0}, {}, {"sit": 0.0}, {"sit": -1.0, "lie": 2.0}):
        with pytest.raises(ValueError, match="expected weights of at least 0"):
            sample_pose(rng, motions, body, bad)


def bend_at(joints, a, b, c):
    """Degrees by which the limb a-b-c is bent at b, 0 if straight."""
    u, v = joints[:, b] - joints[:, a], joints[:, c] - joints[:, b]
    cosine = (u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def trunk_tilt(joints):
    """Degrees from upright of the line from the pelvis to the neck."""
    line = joints[:, 12] / np.linalg.norm(joints[:, 12], axis=-1, keepdims=True)
    return np.degrees(np.arccos(np.clip(line[:, 1], -1, 1)))


def share(condition):
    return np.mean(condition)


def test_who_sits_has_bent_hips_and_a_low_pelvis(drawn):
    joints, _, _ = drawn["sit"]
    thigh_up = np.array([joints[:, k, 1] - joints[:, h, 1] for h, k in ((1, 4), (2, 5))])
    trunk = joints[:, 12] - joints[:, 0]
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        thigh = joints[:, knee] - joints[:, hip]
        cosine = (thigh * -trunk).sum(-1)
        cosine = cosine / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(trunk, axis=-1)
        flexion = np.degrees(np.arccos(cosine))
        assert share((flexion > 55) & (flexion < 145)) > 0.95
        assert 75 < np.median(flexion) < 115
        knees = bend_at(joints, hip, knee, ankle)
        assert share((knees > 15) & (knees < 150)) > 0.93 and 60 < np.median(knees) < 110
    assert share(thigh_up > -0.32) > 0.97, "thighs do not hang"
    height = -joints[:, :, 1].min(1)
    assert share(height < 0.82) > 0.97 and np.median(height) < 0.6, "who stands: 0.88 m"
    assert share(trunk_tilt(joints) < 60) > 0.97


def test_who_lies_is_level_on_every_side(drawn):
    joints, poses, _ = drawn["lie"]
    assert share(np.abs(trunk_tilt(joints) - 90) < 30) > 0.97
    up = matrix_from_axis_angle(poses[:, 0])[:, 1]
    assert share(up[:, 2] > 0.7) > 0.3 and share(up[:, 2] < -0.7) > 0.1  # back, front
    assert share(np.abs(up[:, 0]) > 0.7) > 0.2  # sides


def test_who_crouches_or_kneels_is_low_and_who_bends_is_not(drawn):
    for activity, low, high in (("crouch", 0.25, 0.78), ("kneel", 0.12, 0.55), ("bend", 0.65, 0.9)):
        height = -drawn[activity][0][:, [7, 8, 4, 5], 1].min(1)
        assert share((height > low) & (height < high)) > 0.97, activity
    joints = drawn["crouch"][0]
    knees = np.array([bend_at(joints, 1, 4, 7), bend_at(joints, 2, 5, 8)])
    assert share(knees > 30) > 0.97
    assert share(trunk_tilt(drawn["bend"][0]) > 30) > 0.97
    # A knee is as low as the feet.
    joints = drawn["kneel"][0]
    assert share(joints[:, [4, 5], 1].min(1) < joints[:, [7, 8], 1].min(1) + 0.15) > 0.97


def test_who_reaches_has_a_hand_up_or_far_away(drawn):
    joints, _, _ = drawn["reach"]
    wrists, shoulders = joints[:, [20, 21]], joints[:, [16, 17]]
    above = wrists[..., 1] > shoulders[..., 1]
    far = np.linalg.norm((wrists - joints[:, 12:13])[..., [0, 2]], axis=-1) > 0.38
    down = wrists[..., 1] < -0.15
    assert share((above | far | down).any(1)) > 0.95
    assert share(above.any(1)) > 0.25


def test_wild_poses_use_most_of_the_limits(drawn):
    angles = swing_twist(drawn["wild"][1])
    for joint, axis in ((1, 0), (4, 0), (16, 1), (18, 1)):
        low, high = LIMITS[joint, axis]
        reach = np.percentile(angles[:, joint, axis], [2, 98])
        assert (reach[1] - reach[0]) / (high - low) > 0.5


def test_mirrored_poses_are_the_mirror_image(body, drawn):
    joints, poses, _ = drawn["wild"]
    rest = np.broadcast_to(body.joint_template, (len(poses), 24, 3))
    flipped = matrix_from_axis_angle(mirrored(poses))
    found, _ = forward_kinematics(flipped, rest, body.parents)
    wanted = joints[:, MIRRORED] * [-1, 1, 1]
    # The body itself is symmetric to a tenth of a millimetre.
    assert np.abs(found - found[:, :1] - wanted).max() < 1e-3


def test_a_pose_takes_less_than_a_millisecond(body, motions):
    rng = np.random.default_rng(0)
    sample_pose(rng, motions, body)
    start = time.process_time()
    for _ in range(200):
        sample_pose(rng, motions, body)
    # 0.3 ms where it was measured; room for a slow machine.
    assert (time.process_time() - start) / 200 < 2e-3


def test_swing_and_twist_are_what_they_claim():
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.7, (200, 24, 3))
    angles = swing_twist(poses)
    assert np.allclose(
        matrix_from_axis_angle(from_swing_twist(angles)), matrix_from_axis_angle(poses), atol=1e-9
    )
    for joint, axis in ((1, 1), (4, 1), (16, 0), (18, 0), (12, 1)):
        swing, twist = angles[:, joint].copy(), np.zeros((200, 3))
        twist[:, axis] = swing[:, axis]
        swing[:, axis] = 0
        wanted = matrix_from_axis_angle(poses[:, joint])
        found = matrix_from_axis_angle(swing) @ matrix_from_axis_angle(twist)
        assert np.allclose(found, wanted, atol=1e-9)


def test_both_sides_are_judged_alike_and_clamping_ends_within_limits():
    rng = np.random.default_rng(1)
    poses = rng.normal(0, 1.0, (300, 24, 3))
    assert np.allclose(excess(mirrored(poses))[:, MIRRORED], excess(poses), atol=1e-9)
    assert not within_limits(poses).all()
    assert np.allclose([worst_excess(p) for p in poses[:50]], excess(poses[:50]).max(1))
    inside = clamped(poses)
    assert within_limits(inside).all()
    gentle = poses * 0.02
    assert within_limits(gentle).all() and (clamped(gentle) == gentle).all()


@pytest.mark.parametrize(
    ("joint", "vector"),
    [(4, (-0.6, 0, 0)), (5, (-0.6, 0, 0)), (18, (0, 0.8, 0)), (19, (0, -0.8, 0)), (7, (2, 0, 0))],
    ids=["left knee forward", "right knee", "left elbow back", "right elbow", "foot"],
)
def test_broken_joints_are_out_of_limits(joint, vector):
    pose = np.zeros((24, 3))
    pose[joint] = vector
    assert not within_limits(pose, MARGIN)
    assert np.flatnonzero(excess(pose)).tolist() == [joint]
    assert within_limits(-pose if joint != 7 else 0 * pose)


def test_captured_people_keep_within_the_limits(shared_data):
    train = load_motions(shared_data / "motions.npz").split("train")
    assert within_limits(train.poses[::3], MARGIN).mean() >= 0.99


def test_compiled_rotations_agree_with_those_of_numpy():
    rng = np.random.default_rng(2)
    turns = rng.normal(0, 1.2, (500, 3))
    turns[:3] = [[0, 0, 0], [np.pi, 0, 0], [1e-9, 0, 0]]
    assert np.allclose(matrices(turns), matrix_from_axis_angle(turns), atol=1e-12)
    found, wanted = vectors(matrices(turns)), axis_angle_from_matrix(matrix_from_axis_angle(turns))
    assert np.allclose(matrices(found), matrix_from_axis_angle(wanted), atol=1e-9)
    yaw = heading_removed(matrices(turns)[7])
    assert abs(yaw[0, 2] - yaw[2, 0]) < 1e-12


def test_hands_and_feet_come_to_where_they_should(body):
    """Through the body's own kinematics, whatever the trunk does."""
    rng, rest = np.random.default_rng(5), body.joint_template.astype(np.float64)
    for _ in range(20):
        rotations = matrices(rng.normal(0, 0.3, (24, 3)))
        hand, ankle = rng.uniform([0.0, 0.1, 0.25], [0.3, 0.5, 0.4]), np.array([0.1, -0.6, 0.1])
        for side, sign in enumerate((1, -1)):
            point = hand * [sign, 1, 1]
            trunk_target = seen_from_trunk(rotations, rest, side, point)
            arm(rotations, rest, side, trunk_target, np.array([0, -1.0, 0]), 0.3)
            leg(rotations, rest, side, ankle * [sign, 1, 1], np.array([0, 0, 1.0]))
            foot(rotations, side, 0.0, 0.0)
        joints, turns = forward_kinematics(rotations[None], rest[None], body.parents)
        for side, sign in enumerate((1, -1)):
            reachable = np.linalg.norm(hand * [sign, 1, 1] - joints[0, (16, 17)[side]]) < 0.45
            if reachable:
                assert np.linalg.norm(joints[0, (20, 21)[side]] - hand * [sign, 1, 1]) < 0.01
            assert np.linalg.norm(joints[0, (7, 8)[side]] - ankle * [sign, 1, 1]) < 0.06
            assert np.allclose(turns[0, (7, 8)[side]], np.eye(3), atol=1e-9)
