import numpy as np
import pytest
from made_bodies import somebody
from scipy.spatial.transform import Rotation

from hmr_ros.batch import concatenate
from hmr_ros.body.fitting import fit
from hmr_ros.body.keypoints import bone_parts, keypoints
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rotations import geodesic_angle
from hmr_ros.people import People
from hmr_ros.refinement import refine

CAMERA = Camera(640, 480, 600, 600, 319.5, 239.5, (-0.2, 0.05, 0, 0), "plumb_bob")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def posed(body, turns: dict[int, list[float]], transl):
    """A body with some joints turned (axis-angle), and the people row that sees it exactly."""
    bodies = somebody(body, 0, 4)
    rotations = bodies.rotations
    for joint, vector in turns.items():
        rotations[0, joint] = rotations[0, joint] @ Rotation.from_rotvec(vector).as_matrix()
    transl = np.array([transl], np.float32)
    points = keypoints(body, rotations, bodies.betas, transl, "blazepose33")
    pixels = CAMERA.project(points).astype(np.float32)
    low, high = pixels[0].min(0), pixels[0].max(0)
    joints, _ = forward_kinematics(rotations, rest_joints(body, bodies.betas), body.parents)
    people = People(
        boxes=np.concatenate([low, high - low])[None],
        scores=np.ones(1, np.float32),
        keypoints=np.concatenate([pixels, np.ones((1, 33, 1), np.float32)], -1),
        found=np.ones(1, bool),
        keypoint_set="blazepose33",
        source=np.array(["given"]),
    )
    return rotations, joints + transl[:, None], people


def test_the_image_error_of_seen_points_vanishes(body):
    _, _, people = posed(body, {16: [0, 0, -0.4], 4: [0.3, 0, 0], 0: [0, 0.1, 0]}, [0.1, 0, 4.1])
    start = somebody(body, 0, 4)
    fitted = refine(start, people, CAMERA, body, steps=5)
    seen = people.keypoints[..., :2]

    def error(b):
        rotations = b.rotations
        points = keypoints(body, rotations, b.betas, b.transl, "blazepose33")
        return np.linalg.norm(CAMERA.project(points) - seen, axis=-1).mean()

    assert error(start) > 10 and error(fitted) < 0.15 * error(start)


def test_a_turn_in_the_image_plane_is_recovered(body):
    """An arm lowered sideways is seen without ambiguity, so the 3D elbow must come out right."""
    _, joints, people = posed(body, {16: [0, 0, -0.4]}, [0, 0, 4])
    start = somebody(body, 0, 4)
    fitted = refine(start, people, CAMERA, body, steps=5)
    elbow = 18
    before = np.linalg.norm(start.joints[0, elbow] - joints[0, elbow])
    after = np.linalg.norm(fitted.joints[0, elbow] - joints[0, elbow])
    assert before > 0.1 and after < 0.035


def test_a_body_that_fits_already_stays(body):
    """Bent elbows and knees included: the solver's keypoints must be those of the body."""
    bends = {18: [0, -1.2, 0], 19: [0, 0.8, 0], 4: [1.1, 0, 0], 1: [-0.6, 0, 0]}
    rotations, joints, people = posed(body, bends, [0, 0, 4])
    start = somebody(body, 0, 4).replace(
        global_orient=rotations[:, 0], body_pose=rotations[:, 1:], joints=joints.astype(np.float32)
    )
    fitted = refine(start, people, CAMERA, body)
    # Half a degree is left to the pose correctives, which the solver does without.
    assert geodesic_angle(start.body_pose, fitted.body_pose).max() < np.radians(0.5)
    assert np.abs(start.joints - fitted.joints).max() < 5e-3


def test_unseen_points_pull_nothing_and_wrong_ones_little(body):
    _, _, people = posed(body, {}, [0, 0, 4])
    points = people.keypoints.copy()
    points[0, 15] = [5, 5, 0.0]  # left wrist missing
    points[0, 16, :2] += 150  # right wrist on somebody else
    start = somebody(body, 0, 4)
    fitted = refine(start, people.replace(keypoints=points), CAMERA, body)
    assert np.abs(start.joints[0, 20] - fitted.joints[0, 20]).max() < 0.02
    assert np.abs(start.joints[0, 21] - fitted.joints[0, 21]).max() < 0.05


def test_a_doubtful_keypoint_pulls_less_than_a_sure_one(body):
    _, _, people = posed(body, {}, [0, 0, 4])
    start = somebody(body, 0, 4)

    def moved(confidence):
        points = people.keypoints.copy()
        points[0, 16] += [0, 12, 0]  # right wrist 8 cm off, well within what is believed
        points[0, 16, 2] = confidence
        fitted = refine(start, people.replace(keypoints=points), CAMERA, body)
        return np.linalg.norm(fitted.joints[0, 21] - start.joints[0, 21])

    assert moved(1.0) > 0.01 and moved(0.3) < 0.5 * moved(1.0) and moved(0.0) < 1e-3


def test_persons_are_independent_and_the_unfound_untouched(body):
    _, _, one = posed(body, {16: [0, 0, -0.4]}, [0, 0, 4])
    two = one.replace(found=np.zeros(1, bool))
    start = concatenate([somebody(body, 0, 4), somebody(body, 0.3, 5)])
    both = refine(start, concatenate([one, two]), CAMERA, body)
    alone = refine(start[0], one, CAMERA, body)
    assert np.abs(both.joints[0] - alone.joints[0]).max() < 1e-6
    assert np.array_equal(both.joints[1], start.joints[1])


def test_a_step_solves_the_normal_equations_of_numerical_derivatives(body):
    """The compiled step against one made of differences and numpy's solver."""
    rng = np.random.default_rng(4)
    turns = Rotation.from_rotvec(rng.normal(0, 0.3, (24, 3))).as_matrix()
    betas, transl = rng.normal(0, 1, (1, 10)), np.array([[0.2, -0.1, 4.0]])
    rest = rest_joints(body, betas)
    template, shape, share = bone_parts(body, "blazepose33")
    anchors = (template + shape @ betas[0])[None]
    weights = rng.uniform(100, 4000, (1, 33))
    information = rng.uniform(20, 200, (1, 75))
    outlier = np.array([0.05])

    def places(step):
        """Keypoints on the plane at z = 1 once the subtrees have turned and the body has moved."""
        joints, world = forward_kinematics(turns[None], rest, body.parents)
        joints, world = joints[0], world[0]
        parts = np.einsum("bij,kbj->kbi", world, anchors[0] - share[..., None] * rest[0])
        parts = parts + share[..., None] * joints
        points = parts.sum(1)
        for j in range(24):
            under = np.array([_hangs(body, b, j) for b in range(24)])
            lever = parts[:, under].sum(1) - share[:, under].sum(1)[:, None] * joints[j]
            points = points + np.cross(step[3 * j : 3 * j + 3], lever)
        points = points + transl[0] + step[72:]
        return points[:, :2] / points[:, 2:]

    rays = places(np.zeros(75)) + rng.normal(0, 0.02, (33, 2))
    small = 1e-6
    moves = [places(small * unit) - places(-small * unit) for unit in np.eye(75)]
    jacobian = np.stack(moves, -1).reshape(66, 75) / (2 * small)
    off = rays - places(np.zeros(75))
    robust = 1 / (1 + np.square(off).sum(-1) / outlier**2)
    pull = np.repeat(weights[0] * robust**2, 2)
    normal = jacobian.T @ (pull[:, None] * jacobian) + np.diag(information[0])
    expected = np.linalg.solve(normal, jacobian.T @ (pull * off.ravel()))
    expected *= min(1, 0.3 / np.abs(expected[:72]).max())

    rotations, moved = turns[None].copy(), transl.copy()
    given = (anchors, share, rays[None], weights, outlier, information, 1, 0.3)
    fit(rotations, moved, rest, body.parents, *given)
    assert np.abs(moved - transl - expected[72:]).max() < 1e-7
    _, before = forward_kinematics(turns[None], rest, body.parents)
    for j in range(24):
        parent = before[0, body.parents[j]] if body.parents[j] >= 0 else np.eye(3)
        turn = parent @ rotations[0, j] @ turns[j].T @ parent.T
        found = Rotation.from_matrix(turn).as_rotvec()
        assert np.abs(found - expected[3 * j : 3 * j + 3]).max() < 1e-7


def _hangs(body, bone: int, joint: int) -> bool:
    while bone > joint:
        bone = body.parents[bone]
    return bone == joint
