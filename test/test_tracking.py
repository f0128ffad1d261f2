import numpy as np
import pytest
from made_bodies import CAMERA, somebody
from scipy.spatial.transform import Rotation

from hmr_ros.batch import concatenate
from hmr_ros.bodies import no_bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.rotations import geodesic_angle
from hmr_ros.parameters import validated
from hmr_ros.tracking.association import match
from hmr_ros.tracking.one_euro import OneEuro, OneEuroRotation
from hmr_ros.tracking.tracker import Tracker
from hmr_ros.tracks import TrackState

DT = 0.1


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def run(body, scene, **settings):
    """Tracks of every frame; ``scene`` yields a list of (x, z) a frame."""
    tracker = Tracker(validated(settings), body)
    results = []
    for i, people in enumerate(scene):
        bodies = [somebody(body, *p) for p in people]
        batch = concatenate(bodies) if bodies else no_bodies()
        results.append(tracker(batch, CAMERA, 100 + DT * i))
    return results


def test_ids_are_stable_and_in_order_of_appearance(body):
    results = run(body, [[(-1 + 0.05 * i, 5), (1, 4)] for i in range(20)])
    assert len(results[0]) == 0, "a person seen once is not published yet"
    assert all(r.ids.tolist() == [1, 2] for r in results[1:])


def test_two_people_crossing_keep_their_ids(body):
    scene = [[(-1.5 + 0.15 * i, 4.0), (1.5 - 0.15 * i, 5.5)] for i in range(21)]
    results = run(body, scene)
    for i, r in enumerate(results[1:], 1):
        near = r.bodies.transl[r.ids.tolist().index(1)]
        assert near[2] < 4.8 and abs(near[0] - scene[i][0][0]) < 0.35


def test_the_one_who_stays_keeps_the_id_when_the_other_leaves(body):
    results = run(body, [[(-1, 5), (1, 5)]] * 5 + [[(1, 5)]] * 40)
    assert results[-1].ids.tolist() == [2]


def test_a_newcomer_in_the_same_place_after_the_time_out_is_somebody_else(body):
    results = run(body, [[(0, 5)]] * 5 + [[]] * 25 + [[(0, 5)]] * 5, forget_s=2.0)
    assert results[4].ids.tolist() == [1] and results[-1].ids.tolist() == [2]


def test_an_unseen_person_coasts_with_growing_covariance_then_disappears(body):
    results = run(body, [[(0.5, 5)]] * 5 + [[]] * 10, coast_s=0.45)
    states = [[int(s) for s in r.states] for r in results]
    assert states[4] == [TrackState.TRACKED] and states[5:9] == [[TrackState.COASTING]] * 4
    assert states[9:] == [[]] * 6
    spread = [r.bodies.transl_cov[0, 2, 2] for r in results[4:9]]
    assert (np.diff(spread) > 0).all()
    assert (results[5].bodies.visibility == 0).all()


def test_a_short_gap_keeps_the_id_of_somebody_who_walks(body):
    scene = [[(-1 + 0.12 * i, 4)] if not 10 <= i < 14 else [] for i in range(25)]
    assert run(body, scene)[-1].ids.tolist() == [1]


def test_a_backward_jump_of_the_clock_starts_anew_with_fresh_ids(body):
    tracker = Tracker(validated({"min_hits": 1}), body)
    for stamp in (10.0, 10.1):
        first = tracker(somebody(body, 0, 4), CAMERA, stamp)
    again = tracker(somebody(body, 0, 4), CAMERA, 2.0)
    assert first.ids.tolist() == [1] and again.ids.tolist() == [2]


def test_the_same_stamp_twice_changes_nothing(body):
    tracker = Tracker(validated({"min_hits": 1}), body)
    a = tracker(somebody(body, 0, 4), CAMERA, 1.0)
    b = tracker(somebody(body, 0.2, 4), CAMERA, 1.0)
    assert np.allclose(a.bodies.transl, b.bodies.transl)


def test_bodies_that_were_not_found_measure_nobody(body):
    unseen = somebody(body, 0, 4).replace(found=np.zeros(1, bool))
    tracker = Tracker(validated({"min_hits": 1}), body)
    assert len(tracker(unseen, CAMERA, 1.0)) == 0


def test_smoothing_takes_jitter_away_and_follows_motion(body):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.04, (60, 2))
    still = run(body, [[(n[0], 5 + n[1])] for n in noise])
    x = np.array([r.bodies.transl[0, 0] for r in still[20:]])
    shake, shake_before = np.diff(x, 2).std(), np.diff(noise[20:, 0], 2).std()
    assert shake < 0.75 * shake_before
    walking = run(body, [[(-2 + 0.13 * i, 5)] for i in range(30)])
    lag = [(-2 + 0.13 * i) - r.bodies.transl[0, 0] for i, r in enumerate(walking) if i > 10]
    assert 0 <= np.median(lag) < 0.04, "under a third of a frame behind at 1.3 m/s"


def test_smoothed_joints_belong_to_the_smoothed_pose(body):
    result = run(body, [[(0.1 * i, 4 + 0.1 * i)] for i in range(10)])[-1].bodies
    rotations = result.rotations
    joints, _ = forward_kinematics(rotations, rest_joints(body, result.betas), body.parents)
    assert np.abs(joints + result.transl[:, None] - result.joints).max() < 1e-5
    assert np.abs(CAMERA.project(result.joints) - result.joints_2d).max() < 1e-3


def test_rotation_filter_stays_on_the_group_and_converges():
    goal = Rotation.from_rotvec([0.4, 2.0, -0.7]).as_matrix()
    smooth = OneEuroRotation(1.0, 0.5)
    smooth(np.eye(3)[None], 0.0)
    for _ in range(40):
        value = smooth(goal[None], 0.1)[0]
        assert np.abs(value.T @ value - np.eye(3)).max() < 1e-9
    assert geodesic_angle(value, goal) < 0.01


def test_rotation_filter_does_not_care_about_the_frame():
    rng = np.random.default_rng(4)
    frame = Rotation.from_rotvec([1.0, -0.4, 0.3]).as_matrix()
    samples = Rotation.from_rotvec(rng.normal(0, 0.5, (20, 3))).as_matrix()
    plain, turned = OneEuroRotation(1.0, 0.5), OneEuroRotation(1.0, 0.5)
    for sample in samples:
        a, b = plain(sample[None], 0.1), turned((frame @ sample)[None], 0.1)
    assert np.abs(frame @ a - b).max() < 1e-9


def test_one_euro_is_a_low_pass_of_the_asked_cutoff_at_rest():
    filter_ = OneEuro(1.0, 0.0)
    filter_(np.zeros(1), 0.0)
    value = filter_(np.ones(1), 0.1)
    tau = 1 / (2 * np.pi)
    assert np.isclose(value[0], 0.1 / (0.1 + tau))


def test_assignment_is_one_to_one_and_gated():
    joints = np.random.default_rng(0).uniform(0, 100, (1, 24, 2))
    far = joints + 1000
    both = np.concatenate([far, joints + 2])
    fresh, metres = np.array([0.1]), np.array([3.0])
    assert match(joints, metres, fresh, both, np.array([3.0, 3.0])) == [(0, 1)]
    assert match(joints, metres, fresh, far, metres) == []


def test_the_gate_widens_while_nobody_is_seen():
    joints = np.random.default_rng(0).uniform(0, 100, (1, 24, 2))
    beside, metres = joints + [90, 0], np.array([3.0])
    assert match(joints, metres, np.array([0.1]), beside, metres) == []
    assert match(joints, metres, np.array([2.0]), beside, metres) == [(0, 0)]
