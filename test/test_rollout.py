"""The way of a person through the world, from noisy sightings, velocities and resting feet."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_ros.body.model import load_body_model
from hmr_ros.data.viewpoints import LEVEL
from hmr_ros.tracking.rollout import Rollout
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
        found.append(rollout(rotations, np.zeros(10), transl, walk, dt) @ turn + eye)
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


def test_after_a_gap_the_way_begins_where_the_person_is_seen(body):
    rollout, rotations = Rollout(body), np.tile(np.eye(3), (24, 1, 1))
    walk = Walk(np.array([3.0, 0, 0]), np.zeros(6), LEVEL, np.zeros(3))
    rollout(rotations, np.zeros(10), np.array([0.0, 0, 3]), walk, 0.0)
    far = rollout(rotations, np.zeros(10), np.array([1.0, 0, 8]), walk, 2.5)
    assert np.allclose(far, [1, 0, 8], atol=1e-6)
