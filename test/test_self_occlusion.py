"""Which joints of an estimated body lie behind its own flesh: by geometry, and by the renderer."""

import numpy as np
import pytest
from made_bodies import somebody
from scipy.spatial.transform import Rotation

from hmr_ros.body.model import load_body_model
from hmr_ros.body.self_occlusion import SOFTNESS, behind_itself, depth_inside
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED
from hmr_ros.data.motions import load_motions
from hmr_ros.evaluation.synocc import still
from hmr_ros.runtime.calibration import class_shares

LEFT, RIGHT = (18, 20, 22), (19, 21, 23)  # elbow, wrist, hand
CHEST, LEFT_HIP, LEFT_KNEE = 6, 1, 4


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def standing(body, facing_rad: float = 0.0) -> np.ndarray:
    """[24, 3] of somebody in the rest pose, 4 m before the camera, arms to the sides."""
    return somebody(body, 0.0, 4.0, facing_rad).joints[0].astype(float)


def with_arm(joints: np.ndarray, arm: tuple[int, ...], farther: float) -> np.ndarray:
    """The same, ``farther`` metres behind the chest with wrist and hand of one arm, the elbow
    beside the trunk."""
    side = np.sign(joints[arm[0], 0] - joints[CHEST, 0])
    moved = joints.copy()
    moved[list(arm)] = joints[CHEST] + [
        [0.3 * side, 0.1, farther],
        [0.05 * side, 0.05, farther],
        [-0.03 * side, 0.0, farther],
    ]
    return moved


@pytest.mark.parametrize("arm", [LEFT, RIGHT])
@pytest.mark.parametrize("facing", [0.0, np.pi])
def test_an_arm_behind_the_trunk_is_hidden_and_one_before_it_is_not(body, arm, facing):
    plain = standing(body, facing)
    behind = behind_itself(with_arm(plain, arm, 0.3)[None], body)[0]
    before = behind_itself(with_arm(plain, arm, -0.3)[None], body)[0]
    assert (behind[list(arm[1:])] > 0.95).all() and behind[arm[0]] < 0.05
    assert (before[list(arm)] < 0.05).all()
    free = [4, 5, 7, 8, 15]  # knees, ankles, head
    assert (behind[free] < 0.1).all()
    assert (behind_itself(plain[None], body)[0, [*LEFT, *RIGHT, *free]] < 0.1).all()


def test_the_outline_is_where_the_flesh_ends(body):
    """A wrist behind a thigh that is moved to its side is let out centimetre by centimetre."""
    joints = standing(body)
    middle = (joints[LEFT_HIP] + joints[LEFT_KNEE]) / 2
    steps = np.arange(0.0, 0.16, 0.01)
    people = np.tile(joints, (len(steps), 1, 1))
    outward = np.sign(joints[LEFT_HIP, 0] - joints[0, 0])
    # At the depth where a centimetre at the thigh is one of the ray's distance from its axis.
    people[:, 20] = middle + np.c_[outward * steps, 0 * steps, 0 * steps]
    people[:, 20] *= 1.15
    inside = depth_inside(people, body)[:, 20]
    axis = np.linalg.norm(np.cross(joints[LEFT_KNEE] - joints[LEFT_HIP], [0, 0, 1]))
    across = axis / np.linalg.norm(joints[LEFT_KNEE] - joints[LEFT_HIP])
    assert across == pytest.approx(1, abs=0.01)  # the thigh is upright, across the view
    assert -np.diff(inside) == pytest.approx(np.full(len(steps) - 1, 0.01), rel=0.1)
    assert 0.05 < np.interp(0, -inside, steps) < 0.12  # metres: half of a thigh's width
    soft = behind_itself(people, body)[:, 20]
    assert soft == pytest.approx(1 / (1 + np.exp(-inside / SOFTNESS)), abs=1e-6)


def test_a_camera_that_is_turned_sees_the_same(body):
    joints = with_arm(standing(body, 0.7), LEFT, 0.3)
    plain = behind_itself(joints[None], body)
    assert plain.max() > 0.9 and plain.min() < 0.01
    turns = Rotation.random(8, random_state=0).as_matrix()
    turned = behind_itself(np.einsum("nab,jb->nja", turns, joints), body)
    np.testing.assert_allclose(turned, np.repeat(plain, 8, 0), atol=1e-6)


def test_mirrored_people_are_hidden_on_the_other_side(body):
    joints = with_arm(standing(body, 0.5), LEFT, 0.25)
    swap = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
    mirrored = (joints * [-1, 1, 1])[swap]
    both = behind_itself(np.stack([joints, mirrored]), body)
    np.testing.assert_allclose(both[1], both[0, swap], atol=0.02)


def test_far_people_and_nobody_and_what_is_no_number(body):
    assert behind_itself(np.zeros((0, 24, 3)), body).shape == (0, 24)
    assert np.isfinite(behind_itself(np.zeros((1, 24, 3)), body)).all()
    people = np.stack([standing(body)] * 2)
    people[0, 3] = np.nan
    found = behind_itself(people, body)
    assert np.isnan(found[0]).any() and np.isfinite(found[1]).all()


def test_shares_of_the_classes_are_all_of_a_joint(body):
    joints = with_arm(standing(body), LEFT, 0.3)[None]
    visibility = np.full((1, 24), 0.3)
    shares = class_shares(visibility, joints, body)
    np.testing.assert_allclose(shares.sum(-1), 1)
    np.testing.assert_allclose(shares[..., 0], visibility)
    assert shares[0, 20] == pytest.approx([0.3, 0.7, 0], abs=0.05)
    assert shares[0, 7] == pytest.approx([0.3, 0, 0.7], abs=0.05)


def test_it_agrees_with_the_renderer(body, shared_data, record_property):
    """On true bodies, of joints that nothing else hides: skin, clothes and shapes of all people
    against capsules of the mean body."""
    source = still.calibration_source(body, load_motions(shared_data / "motions.npz"))
    pictures = [source.picture(n) for n in range(still.IMAGES, still.IMAGES + 24)]
    truth = np.concatenate([picture.visibility for picture in pictures])
    found = behind_itself(np.concatenate([picture.joints for picture in pictures]), body)
    counted = truth != HIDDEN
    own = (truth == SELF_OCCLUDED)[counted]
    agree = (found[counted] > 0.5) == own
    record_property("agreement", agree.mean())
    assert counted.sum() > 500 and 0.1 < own.mean() < 0.4
    assert agree.mean() > 0.9
    assert agree[own].mean() > 0.7 and agree[~own].mean() > 0.9
