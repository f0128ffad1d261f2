"""Limbs that reach for the true ones from a torso that is not theirs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.geometry.rotations import matrix_from_axis_angle  # noqa: E402
from hmr_ros.models.factorized_state import DISTAL, LIMBS, TORSO  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.models.reaching import BONES, in_view, least_turn, reaching  # noqa: E402

PEOPLE = 60


@pytest.fixture(scope="module")
def skeleton():
    return skeleton_of(load_body_model())


@pytest.fixture(scope="module")
def people(skeleton):
    """Rotations and joints of people, and an anchor whose torso is off by up to half a radian."""
    rng = np.random.default_rng(0)
    rotations = turns(rng.normal(0, 0.4, (PEOPLE, 24, 3)))
    anchor = rotations @ turns(rng.normal(0, 0.15, (PEOPLE, 24, 3)))
    betas = torch.zeros(PEOPLE, 10)
    return rotations, skeleton(rotations, betas)[0], anchor, betas


def turns(vectors):
    return torch.from_numpy(matrix_from_axis_angle(vectors)).float()


def test_bones_end_where_the_body_models_next_joint_is(skeleton):
    assert list(skeleton.parents) == load_body_model().parents.tolist()
    assert all(skeleton.parents[end] == joint for bones in BONES for joint, end in bones.items())


def test_true_limbs_on_their_own_torso_stay(skeleton, people):
    rotations, joints, _, betas = people
    found = reaching(skeleton, rotations, betas, rotations, joints)
    assert torch.allclose(found, rotations, atol=1e-4)


def test_limbs_on_another_torso_point_at_the_true_joints(skeleton, people):
    rotations, joints, anchor, betas = people
    found = reaching(skeleton, anchor, betas, rotations, joints)
    own, _ = skeleton(found, betas)
    assert torch.allclose(found[:, list(TORSO)], anchor[:, list(TORSO)], atol=1e-5)
    assert torch.allclose(found @ found.transpose(2, 3), torch.eye(3).expand_as(found), atol=1e-5)
    for bones in BONES:
        for joint, end in bones.items():
            bone, wanted = own[:, end] - own[:, joint], joints[:, end] - own[:, joint]
            cosine = torch.nn.functional.cosine_similarity(bone, wanted, dim=1)
            assert cosine.min() > 1 - 1e-5
    # Hands and feet are turned as the true ones.
    own_way, true_way = (in_view(r, skeleton.parents) for r in (found, rotations))
    for joint in (20, 21, 7, 8):
        assert torch.allclose(own_way[:, joint], true_way[:, joint], atol=1e-4)
    # Nearer to the true joints than limbs that turn as the true ones do.
    turned = anchor.clone()
    turned[:, list(LIMBS)] = rotations[:, list(LIMBS)]
    off = [(skeleton(r, betas)[0] - joints)[:, list(DISTAL)].norm(dim=-1).mean()
           for r in (found, turned)]  # fmt: skip
    assert off[0] < 0.35 * off[1]


def test_the_goal_has_all_its_digits_under_autocast(skeleton, people):
    rotations, joints, anchor, betas = people
    plain = reaching(skeleton, anchor, betas, rotations, joints)
    with torch.autocast("cpu", torch.bfloat16):
        found = reaching(skeleton, anchor, betas, rotations, joints)
    assert torch.allclose(found, plain, atol=1e-5)


def test_the_least_turn_has_the_angle_between_the_directions():
    rng = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 200, 3, generator=rng)
    turn = least_turn(start, end)
    moved = torch.nn.functional.normalize((turn @ start[..., None])[..., 0], dim=1)
    assert torch.allclose(moved, torch.nn.functional.normalize(end, dim=1), atol=1e-4)
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=1)
    trace = turn.diagonal(dim1=1, dim2=2).sum(1)
    assert torch.allclose((trace - 1) / 2, cosine, atol=1e-4)
    assert torch.allclose(least_turn(start, 3 * start), torch.eye(3).expand(200, 3, 3), atol=1e-5)
