import numpy as np
import pytest
from made_bodies import somebody
from scipy.spatial.transform import Rotation

from hmr_ros.batch import concatenate
from hmr_ros.body.keypoints import keypoints
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
