"""Films of walking people, and what the distance benchmark makes of answers to them."""

import numpy as np
import pytest
from made_bodies import somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.model import load_body_model
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.data.people_scene import posed_vertices
from hmr_ros.data.rendering import render
from hmr_ros.data.sequence import sample_sequence, upright_clips
from hmr_ros.data.viewpoints import camera_with_fov, viewpoint
from hmr_ros.evaluation.distance_benchmark import Sightings, rows, sightings, stature
from hmr_ros.tracks import Tracks, TrackState

FRAMES = 20


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions():
    """A straight walk, a squat, a person who lies, and a walk that is too short."""
    walk = np.zeros((30, 24, 3), np.float32)
    swing = 0.4 * np.sin(np.linspace(0, 4 * np.pi, 30))
    walk[:, 1, 0], walk[:, 2, 0] = swing, -swing
    squat = np.zeros((30, 24, 3), np.float32)
    squat[:, [1, 2], 0], squat[:, [4, 5], 0] = -1.8, 2.0
    lying = np.zeros((30, 24, 3), np.float32)
    lying[:, 0, 0] = np.pi / 2
    ahead = np.zeros((30, 3), np.float32)
    ahead[:, 2] = np.linspace(0, 1.2, 30)
    return Motions(
        poses=np.concatenate([walk, squat, lying, walk[:10]]),
        trans=np.concatenate([ahead, ahead, ahead, ahead[:10]]),
        starts=np.array([0, 30, 60, 90, 100]),
        names=("walk", "squat", "lying", "short"),
        splits=("test",) * 4,
        fps=30.0,
    )


@pytest.fixture(scope="module")
def view():
    return viewpoint(camera_with_fov(320, 240, 60), 1.4, 0.1)


@pytest.fixture(scope="module")
def film(body, motions, view):
    upright = motions.select(upright_clips(motions, body, FRAMES))
    return sample_sequence(np.random.default_rng(2), body, upright, view, 3, FRAMES)


def test_only_clips_of_upright_people_that_are_long_enough(body, motions):
    assert [motions.names[c] for c in upright_clips(motions, body, FRAMES)] == ["walk"]
    with pytest.raises(MotionError, match="31 frames"):
        upright_clips(motions, body, 31)


def test_walkers_keep_their_distance_and_stay_in_view(film, view):
    assert len(film) == FRAMES and len(film.walkers) == 3
    paths = np.stack([w.pelvis for w in film.walkers])
    ahead = -paths[..., 2]
    assert ahead.min() >= 2.5 and ahead.max() <= 8.0
    pixels = view.camera.project(view.to_camera(paths))
    assert pixels[..., 0].min() > 0 and pixels[..., 0].max() < 320
    for i in range(3):
        for j in range(i):
            assert np.linalg.norm((paths[i] - paths[j])[:, [0, 2]], axis=1).min() > 0.8


def test_walkers_touch_the_ground_in_every_frame_and_move_forward(film, body, view):
    for frame in (0, 7, FRAMES - 1):
        for person in film.scene(frame, body).people:
            world = posed_vertices(body, person) @ view.rotation + view.position
            assert abs(world[:, 1].min()) < 2e-3
    for walker in film.walkers:
        step = walker.pelvis[-1] - walker.pelvis[0]
        facing = walker.rotations[0, 0] @ [0, 0, 1]
        along = step[[0, 2]] @ facing[[0, 2]] / np.linalg.norm(step[[0, 2]])
        assert along > 0.99
        assert 0.5 < np.linalg.norm(step) < 1.2


def test_truth_of_a_frame_is_where_the_walker_is(film, body, view):
    picture = render(film.scene(5, body), body, 1)
    expected = view.to_camera(np.stack([w.pelvis[5] for w in film.walkers]))
    assert np.abs(picture.joints[:, 0] - expected).max() < 1e-4
    again = render(film.scene(5, body), body, 1)
    assert (picture.image == again.image).all()
    assert (picture.image != render(film.scene(6, body), body, 1).image).any()


def answered(picture, scale, states=None):
    """Tracks that repeat the truth, everybody ``scale`` times as far away."""
    n = len(picture.joints)
    bodies = concatenate([somebody(load_body_model(), 0.0, 3.0)] * n)
    bodies = bodies.replace(
        joints=picture.joints * np.float32(scale),
        joints_2d=picture.joints_2d,
        betas=picture.betas,
    )
    states = np.full(n, TrackState.TRACKED, np.uint8) if states is None else np.array(states)
    order = np.arange(n)[::-1]
    return Tracks(bodies[order], np.arange(1, n + 1), states[order], np.zeros(n, np.float32), 0.0)


def test_distance_error_is_that_of_the_answer_whatever_the_order(film, body):
    picture = render(film.scene(0, body), body, 1)
    for scale in (1.0, 1.1, 0.93):
        seen = sightings(picture, answered(picture, scale), body)
        assert len(seen) == 3
        assert np.allclose(seen.reported / seen.distance, scale, atol=1e-5)
        assert np.allclose(seen.reported_stature, seen.stature)
    figures = {row["subset"]: row for row in rows(seen, "made")}
    everybody = [figures[k] for k in ("standing", "occluded or cut off")]
    assert sum(f["n"] for f in everybody) == 3
    assert figures["standing"]["error_pct"] == pytest.approx(7, abs=0.01)
    assert figures["standing"]["bias_pct"] == pytest.approx(-7, abs=0.01)


def test_people_who_are_coasting_or_elsewhere_are_not_reported(film, body):
    picture = render(film.scene(0, body), body, 1)
    states = [TrackState.COASTING, TrackState.TRACKED, TrackState.TRACKED]
    seen = sightings(picture, answered(picture, 1.0, states), body)
    assert np.isnan(seen.reported).tolist() == [True, False, False]
    tracks = answered(picture, 1.0)
    tracks.bodies.joints_2d[...] += 1000
    assert np.isnan(sightings(picture, tracks, body).reported).all()
    nobody = tracks.bodies[:0]
    none = Tracks(nobody, np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32), 0.0)
    assert np.isnan(sightings(picture, none, body).reported).all()


def test_stature_error_is_told_from_the_rest():
    """Everybody is taken for 1.7 m tall: nothing is left once the stature is known."""
    stature_m = np.array([1.5, 1.6, 1.7, 1.8, 1.9])
    seen = Sightings(
        person=np.arange(5),
        clear=np.ones(5, bool),
        distance=np.full(5, 5.0),
        reported=5.0 * 1.7 / stature_m,
        stature=stature_m,
        reported_stature=np.full(5, 1.7),
    )
    row = rows(seen, "made")[0]
    assert row["known_stature_pct"] == pytest.approx(0, abs=1e-9)
    assert row["error_pct"] == pytest.approx(100 * np.median(np.abs(1.7 / stature_m - 1)))
    assert row["stature_sd_pct"] == pytest.approx(100 * np.std(stature_m) / 1.7)
    assert row["detected_pct"] == 100 and row["people"] == 5


def test_stature_of_the_mean_body_is_that_of_its_mesh(body):
    height = np.ptp(body.v_template[:, 1])
    assert stature(body, np.zeros((1, 10)))[0] == pytest.approx(height, abs=1e-5)
    assert 1.5 < height < 1.9
