"""People followed by a camera that turns and drives: in the world they do what they did."""

import numpy as np
import pytest
from made_bodies import CAMERA, somebody
from scipy.spatial.transform import Rotation

from hmr_ros.batch import concatenate
from hmr_ros.bodies import no_bodies
from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.geometry.rotations import geodesic_angle
from hmr_ros.parameters import validated
from hmr_ros.tracking.ego_motion import ego_motion
from hmr_ros.tracking.tracker import Tracker
from hmr_ros.tracks import TrackState

DT = 0.1
HOME = CameraPose(np.eye(3), np.zeros(3))


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def turned(yaw_rad: float, place=(0.0, 0.0, 0.0)) -> CameraPose:
    """A level camera; the world is the camera frame of ``turned(0)``."""
    return CameraPose(Rotation.from_euler("y", -yaw_rad).as_matrix(), np.array(place, float))


def seen_from(pose: CameraPose, person, body, camera=CAMERA):
    """A person who is told in the world, as the camera sees them: each part by its own rule."""
    root = rest_joints(body, person.betas)[0, 0]
    joints = (person.joints - pose.position) @ pose.rotation.T
    turn = pose.rotation
    joints = joints.astype(np.float32)
    return person.replace(
        global_orient=(turn @ person.global_orient).astype(np.float32),
        transl=(joints[:, 0] - root).astype(np.float32),
        joints=joints,
        joint_cov=(turn @ person.joint_cov @ turn.T).astype(np.float32),
        transl_cov=(turn @ person.transl_cov @ turn.T).astype(np.float32),
        joints_2d=camera.project(joints),
    )


def pelvis_in_world(tracks, pose: CameraPose, row: int = 0) -> np.ndarray:
    return tracks.bodies.joints[row, 0] @ pose.rotation + pose.position


def followed(body, people, poses, told=True, **settings):
    """Tracks of every image; people: in the world at each, or None while nobody is seen."""
    tracker = Tracker(validated({"min_hits": 1, **settings}), body)
    found = []
    for k, (person, pose) in enumerate(zip(people, poses, strict=True)):
        bodies = no_bodies() if person is None else seen_from(pose, person, body)
        found.append(tracker(bodies, CAMERA, 100 + DT * k, pose if told else None))
    return found


def test_a_body_is_carried_to_where_the_other_camera_sees_it(body):
    rng = np.random.default_rng(3)
    poses = [CameraPose(Rotation.random(random_state=rng).as_matrix(), rng.normal(0, 3, 3))
             for _ in range(2)]  # fmt: skip
    spread = rng.normal(0, 0.1, (1, 24, 3, 3)).astype(np.float32)
    person = somebody(body, 0.4, 5.0, facing_rad=0.7)
    person = person.replace(joint_cov=spread @ np.swapaxes(spread, -1, -2))
    person = person.replace(transl_cov=person.joint_cov[:, 4])
    root = np.array([0.1, -0.3, 0.05], np.float32)  # the open body's pelvis is at its origin
    before, now = (seen_from(pose, person, body) for pose in poses)
    before, now = (b.replace(transl=b.joints[:, 0] - root) for b in (before, now))
    carried = ego_motion(*poses).bodies(before, root)
    for name in ("global_orient", "transl", "joints", "joint_cov", "transl_cov"):
        np.testing.assert_allclose(getattr(carried, name), getattr(now, name), atol=2e-5)
    assert ego_motion(None, poses[1]) is None and ego_motion(poses[0], None) is None


def test_somebody_hidden_stays_put_while_the_robot_turns_and_drives(body):
    person = somebody(body, 0.3, 4.0)
    poses = [turned(0.06 * k, (0.0, 0.0, 0.03 * k)) for k in range(30)]
    people = [person] * 10 + [None] * 20
    off, swing = [], []
    for into, told in ((off, True), (swing, False)):
        tracks = followed(body, people, poses, told, coast_s=3.0)
        assert all(t.states.tolist() == [TrackState.COASTING] for t in tracks[10:])
        for t, pose in zip(tracks[10:], poses[10:], strict=True):
            into.append(np.linalg.norm(pelvis_in_world(t, pose) - person.joints[0, 0]))
            facing = pose.rotation.T @ t.bodies.global_orient[0]
            angle = geodesic_angle(facing, person.global_orient[0])
            assert angle < 1e-3 if told else angle > 0.05
    assert max(off) < 0.01, "metres"
    assert swing[-1] > 3.0


def around(joints_2d) -> np.ndarray:
    """A box 20 pixels wider than the joints on every side."""
    low, high = joints_2d.min(0) - 20, joints_2d.max(0) + 20
    return np.concatenate([low, high - low])


def test_the_box_of_somebody_hidden_goes_along(body):
    """Half as far away, they are twice as large: so is what the box has about the joints."""
    person = somebody(body, 0.3, 4.0)
    tracker = Tracker(validated({"min_hits": 1, "coast_s": 3.0, "smoothing": False}), body)
    seen = person.replace(boxes=around(person.joints_2d[0])[None].astype(np.float32))
    box = tracker(seen, CAMERA, 0.0, HOME).bodies.boxes[0]
    np.testing.assert_array_equal(box, seen.boxes[0])
    for pose, margin in ((turned(0.3), 20), (turned(0.0, (0.0, 0.0, 2.0)), 40)):
        hidden = tracker(no_bodies(), CAMERA, 0.1, pose).bodies
        flat = hidden.joints_2d[0]
        wanted = [*(flat.min(0) - margin), *(np.ptp(flat, axis=0) + 2 * margin)]
        np.testing.assert_allclose(hidden.boxes[0], wanted, atol=6)
    behind = tracker(no_bodies(), CAMERA, 0.1, turned(np.pi)).bodies
    assert np.isnan(behind.boxes).all()


def test_nobody_out_of_view_has_a_box_where_the_lens_folds_them_to(body):
    camera = Camera(640, 480, 600, 600, 319.5, 239.5, (-0.3, 0, 0, 0), "plumb_bob")
    tracker = Tracker(validated({"min_hits": 1, "coast_s": 3.0}), body)
    tracker(seen_from(HOME, somebody(body, 0.0, 4.0), body, camera), camera, 0.0, HOME)
    hidden = tracker(no_bodies(), camera, 0.1, turned(np.radians(60.0))).bodies
    assert np.isnan(hidden.boxes).all()


def test_who_comes_back_is_looked_for_where_they_were(body):
    """Somebody hidden goes from the right of the picture to its left, as the robot turns."""
    person = somebody(body, 1.6, 4.0)
    yaw = np.concatenate([np.zeros(5), np.linspace(0, 0.8, 10), np.full(5, 0.8)])
    poses, people = [turned(a) for a in yaw], [person] * 5 + [None] * 10 + [person] * 5
    assert followed(body, people, poses)[-1].ids.tolist() == [1]
    assert followed(body, people, poses, told=False)[-1].ids.tolist() == [2]


def test_one_who_walks_on_hidden_is_expected_ahead_in_the_world(body):
    """1 m/s across, as far as the velocity's decay of 0.4 s goes, whatever the camera does (the
    distance is smoothed more, and a camera that turns sees a part of the walk as distance)."""
    people = [somebody(body, -1 + DT * k, 5.0) for k in range(15)] + [None] * 10
    ends = []
    for rate in (0.0, 0.5):
        poses = [turned(rate * DT * k) for k in range(25)]
        tracks = followed(body, people, poses, coast_s=2.0)
        ends.append([pelvis_in_world(t, p) for t, p in zip(tracks, poses, strict=True)])
    still, turning = np.array(ends)
    assert 0.25 < still[-1, 0] - still[14, 0] < 0.42
    assert np.abs(turning - still).max() < 0.1


def test_a_turn_of_the_robot_makes_nobody_lag_behind(body):
    person = somebody(body, 0.0, 4.0)
    poses = [turned(0.4 * np.sin(0.25 * k)) for k in range(40)]
    lags = {}
    for told in (True, False):
        tracks = followed(body, [person] * 40, poses, told)
        places = [pelvis_in_world(t, p) for t, p in zip(tracks, poses, strict=True)]
        lags[told] = np.abs(np.array(places) - person.joints[0, 0]).max()
    assert lags[True] < 1e-3 < 0.05 < lags[False]


def test_whom_the_robot_has_turned_its_back_on_is_behind_it(body):
    person = somebody(body, 0.0, 3.0)
    yaw = np.concatenate([np.zeros(5), np.linspace(0, np.pi, 8), np.linspace(np.pi, 0, 8)])
    poses = [turned(a) for a in yaw]
    tracks = followed(body, [person] * 5 + [None] * 15 + [person], poses, coast_s=3.0)
    behind = tracks[12]
    assert behind.bodies.transl[0, 2] == pytest.approx(-3.0, abs=0.01)
    assert np.isnan(behind.bodies.joints_2d).all()
    back = tracks[-1]
    assert back.ids.tolist() == [1] and back.states.tolist() == [TrackState.TRACKED]
    np.testing.assert_allclose(pelvis_in_world(back, poses[-1]), person.joints[0, 0], atol=0.01)


def strayed(body, unposed, hidden) -> list[float]:
    """How far off the pelvis is (metres, in the world) in each of 20 images, 0.2 m apart for the
    robot; ``unposed`` have no pose, and in ``hidden`` nobody is seen."""
    person = somebody(body, 0.0, 4.0)
    tracker = Tracker(validated({"min_hits": 1, "coast_s": 3.0}), body)
    off = []
    for k in range(20):
        pose = turned(0.05 * k)
        watched = no_bodies() if k in hidden else seen_from(pose, person, body)
        tracks = tracker(watched, CAMERA, DT * k, None if k in unposed else pose)
        assert tracks.ids.tolist() == [1]
        off.append(np.linalg.norm(pelvis_in_world(tracks, pose) - person.joints[0, 0]))
    return off


@pytest.mark.parametrize(
    ("unposed", "hidden"), [(12, ()), (12, range(10, 20)), (15, range(10, 15))]
)
def test_an_image_without_pose_is_taken_as_by_a_camera_at_rest(body, unposed, hidden):
    """What odometry misses for one image (0.2 m here, to it and back) is soon made good."""
    off = strayed(body, [unposed], hidden)
    assert max(off[unposed : unposed + 5]) < 0.3
    assert max(off[:unposed] + off[unposed + 5 :]) < 0.03


def test_odometry_that_is_out_for_long_loses_nobody_in_view(body):
    """The robot turns by 0.5 rad meanwhile; what nobody told of it, the next pose does."""
    off = strayed(body, range(5, 15), ())
    assert max(off[15:]) < 0.3, "the last image before it was seen on the way, not where it began"
    assert max(off[18:]) < 0.1


@pytest.mark.parametrize(("unposed", "hidden"), [(12, ()), (15, range(10, 15))])
def test_where_an_image_was_taken_without_a_pose_is_told_by_the_next(body, unposed, hidden):
    """On the way between the poses before and after it: here just there. Who was hidden and comes
    back in it is first told in the frame of the last pose, filters and all."""
    assert max(strayed(body, [unposed], hidden)) < 0.1


def test_who_is_last_seen_without_a_pose_stays_there_while_the_robot_turns(body):
    """Off by the step that the turn in that one image was taken for; one of 2 m adds nothing."""
    off = strayed(body, [9], range(10, 20))
    assert max(off[9:]) < 0.25
    assert abs(off[19] - off[14]) < 0.1


def test_before_the_first_pose_the_camera_was_at_rest(body):
    """Seen without a pose and hidden just before the first: from then on the turn is known."""
    off = strayed(body, range(10), range(10, 20))
    assert max(off[10:]) - min(off[10:]) < 0.5


def test_who_is_out_of_view_is_not_taken_for_somebody_whom_a_lens_folds_them_onto(body):
    """1 - 0.3 r^2: what is 60 degrees off the axis comes out near the middle of the picture."""
    camera = Camera(640, 480, 600, 600, 319.5, 239.5, (-0.3, 0, 0, 0), "plumb_bob")
    left, yaw = somebody(body, 0.0, 4.0), np.radians(60.0)
    tracker = Tracker(validated({"min_hits": 1}), body)
    for k in range(5):
        tracker(seen_from(HOME, left, body, camera), camera, DT * k, HOME)
    pose = turned(yaw)
    gone = seen_from(pose, left, body, camera)
    folded = gone.joints_2d[0].mean(0)
    assert np.abs(folded - [319.5, 239.5]).max() < 150
    # Somebody else stands right there.
    ray = (folded - [319.5, 239.5]) / 600
    other = somebody(body, 4 * ray[0], 4.0)
    other = other.replace(joints_2d=gone.joints_2d)
    tracks = tracker(other, camera, 0.8, pose)
    assert tracks.ids.tolist()[-1] == 2


def test_two_people_are_each_carried_by_themselves(body):
    people = [somebody(body, x, z) for x, z in ((-1.0, 4.0), (1.2, 6.0))]
    tracker = Tracker(validated({"min_hits": 1, "coast_s": 2.0}), body)
    for k in range(12):
        pose = turned(0.05 * k, (0.02 * k, 0.0, 0.0))
        seen = [seen_from(pose, p, body) for p in people[: 2 if k < 6 else 1]]
        tracks = tracker(concatenate(seen), CAMERA, DT * k, pose)
    assert tracks.ids.tolist() == [1, 2]
    assert tracks.states.tolist() == [TrackState.TRACKED, TrackState.COASTING]
    for row, person in enumerate(people):
        place = pelvis_in_world(tracks, pose, row)
        np.testing.assert_allclose(place, person.joints[0, 0], atol=0.01)
