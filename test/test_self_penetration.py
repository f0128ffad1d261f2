"""Capsules against the mesh: a bone inside of another part is wound around twice by the skin."""

import numba
import numpy as np
import pytest

from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.motions import load_motions
from hmr_ros.data.self_penetration import fitted_capsules, mean_capsules, overlap, penetrates
from hmr_ros.geometry.rotations import matrix_from_axis_angle

# Places on the limbs' bones, away from joints where the skin folds: joint, next joint, shares.
_LEFT = [(16, 18, (0.7,)), (18, 20, (0.4, 0.65, 0.9)), (4, 7, (0.4, 0.65, 0.9)), (1, 4, (0.8,))]
PLACES = _LEFT + [(a + 1, b + 1, shares) for a, b, shares in _LEFT]


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@numba.njit
def winding_numbers(points, triangles):
    """How often a mesh goes around each point (van Oosterom & Strackee 1983): 1 inside, 2 where it
    overlaps itself."""
    out = np.zeros(len(points))
    for n in range(len(points)):
        x, y, z = points[n]
        for k in range(len(triangles)):
            ax, ay, az = triangles[k, 0, 0] - x, triangles[k, 0, 1] - y, triangles[k, 0, 2] - z
            bx, by, bz = triangles[k, 1, 0] - x, triangles[k, 1, 1] - y, triangles[k, 1, 2] - z
            cx, cy, cz = triangles[k, 2, 0] - x, triangles[k, 2, 1] - y, triangles[k, 2, 2] - z
            a = np.sqrt(ax * ax + ay * ay + az * az)
            b = np.sqrt(bx * bx + by * by + bz * bz)
            c = np.sqrt(cx * cx + cy * cy + cz * cz)
            volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
            rest = a * b * c + (ax * bx + ay * by + az * bz) * c
            rest += (bx * cx + by * cy + bz * cz) * a + (cx * ax + cy * ay + cz * az) * b
            out[n] += np.arctan2(volume, rest) / (2 * np.pi)
    return out


def truly_inside(body, rotations):
    """Whether a limb's bone lies within another part's skin, by the mesh."""
    rest = body.joint_template[None]
    joints = forward_kinematics(rotations[None], rest, body.parents)[0][0]
    points = [joints[a] + s * (joints[b] - joints[a]) for a, b, shares in PLACES for s in shares]
    mesh = vertices(body, rotations[None], np.zeros((1, 10)))[0]
    return winding_numbers(np.array(points), mesh[body.faces].astype(np.float64)).max() > 1.5


def posed(**vectors):
    pose = np.zeros((24, 3))
    for name, vector in vectors.items():
        pose[int(name[1:])] = vector
    return matrix_from_axis_angle(pose)


def test_plain_cases(body):
    """By hand: arms at the sides and on the hips are fine, through the belly or the head not."""
    clear = [
        posed(),
        posed(j16=(0, 0, -1.2), j17=(0, 0, 1.2)),
        posed(j1=(-1.5, 0, 0.2), j2=(-1.5, 0, -0.2), j4=(1.5, 0, 0), j5=(1.5, 0, 0)),
    ]
    through = [
        posed(j16=(0, 0, -1.45), j18=(0, 0, -1.3)),  # forearm down into the belly
        posed(j16=(0, -0.15, 1.2), j18=(0, 0, 1.95)),  # forearm through the head
        posed(j1=(0, 0, -0.5), j2=(0, 0, 0.5)),  # legs through each other
    ]
    assert not penetrates(body, np.array(clear)).any()
    assert penetrates(body, np.array(through)).all()
    for rotations in clear + through[:2]:
        assert truly_inside(body, rotations) == penetrates(body, rotations[None])[0]


def test_agreement_with_the_mesh_on_random_poses(body):
    rng = np.random.default_rng(1)
    poses = rng.normal(0, 0.45, (90, 24, 3))
    poses[:, 0] = 0
    poses[:, 16, 2] -= 1.0
    poses[:, 17, 2] += 1.0
    rotations = matrix_from_axis_angle(poses)
    truth = np.array([truly_inside(body, r) for r in rotations])
    found = penetrates(body, rotations)
    assert 15 < truth.sum() < 75
    assert found[truth].mean() > 0.85  # clear penetrations are found
    # Of what is rejected beyond that, most touches with the skin rather than with the bone.
    assert found[~truth].mean() < 0.4


def test_captured_poses_are_seldom_rejected(body, shared_data):
    train = load_motions(shared_data / "motions.npz").split("train")
    rotations = matrix_from_axis_angle(train.poses[::5].astype(np.float64))
    assert penetrates(body, rotations).mean() < 0.09
    assert penetrates(body, rotations, margin=0.03).mean() < 0.005


def test_capsules_lie_in_the_flesh_and_grow_with_the_body(body):
    capsules = mean_capsules(body)
    assert mean_capsules(body) is capsules
    skin = body.v_template.astype(np.float64)
    places = capsules.ends + capsules.rest[capsules.joint][:, None]
    gap = np.linalg.norm(skin - places.reshape(-1, 1, 3), axis=-1).min(1)
    assert np.allclose(gap, capsules.radii.ravel(), atol=1e-9)
    inside = winding_numbers(places.reshape(-1, 3), skin[body.faces])
    assert (inside > 0.9).all()
    sizes = []
    for beta in (-2.0, 2.0):
        betas = np.zeros(10)
        betas[1] = beta
        sizes.append(fitted_capsules(body, betas).radii.mean())
    assert abs(sizes[0] - sizes[1]) > 0.002


def test_the_root_does_not_matter(body):
    rng = np.random.default_rng(2)
    rotations = matrix_from_axis_angle(rng.normal(0, 0.5, (20, 24, 3)))
    turned = rotations.copy()
    turned[:, 0] = matrix_from_axis_angle(rng.normal(0, 2, (20, 3)))
    capsules = mean_capsules(body)
    assert (overlap(capsules, rotations) == overlap(capsules, turned)).all()
