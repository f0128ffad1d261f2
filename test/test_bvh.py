"""BVH files: written here from known poses, read back and carried over to SMPL's skeleton."""

import numpy as np
import pytest

from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import load_body_model
from hmr_ros.data.bvh import forward, read_bvh
from hmr_ros.data.bvh_motion import read_bvh_motion
from hmr_ros.data.clips import MotionError
from hmr_ros.data.motions import load_motions
from hmr_ros.geometry.rotations import matrix_from_axis_angle

scipy_rotation = pytest.importorskip("scipy.spatial.transform").Rotation

# The names of CMU's BVH conversion, by SMPL joint.
_CGSPEED = (
    "Hips LeftUpLeg RightUpLeg LowerBack LeftLeg RightLeg Spine LeftFoot RightFoot Spine1 "
    "LeftToeBase RightToeBase Neck1 LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm "
    "RightForeArm LeftHand RightHand LeftFingerBase RightFingerBase"
)
_ASF = (
    "root lfemur rfemur lowerback ltibia rtibia upperback lfoot rfoot thorax ltoes rtoes lowerneck "
    "lclavicle rclavicle head lhumerus rhumerus lradius rradius lwrist rwrist lhand rhand"
)
CGSPEED, ASF = _CGSPEED.split(), _ASF.split()
LIMBS = [(1, 4), (4, 7), (7, 10), (16, 18), (18, 20), (2, 5), (5, 8), (17, 19), (19, 21)]


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def random_poses(frames=7, spread=0.5, seed=0):
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, spread, (frames, 24, 3))
    poses[:, 22:] = 0
    return poses, rng.normal(0, 1, (frames, 3))


def bvh_text(rest, parents, rotations, trans, names, order="ZYX", unit=1.0, prefix=""):
    """A BVH file of a skeleton with rest joints [24, 3]; its angles come from scipy."""
    angles = scipy_rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler(order, degrees=True)
    angles = angles.reshape(len(rotations), 24, 3)
    lines, listed = ["HIERARCHY"], []

    def joint(j, depth):
        pad = "\t" * depth
        listed.append(j)
        place = rest[j] if parents[j] < 0 else rest[j] - rest[parents[j]]
        lines.append(f"{pad}{'ROOT' if depth == 0 else 'JOINT'} {prefix}{names[j]}")
        lines.append(pad + "{")
        lines.append(f"{pad}\tOFFSET " + " ".join(f"{v / unit:.9f}" for v in place))
        channels = [f"{axis}rotation" for axis in order]
        if depth == 0:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
        lines.append(f"{pad}\tCHANNELS {len(channels)} " + " ".join(channels))
        children = [c for c in range(24) if parents[c] == j]
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.append(f"{pad}\tEnd Site\n{pad}\t{{\n{pad}\t\tOFFSET 0 0.05 0\n{pad}\t}}")
        lines.append(pad + "}")

    joint(0, 0)
    lines += ["MOTION", f"Frames: {len(rotations)}", "Frame Time: 0.0333333"]
    for place, frame in zip(trans, angles, strict=True):
        row = [*(place / unit), *frame[listed].ravel()]
        lines.append(" ".join(f"{v:.9f}" for v in row))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("order", ["ZYX", "ZXY", "XYZ", "YXZ", "YZX", "XZY"])
def test_places_after_forward_kinematics(tmp_path, body, order):
    """scipy's upper case orders are intrinsic: what BVH's channels are."""
    poses, trans = random_poses()
    rotations = matrix_from_axis_angle(poses)
    text = bvh_text(body.joint_template, body.parents, rotations, trans, CGSPEED, order, unit=0.01)
    (tmp_path / "a.bvh").write_text(text)
    bvh = read_bvh(tmp_path / "a.bvh")
    rest = np.broadcast_to(body.joint_template, (len(poses), 24, 3))
    wanted = forward_kinematics(rotations, rest, body.parents)[0] + trans[:, None]
    places = forward(bvh)[0] * 0.01
    order_of = [bvh.names.index(name) for name in CGSPEED]
    assert np.abs(places[:, order_of] - wanted).max() < 1e-5


@pytest.mark.parametrize("names", [CGSPEED, ASF], ids=["cgspeed", "asf"])
@pytest.mark.parametrize("unit", [1.0, 0.01, 0.0254 / 0.45], ids=["m", "cm", "cmu"])
def test_the_same_skeleton_comes_back_as_the_pose(tmp_path, body, names, unit):
    poses, trans = random_poses(seed=1)
    rotations = matrix_from_axis_angle(poses)
    text = bvh_text(body.joint_template, body.parents, rotations, trans, names, "ZXY", unit)
    (tmp_path / "a.bvh").write_text(text)
    motions = load_motions(tmp_path / "a.bvh")
    assert motions.names == ("a",) and motions.splits == ("train",)
    rest = np.broadcast_to(body.joint_template, (len(poses), 24, 3))
    wanted = forward_kinematics(rotations, rest, body.parents)[0] + trans[:, None]
    back = matrix_from_axis_angle(motions.poses.astype(np.float64))
    found = forward_kinematics(back, rest, body.parents)[0] + motions.trans[:, None]
    assert np.abs(found - wanted).max() < 1e-4


def a_pose(body, degrees=50.0):
    """Rest joints with the arms hanging by ``degrees``, the feet apart and the toes turned out."""
    pose = np.zeros((1, 24, 3))
    pose[0, [16, 17], 2] = np.radians([-degrees, degrees])
    pose[0, [1, 2], 2] = np.radians([12, -12])
    pose[0, [7, 8], 1] = np.radians([20, -20])
    rest = body.joint_template[None]
    return forward_kinematics(matrix_from_axis_angle(pose), rest, body.parents)[0][0]


def test_limbs_point_where_those_of_an_a_posed_skeleton_do(tmp_path, body):
    poses, trans = random_poses(20, seed=2)
    rotations, rest = matrix_from_axis_angle(poses), a_pose(body)
    text = bvh_text(rest, body.parents, rotations, trans, CGSPEED, "ZXY", 0.01, "mixamorig:")
    (tmp_path / "a.bvh").write_text(text)
    source = forward_kinematics(
        rotations, np.broadcast_to(rest, (len(poses), 24, 3)), body.parents
    )[0]
    motions = read_bvh_motion(tmp_path / "a.bvh")
    back = matrix_from_axis_angle(motions.poses.astype(np.float64))
    own = np.broadcast_to(body.joint_template, (len(poses), 24, 3))
    found = forward_kinematics(back, own, body.parents)[0]
    for a, b in LIMBS:
        u, v = source[:, b] - source[:, a], found[:, b] - found[:, a]
        cosine = (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
        assert np.degrees(np.arccos(np.minimum(cosine, 1))).max() < 1.0, (a, b)


def test_a_skeleton_that_rests_with_another_front(tmp_path, body):
    """A rest pose that faces +X stands for the same posture: its motion is about the same world."""
    poses, trans = random_poses(seed=3)
    poses[:, 1:] = 0
    turn = matrix_from_axis_angle(np.array([0, np.pi / 2, 0]))
    text = bvh_text(
        body.joint_template @ turn.T,
        body.parents,
        matrix_from_axis_angle(poses)
        @ np.where(np.arange(24)[:, None, None] == 0, turn.T, np.eye(3)),
        trans,
        CGSPEED,
    )
    (tmp_path / "a.bvh").write_text(text)
    motions = read_bvh_motion(tmp_path / "a.bvh")
    assert np.allclose(
        matrix_from_axis_angle(motions.poses.astype(float))[:, 0],
        matrix_from_axis_angle(poses)[:, 0],
        atol=1e-5,
    )
    assert np.abs(motions.poses[:, 1:]).max() < 1e-5


def test_only_two_spine_joints_and_no_collars(tmp_path, body):
    """``Spine`` and ``Spine1`` between hips and arms are SMPL's first and last."""
    keep = [j for j in range(24) if j not in (6, 13, 14)]
    parents = {j: body.parents[j] for j in keep} | {9: 3, 16: 9, 17: 9}
    poses, trans = random_poses(seed=4)
    poses[:, [6, 13, 14]] = 0
    names = list(CGSPEED)
    names[3], names[9] = "Spine", "Spine1"
    text = bvh_text_of(body, keep, parents, poses, trans, names)
    (tmp_path / "a.bvh").write_text(text)
    back = read_bvh_motion(tmp_path / "a.bvh").poses
    assert np.allclose(
        matrix_from_axis_angle(back.astype(float)), matrix_from_axis_angle(poses), atol=1e-5
    )


def bvh_text_of(body, keep, parents, poses, trans, names):
    """As ``bvh_text`` with some joints left out."""
    lines = ["HIERARCHY"]
    euler = scipy_rotation.from_rotvec(poses.reshape(-1, 3)).as_euler("ZXY", degrees=True)
    euler, listed = euler.reshape(len(poses), 24, 3), []

    def joint(j, kind):
        listed.append(j)
        above = parents[j]
        offset = body.joint_template[j] - (0 if above < 0 else body.joint_template[above])
        lines.append(f"{kind} {names[j]} {{ OFFSET {offset[0]} {offset[1]} {offset[2]}")
        place = "6 Xposition Yposition Zposition" if above < 0 else "3"
        lines.append(f"CHANNELS {place} Zrotation Xrotation Yrotation")
        for child in keep:
            if parents[child] == j:
                joint(child, "JOINT")
        lines.append("}")

    joint(0, "ROOT")
    lines.append(f"MOTION Frames: {len(poses)} Frame Time: 0.008333")
    for place, frame in zip(trans, euler, strict=True):
        lines.append(" ".join(str(v) for v in [*place, *frame[listed].ravel()]))
    return "\n".join(lines)


GOOD = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  End Site
  {
    OFFSET 0 1 0
  }
}
MOTION
Frames: 1
Frame Time: 0.04
1 2 3 0 0 90
"""


def test_a_tiny_file_by_hand(tmp_path):
    (tmp_path / "t.bvh").write_text(GOOD)
    bvh = read_bvh(tmp_path / "t.bvh")
    assert bvh.names == ("Hips",) and bvh.seconds == 0.04
    assert np.allclose(bvh.positions[0, 0], [1, 2, 3])
    assert np.allclose(bvh.rotations[0, 0] @ bvh.tips[0], [0, 0, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("HIERARCHY", "HIERARCHIE"), "line 1: expected hierarchy, found HIERARCHIE"),
        (("OFFSET 0 0 0", "OFFSET 0 zero 0"), "line 4: expected an offset, found zero"),
        (("Zrotation", "Wrotation"), "line 5: expected a channel such as Xrotation"),
        (("Frames: 1", "Frames: 2"), "holds 6 numbers, expected 2 frames x 6 channels = 12"),
        (("1 2 3 0 0 90", "1 2 3 0 0 nan"), "not finite"),
        (("1 2 3 0 0 90", "1 2 3 0 0 x"), "MOTION"),
        (("Frame Time: 0.04", "Frame Time: 0"), "a time above 0"),
        (("}\nMOTION", "MOTION"), "line 10: expected joint or end or }, found MOTION"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path, change, said):
    (tmp_path / "bad.bvh").write_text(GOOD.replace(*change))
    with pytest.raises(MotionError, match=said) as error:
        read_bvh(tmp_path / "bad.bvh")
    assert "bad.bvh" in str(error.value)


def test_a_skeleton_without_known_names(tmp_path):
    (tmp_path / "cat.bvh").write_text(GOOD)
    with pytest.raises(MotionError, match="left_hip.*the skeleton has Hips"):
        load_motions(tmp_path / "cat.bvh")
