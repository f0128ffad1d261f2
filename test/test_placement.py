import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_bodies import CAMERA, somebody

from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.depth import depth_at
from hmr_ros.geometry.translation import solve_translation
from hmr_ros.people import People, no_people
from hmr_ros.placement import place


def standing(rng: np.random.Generator, n: int = 1) -> np.ndarray:
    """[n, 33, 3] points of somebody about 1.7 m tall."""
    return rng.uniform([-0.3, -0.85, -0.15], [0.3, 0.85, 0.15], (n, 33, 3))


@given(
    x=st.floats(-2, 2),
    y=st.floats(-1, 1),
    z=st.floats(1.5, 15),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_exact_rays_give_the_exact_place(x, y, z, seed):
    points = standing(np.random.default_rng(seed))
    true = np.array([[x, y, z]])
    seen = points + true[:, None]
    transl, _ = solve_translation(
        points,
        seen[..., :2] / seen[..., 2:],
        np.ones((1, 33)),
        true * 1.5,
        np.array([1e3]),
    )
    assert np.abs(transl - true).max() < 1e-3 * z


def test_a_third_of_wrong_keypoints_moves_the_body_little():
    rng = np.random.default_rng(1)
    points = standing(rng, 50)
    true = rng.uniform([-1, -0.5, 3], [1, 0.5, 8], (50, 3))
    seen = points + true[:, None]
    rays = seen[..., :2] / seen[..., 2:]
    rays[:, :11] += rng.normal(0, 0.4, (50, 11, 2)) / true[:, None, 2:]
    transl, _ = solve_translation(points, rays, np.ones((50, 33)), true * 1.2, 0.5 * true[:, 2])
    assert np.median(np.abs(transl[:, 2] / true[:, 2] - 1)) < 0.02


def test_covariance_tells_the_scatter():
    rng = np.random.default_rng(2)
    points = np.repeat(standing(rng), 400, 0)
    true = np.repeat([[0.4, 0.1, 5.0]], 400, 0)
    seen = points + true[:, None]
    rays = seen[..., :2] / seen[..., 2:] + rng.normal(0, 0.05 / 5, (400, 33, 2))
    transl, cov = solve_translation(points, rays, np.ones((400, 33)), true, np.full(400, 1e3))
    scatter = np.cov((transl - true).T)
    for axis in range(3):
        ratio = np.sqrt(cov[:, axis, axis].mean() / scatter[axis, axis])
        assert 0.75 < ratio < 1.33


def seen_exactly(body, made) -> People:
    """One person, whose keypoints lie where the body's are."""
    points = keypoints(body, made.rotations, made.betas, made.transl, "blazepose33")
    seen = np.concatenate([CAMERA.project(points), np.ones((1, 33, 1))], -1).astype(np.float32)
    return no_people().replace(
        boxes=np.array([[200, 50, 200, 380]], np.float32),
        scores=np.ones(1, np.float32),
        keypoints=seen,
        found=np.ones(1, bool),
        source=np.array(["given"]),
    )


# Guessed nearer or farther than it is placed, the network's doubt is the same share of the
# distance, along the ray and across it.
@pytest.mark.parametrize("doubt, expected", [(0.02, 0.055), (0.2, 0.2)])
@pytest.mark.parametrize("guessed", [0.7, 1.0, 1.5])
def test_the_place_is_at_least_as_unsure_as_the_network_says(doubt, expected, guessed):
    body = load_body_model()
    true = somebody(body, 1.0, 4.0)
    made = somebody(body, guessed * 1.0, guessed * 4.0)
    toward = made.transl[0].astype(float) / np.linalg.norm(made.transl[0])
    along = np.linalg.norm(made.transl[0]) * doubt * toward
    # Across its ray by 7 cm, however well exact keypoints agree with a body in this pose.
    own = np.outer(along, along) + 0.07**2 * (np.eye(3) - np.outer(toward, toward))
    made = made.replace(transl_cov=own[None])
    placed = place(made, seen_exactly(body, true), CAMERA, body)
    far = np.linalg.norm(placed.transl[0])
    assert np.abs(placed.transl - true.transl).max() < 0.15
    std = np.sqrt(toward @ placed.transl_cov[0] @ toward) / far
    assert std == pytest.approx(expected, rel=0.08)
    reach = 0.07 * far / np.linalg.norm(made.transl[0])
    for across in (np.cross(toward, [0, 1, 0]), np.cross(toward, [1, 0, 0])):
        across /= np.linalg.norm(across)
        assert np.sqrt(across @ placed.transl_cov[0] @ across) == pytest.approx(reach, rel=0.08)


def test_the_doubt_lies_along_the_ray_of_the_pelvis():
    """Bodies whose pelvis is not where ``transl`` is, as SMPL's: here 0.4 m below."""
    body = load_body_model()
    made = somebody(body, 0.5, 3.0)
    pelvis = (made.joints[0, 0] + [0, 0.4, 0]).astype(float)
    own = 0.2**2 * np.outer(pelvis, pelvis)
    moved = made.replace(
        joints=(made.joints + np.float32([0, 0.4, 0])), transl_cov=own[None].astype(np.float32)
    )
    cov = place(moved, seen_exactly(body, made), CAMERA, body).transl_cov[0].astype(float)
    toward = pelvis / np.linalg.norm(pelvis)
    variances, axes = np.linalg.eigh(cov)
    assert abs(axes[:, 2] @ toward) > 0.9999
    assert np.sqrt(variances) / np.linalg.norm(pelvis) == pytest.approx(
        [0.003, 0.003, 0.2], abs=0.004
    )


def test_without_a_seen_point_the_prior_decides():
    prior = np.array([[0.3, -0.1, 4.0]])
    transl, cov = solve_translation(
        standing(np.random.default_rng(3)),
        np.full((1, 33, 2), np.nan),
        np.ones((1, 33)),
        prior,
        np.array([0.5]),
    )
    assert np.allclose(transl, prior, atol=1e-5) and np.isclose(cov[0, 2, 2], 0.25)


@pytest.mark.parametrize("hole", [0.0, np.nan, -1.0])
def test_depth_is_the_median_and_ignores_holes(hole):
    depth = np.full((40, 60), 3.0, np.float32)
    depth[10:13, 20:23] = hole
    depth[9, 20] = 9.0
    read = depth_at(depth, np.array([[21.0, 11.0], [-50.0, 5.0], [np.nan, 1.0], [59.4, 39.4]]))
    assert read[0] == 3.0 and np.isnan(read[1:3]).all() and read[3] == 3.0
    depth[:] = hole
    assert np.isnan(depth_at(depth, np.array([[30.0, 20.0]]))).all()
