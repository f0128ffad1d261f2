"""Capsules of body parts: they hold the flesh, and grow with uncertainty as they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_bodies import somebody
from scipy.spatial.transform import Rotation

from hmr_ros.batch import concatenate
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.drawing.capsule_mesh import triangles
from hmr_ros.occupancy import SEGMENTS, capsules, credible_radius, inflated


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def turned(eigenvalues, seed):
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return (axes * np.asarray(eigenvalues)) @ axes.T


@given(
    st.lists(st.floats(1e-4, 0.5), min_size=3, max_size=3),
    st.floats(0.5, 0.99),
    st.integers(0, 100),
)
@settings(max_examples=25, deadline=None)
def test_balls_hold_the_promised_share_of_gaussian_errors(eigenvalues, level, seed):
    covariance = turned(eigenvalues, seed)
    errors = np.random.default_rng(seed).multivariate_normal(np.zeros(3), covariance, 20_000)
    held = (np.linalg.norm(errors, axis=1) <= credible_radius(covariance, level)).mean()
    assert held == pytest.approx(level, abs=0.03)


def test_known_radii():
    # Of a round Gaussian: the root of the chi-square quantile with three degrees of freedom.
    assert credible_radius(0.01 * np.eye(3), 0.9) == pytest.approx(0.1 * 6.2514**0.5, rel=0.01)
    assert credible_radius(np.eye(3), 0.0) == 0
    assert credible_radius(np.zeros((2, 3, 3)), 0.95).max() < 0.01
    for level in (-0.1, 1.0, 2.0):
        with pytest.raises(ValueError, match="expected 0 or more and less than 1"):
            credible_radius(np.eye(3), level)


def people(body, count, seed=0):
    """Bodies in different poses and shapes."""
    rng = np.random.default_rng(seed)
    bodies = concatenate([somebody(body, 0.5 * n, 3 + n) for n in range(count)])
    pose = np.stack([random_rotations(rng, 23, 0.5 * n) for n in range(count)])
    bodies = bodies.replace(
        body_pose=pose.astype(np.float32),
        betas=rng.normal(size=(count, 10)).astype(np.float32),
    )
    rest = rest_joints(body, bodies.betas)
    joints, _ = forward_kinematics(bodies.rotations, rest, body.parents)
    return bodies.replace(joints=(joints + bodies.transl[:, None]).astype(np.float32))


def random_rotations(rng, count, strength):
    return Rotation.from_rotvec(strength * rng.normal(size=(count, 3))).as_matrix()


def meshes(body, bodies):
    return vertices(body, bodies.rotations, bodies.betas, bodies.transl)


def inside(points, found, row):
    """Whether points [P, 3] lie in capsule ``row``: nearest place by search, not by formula."""
    steps = np.linspace(0, 1, 201)[:, None]
    axis = found.start[row] + steps * (found.end[row] - found.start[row])
    radius = found.start_radius[row] + steps[:, 0] * (
        found.end_radius[row] - found.start_radius[row]
    )
    gaps = np.linalg.norm(points[:, None] - axis, axis=-1) - radius
    return gaps.min(1) < 1e-3


def test_every_part_of_the_flesh_is_in_its_capsule(body):
    bodies = people(body, 3)
    mesh = meshes(body, bodies)
    found = capsules(bodies, mesh, body, level=0.0)
    assert len(found) == 3 * len(SEGMENTS)
    for row in range(len(found)):
        own = mesh[found.person[row]][body.part_id == found.part[row]]
        assert inside(own, found, row).all(), (found.person[row], found.part[row])
    # And not much more than the flesh: an upper arm is no barrel.
    for part, most in ((18, 0.12), (4, 0.14), (1, 0.2), (15, 0.25)):
        assert found.start_radius[found.part == part].max() < most


def test_capsules_grow_where_the_joint_is_uncertain_and_only_there(body):
    bodies = somebody(body, 0.2, 3)
    sure = bodies.replace(
        joint_cov=np.zeros_like(bodies.joint_cov), transl_cov=np.zeros_like(bodies.transl_cov)
    )
    cov = sure.joint_cov.copy()
    cov[0, 20] = 0.04 * np.eye(3)  # the left wrist
    unsure = sure.replace(joint_cov=cov)
    mesh = meshes(body, bodies)
    small, large = (capsules(b, mesh, body, 0.95) for b in (sure, unsure))
    grown = large.end_radius - small.end_radius, large.start_radius - small.start_radius
    reach = credible_radius(0.04 * np.eye(3), 0.95)
    assert reach == pytest.approx(0.2 * 7.815**0.5, rel=0.01)
    parts = small.part
    assert grown[0][parts == 18] == pytest.approx(reach, abs=0.01)  # the forearm's end
    assert grown[1][parts == 18] == pytest.approx(0, abs=0.01)
    assert grown[1][parts == 20] == pytest.approx(reach, abs=0.01)  # the hand's beginning
    others = ~np.isin(parts, (18, 20))
    assert np.abs(grown[0][others]).max() < 1e-6 and np.abs(grown[1][others]).max() < 1e-6
    # The place of the whole person counts for all parts.
    far = capsules(sure.replace(transl_cov=sure.transl_cov + 0.01 * np.eye(3)), mesh, body, 0.95)
    assert (far.start_radius - small.start_radius).min() > 0.2


def test_flesh_drawn_from_the_distribution_lies_in_the_capsules(body):
    """The whole claim, by simulation: the person is somewhere around the estimate, as the
    covariances say, and 95 % of each part's flesh is inside."""
    bodies = somebody(body, 0.2, 3)
    rng = np.random.default_rng(0)
    cov = np.tile(0.02**2 * np.eye(3), (1, 24, 1, 1))
    cov[:, [18, 20, 22]] = turned([0.09**2, 0.05**2, 0.15**2], 3)
    bodies = bodies.replace(
        joint_cov=cov.astype(np.float32),
        transl_cov=np.array([turned([1e-4, 1e-4, 0.04], 4)], np.float32),
    )
    mesh = meshes(body, bodies)
    found = capsules(bodies, mesh, body, 0.95)
    held = {part: [] for part in (4, 18, 20, 15)}
    for _ in range(300):
        place = rng.multivariate_normal(np.zeros(3), bodies.transl_cov[0].astype(float))
        for part, shares in held.items():
            moved = place + rng.multivariate_normal(np.zeros(3), cov[0, part].astype(float))
            own = mesh[0][body.part_id == part][::10] + moved
            shares.append(inside(own, found, int(np.flatnonzero(found.part == part)[0])).mean())
    for part, shares in held.items():
        assert np.mean(shares) > 0.93, part


def test_inflated_points_stand_off_the_flesh_by_what_is_not_known(body):
    bodies = people(body, 2)
    cov = np.zeros_like(bodies.joint_cov)
    cov[0, [18, 20]] = 0.04 * np.eye(3)  # the left forearm of the first
    bodies = bodies.replace(joint_cov=cov, transl_cov=np.zeros_like(bodies.transl_cov))
    mesh, parts = meshes(body, bodies).astype(float), body.part_id
    moved = np.linalg.norm(inflated(mesh, parts, bodies, 0.95) - mesh, axis=-1)
    assert moved[0, parts == 18] == pytest.approx(0.2 * 7.815**0.5, rel=0.02)
    assert moved[1].max() < 0.01 and moved[0, parts == 4].max() < 0.01
    # Outward: what is moved lies about the axis, farther out, and never inside.
    out = inflated(mesh, parts, bodies, 0.95)[0, parts == 18]
    found = capsules(bodies, mesh, body, 0.0)
    assert not inside(out, found, int(np.flatnonzero(found.part == 18)[0])).any()
    assert np.array_equal(inflated(mesh, parts, bodies, 0.0), mesh)


def test_nobody_has_no_capsules(body):
    from hmr_ros.bodies import no_bodies

    found = capsules(no_bodies(), np.zeros((0, 6890, 3)), body, 0.9)
    assert len(found) == 0
    assert inflated(np.zeros((0, 5, 3)), np.zeros(5, int), no_bodies(), 0.9).shape == (0, 5, 3)


def test_the_mesh_of_a_capsule_is_closed_and_seen_from_outside(body):
    bodies = people(body, 2)
    found = capsules(bodies, meshes(body, bodies), body, 0.5)
    corners = triangles(found)
    a, b, c = corners[:, :, 0], corners[:, :, 1], corners[:, :, 2]
    # The volume by the divergence theorem: positive if faces look outward, and near the formula's.
    volume = (a * np.cross(b, c)).sum(-1).sum(1) / 6
    length = np.linalg.norm(found.end - found.start, axis=1)
    r, q = found.start_radius, found.end_radius
    true = np.pi * length * (r * r + r * q + q * q) / 3 + 2 / 3 * np.pi * (r**3 + q**3)
    assert (volume > 0.8 * true).all() and (volume < true).all()
    edges = np.round(np.stack([corners, np.roll(corners, -1, 2)], 3), 9)[0].reshape(-1, 2, 3)
    there = {tuple(map(tuple, e)) for e in edges}
    assert all((end, start) in there for start, end in there)
