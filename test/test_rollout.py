"""The way of a person through the world, from noisy sightings, velocities and resting feet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.model import FEET, load_body_model
from hmr_ros.geometry.camera_pose import LEVEL, CameraPose, pose_from_y_up
from hmr_ros.parameters import validated
from hmr_ros.sighting_fields import RESTING
from hmr_ros.tracking.rollout import Rollout
from hmr_ros.tracking.track import new_track
from hmr_ros.tracking.tracker import Tracker
from hmr_ros.walk import Walk

DT = 1 / 15


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def rolled(body, seen, velocity, resting=0.0, turns=None, eyes=None, dt=DT):
    """Ways [T, 3] (world) of a standing body seen at [T, 3] (world), that says ``velocity``."""
    rollout, rotations = Rollout(body), np.tile(np.eye(3), (24, 1, 1))
    frames = len(seen)
    turns = np.repeat(LEVEL[None], frames, 0) if turns is None else turns
    eyes = np.zeros((frames, 3)) if eyes is None else eyes
    found = []
    for t in range(frames):
        turn, eye = turns[t], eyes[t]
        walk = Walk(np.asarray(velocity, float), np.full(6, resting), turn, eye)
        transl = turn @ (seen[t] - eye)
        found.append(rollout(rotations, np.zeros(10), transl, walk, t * dt) @ turn + eye)
    return np.array(found)


def test_depth_noise_is_averaged_and_no_step_of_the_walk_is_lost(body):
    rng = np.random.default_rng(0)
    times = np.arange(150)[:, None] * DT
    true = [0.0, -0.3, -6.0] + times * [0.5, 0, 0.6]
    seen = true * (1 + rng.normal(0, 0.05, (150, 1)))  # along the line of sight
    found = rolled(body, seen, [0.5, 0, 0.6])
    raw, left = (np.linalg.norm(p - true, axis=1)[30:] for p in (seen, found))
    assert left.mean() < 0.65 * raw.mean()
    assert abs((found - true)[30:, 2].mean()) < 0.1


def test_a_camera_that_moves_does_not_move_the_person(body):
    turns, eyes = [], []
    for t in range(60):
        yaw = 0.02 * t
        c, s = np.cos(yaw), np.sin(yaw)
        turns.append(LEVEL @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
        eyes.append([0.01 * t, 0, 0])
    seen = np.tile([0.2, -0.3, -4.0], (60, 1))
    found = rolled(body, seen, [0, 0, 0], turns=np.array(turns), eyes=np.array(eyes))
    assert np.abs(found - found[0]).max() < 1e-5


def test_a_foot_that_rests_is_held_against_a_wrong_velocity(body):
    seen = np.tile([0.0, -0.3, -4.0], (45, 1))
    drifts = rolled(body, seen, [0, 0, 0.8])
    held = rolled(body, seen, [0, 0, 0.8], resting=1.0)
    assert np.abs(drifts[-1, 2] - seen[-1, 2]) > 0.1
    assert np.abs(held - held[0]).max() < 1e-5
    assert RESTING[: len(FEET)] == FEET


class Says:
    """Stands for the network over time: bodies stay, and walk as it is told by their ids."""

    def __init__(self, velocity, known=True):
        self.velocity, self.known, self.kept = velocity, known, []

    def keep_only(self, ids):
        self.kept.append(sorted(set(ids.tolist())))

    def reset(self):
        pass

    def __call__(self, bodies, ids, camera, stamp, pose=None):
        velocity = np.array([self.velocity[i] for i in ids.tolist()], float).reshape(-1, 3)
        walk = Walk(velocity, np.zeros((len(ids), 6)), LEVEL, np.zeros(3), self.known)
        return bodies, walk


@pytest.mark.parametrize("known", [True, False])
def test_everybody_goes_their_own_way_and_only_where_the_camera_is_known(body, known):
    """Both stand; the first is said to walk."""
    says = Says({1: [2.0, 0, 0], 2: [0, 0, 0]}, known)
    tracker = Tracker(validated({"min_hits": 1, "smoothing": False}), body, says)
    seen = concatenate([somebody(body, -1.0, 4.0), somebody(body, 1.0, 5.0)])
    for t in range(10):
        tracks = tracker(seen, CAMERA, t * DT)
    off = np.abs(tracks.bodies.transl - seen.transl).max(1)
    assert off[1] < 1e-5
    assert off[0] > 0.02 if known else off[0] < 1e-6


def test_who_is_forgotten_is_forgotten_by_the_network_too(body):
    says = Says({1: [0, 0, 0], 2: [0, 0, 0]})
    tracker = Tracker(validated({"min_hits": 1, "coast_s": 0.5, "forget_s": 1.05}), body, says)
    both = concatenate([somebody(body, -1.0, 4.0), somebody(body, 1.0, 5.0)])
    for t in range(25):
        tracker(both if t < 5 else both[:1], CAMERA, 0.1 * t)
    assert says.kept == [[1, 2]] * 15 + [[1]] * 10


@pytest.mark.parametrize("smoothing", [True, False])
def test_odometry_that_jumps_past_somebody_leaves_them_where_they_are_seen(body, smoothing):
    """The robot is told 6 m ahead at a stroke, 2 m beyond somebody who stays 4 m before it."""
    seen, turn = somebody(body, 0.0, 4.0), pose_from_y_up(LEVEL, np.zeros(3)).rotation
    for k in range(40):
        pose = CameraPose(turn, turn.T @ [0, 0, 6.0 * (k >= 10)])
        walk = Walk(np.zeros(3), np.zeros(6), *pose.y_up())
        if k == 0:
            track = new_track(1, seen, 0.0, smoothing, 1.0, 1.0, Rollout(body), walk, pose)
        else:
            track.update(seen, k * DT, walk, pose)
        np.testing.assert_allclose(track.body.transl, seen.transl, atol=0.05)


def test_images_without_a_pose_leave_no_stale_place(body):
    """Nothing is summed up for five seconds, while the person walks away and is seen all along."""
    pose, nothing = (Walk(np.zeros(3), np.zeros(6), LEVEL, np.zeros(3), k) for k in (True, False))
    track = new_track(1, somebody(body, 0.0, 4.0), 0.0, False, 1.0, 1.0, Rollout(body), pose)
    for t in range(1, 51):
        track.update(somebody(body, 0.02 * t, 4.0), 0.1 * t, nothing)
    track.update(somebody(body, 1.02, 4.0), 5.1, pose)
    assert np.allclose(track.body.transl, [[1.02, 0, 4]], atol=1e-5)
    # A shorter while is summed up over all of its time.
    track.update(somebody(body, 1.04, 4.0), 5.2, nothing)
    track.update(somebody(body, 1.06, 4.0), 6.1, replace(pose, velocity=np.array([0.04, 0, 0])))
    assert np.allclose(track.body.transl, [[1.06, 0, 4]], atol=1e-3)


def test_after_a_gap_the_way_begins_where_the_person_is_seen(body):
    rollout, rotations = Rollout(body), np.tile(np.eye(3), (24, 1, 1))
    walk = Walk(np.array([3.0, 0, 0]), np.zeros(6), LEVEL, np.zeros(3))
    rollout(rotations, np.zeros(10), np.array([0.0, 0, 3]), walk, 0.0)
    far = rollout(rotations, np.zeros(10), np.array([1.0, 0, 8]), walk, 2.5)
    assert np.allclose(far, [1, 0, 8], atol=1e-6)
