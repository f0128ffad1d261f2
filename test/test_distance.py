"""Films for the distance benchmark, and what it makes of answers to them."""

from dataclasses import replace

import numpy as np
import pytest
from made_bodies import somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.model import load_body_model
from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.data.render.render import render
from hmr_ros.evaluation.distance_benchmark import (
    CLEAR,
    Setting,
    Sightings,
    films,
    rows,
    sightings,
    standing,
    stature,
    watch,
)
from hmr_ros.geometry.rotations import matrix_from_axis_angle
from hmr_ros.tracks import Tracks, TrackState

SETTING = Setting(films=2, seconds=0.6, width=320, height=240, seed=3)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions():
    """Two people who stand with their arms down and sway, and one who lies: no data is needed."""
    poses = np.zeros((135, 24, 3), np.float32)
    poses[:, 16, 2], poses[:, 17, 2] = -1.2, 1.2
    poses[:, 3, 0] = 0.1 * np.sin(np.linspace(0, 20, 135))
    poses[90:, 0, 0] = np.pi / 2
    return Motions(
        poses=poses,
        trans=np.tile(np.array([0, 1, 0], np.float32), (135, 1)),
        starts=np.array([0, 45, 90, 135]),
        names=("stand", "wait", "lying"),
        splits=("test",) * 3,
        fps=30.0,
    )


@pytest.fixture(scope="module")
def made(body, motions):
    return list(films(SETTING, body, motions))


@pytest.fixture(scope="module")
def picture(made, body):
    return render(made[0].scene(3), body)


def test_films_are_of_people_who_stand_before_a_camera_that_stays(made, body):
    for film in made:
        assert len(film) == 6 and film.fps == 10 and len(film.actors) == 3
        assert np.ptp(film.path.positions, axis=0).max() == 0
        assert np.ptp(film.path.rotations, axis=0).max() == 0
        low, high = SETTING.camera_height
        assert low <= film.path.positions[0, 1] <= high
        camera = film.camera
        wide = np.degrees(2 * np.arctan(0.5 * camera.width / camera.fx))
        assert SETTING.fov_deg[0] <= wide <= SETTING.fov_deg[1] and not camera.distorted
        assert all(actor.outfit.shells for actor in film.actors)  # dressed
        assert standing(render(film.scene(0), body), body).all()
        where = np.stack([actor.transl[:, [0, 2]] for actor in film.actors])
        gap = np.linalg.norm(where[:, None] - where[None], axis=-1)
        assert gap[~np.eye(3, dtype=bool)].min() > 0.4


def test_the_same_setting_gives_the_same_films(made, body, motions):
    again = render(next(films(SETTING, body, motions)).scene(3), body)
    assert (again.image == render(made[0].scene(3), body).image).all()
    other = next(films(replace(SETTING, seed=4), body, motions))
    assert (other.path.positions != made[0].path.positions).any()


def test_clips_that_show_nobody_on_a_floor_are_refused(body, motions):
    # All lean so far that nobody could hold it.
    falling = replace(motions, poses=motions.poses.copy())
    falling.poses[:, 0, 0] = 0.7
    with pytest.raises(MotionError, match="flat floor"):
        next(films(SETTING, body, falling))


def test_who_bends_or_crouches_is_told_from_who_stands(picture, body):
    assert standing(picture, body).all()
    leaning = picture.rotations.copy()
    leaning[1, 0] = leaning[1, 0] @ matrix_from_axis_angle(np.array([np.radians(30), 0, 0]))
    leant = replace(picture, rotations=leaning)
    assert standing(leant, body).tolist() == [True, False, True]
    low = picture.joints.copy()
    low[2, 0] -= 0.15 * picture.view.rotation[:, 1]  # the pelvis sinks, the feet stay
    assert standing(replace(picture, joints=low), body).tolist() == [True, True, False]
    one_leg = picture.joints.copy()
    one_leg[0, 7] += 0.3 * picture.view.rotation[:, 1]  # a step: one foot in the air
    assert standing(replace(picture, joints=one_leg), body).all()


class Watcher:
    """A pipeline that notes down what it is shown."""

    def __init__(self, body):
        self.body, self.frames, self.resets = body, [], 0

    def reset(self):
        self.resets += 1

    def __call__(self, frame):
        self.frames.append(frame)
        return len(self.frames)


def test_the_first_pictures_are_shown_but_do_not_count(made, body):
    film, pipeline = made[1], Watcher(body)
    seen = list(watch(film, pipeline, warm_up_s=film.path.times[2]))
    assert pipeline.resets == 1 and len(pipeline.frames) == len(film)
    assert [f.stamp for f in pipeline.frames] == film.stamps.tolist()
    assert [tracks for _, tracks in seen] == [3, 4, 5, 6]
    for n, frame in enumerate(pipeline.frames):
        truth = render(film.scene(n), body)
        assert (frame.image == truth.image).all()
        if n >= 2:
            assert (seen[n - 2][0].shown == truth.shown).all() and truth.shown.any()


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


@pytest.fixture(scope="module")
def of_three(made, body):
    """A picture in which something of everybody shows."""
    pictures = [render(film.scene(k), body) for film in made for k in range(len(film))]
    return next(p for p in pictures if (p.shown > 0).all())


def test_distance_error_is_that_of_the_answer_whatever_the_order(of_three, body):
    for scale in (1.0, 1.1, 0.93):
        seen = sightings(of_three, answered(of_three, scale), body)
        assert len(seen) == 3
        assert np.allclose(seen.reported / seen.distance, scale, atol=1e-5)
        assert np.allclose(seen.reported_stature, seen.stature)
    figures = {row["subset"]: row for row in rows(seen, "made")}
    everybody = [figures[k] for k in ("standing", "occluded or cut off")]
    assert sum(f["n"] for f in everybody) == 3
    named = next(f for f in everybody if f["n"])
    assert named["error_pct"] == pytest.approx(7, abs=0.01)
    assert named["bias_pct"] == pytest.approx(-7, abs=0.01)


def test_who_is_clear_is_whole_and_unoccluded(of_three, body):
    everything = np.full_like(of_three.visibility, 2)
    whole = replace(of_three, visibility=everything, shown=np.ones(3, np.float32))
    assert sightings(whole, answered(whole, 1.0), body).clear.all()
    some = everything.copy()
    some[1, 5] = HIDDEN
    shown = np.array([1, 1, CLEAR - 0.01], np.float32)
    less = replace(whole, visibility=some, shown=shown)
    assert sightings(less, answered(less, 1.0), body).clear.tolist() == [True, False, False]
    gone = replace(whole, shown=np.array([1, 0, 1], np.float32))
    assert sightings(gone, answered(gone, 1.0), body, 30).person.tolist() == [30, 32]


def test_people_who_are_coasting_or_elsewhere_are_not_reported(of_three, body):
    states = [TrackState.COASTING, TrackState.TRACKED, TrackState.TRACKED]
    seen = sightings(of_three, answered(of_three, 1.0, states), body)
    assert np.isnan(seen.reported).tolist() == [True, False, False]
    tracks = answered(of_three, 1.0)
    tracks.bodies.joints_2d[...] += 1000
    assert np.isnan(sightings(of_three, tracks, body).reported).all()
    nobody = tracks.bodies[:0]
    none = Tracks(nobody, np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32), 0.0)
    assert np.isnan(sightings(of_three, none, body).reported).all()


def all_taken_for(reported, stature_m, standing=True):
    n = len(stature_m)
    return Sightings(
        person=np.arange(n),
        clear=np.ones(n, bool),
        standing=np.full(n, standing),
        distance=np.full(n, 5.0),
        reported=5.0 * reported / stature_m,
        stature=stature_m,
        reported_stature=np.full(n, reported),
    )


def test_stature_error_is_told_from_the_rest():
    """Everybody is taken for 1.7 m tall: nothing is left once the stature is known."""
    stature_m = np.array([1.5, 1.6, 1.7, 1.8, 1.9])
    row = rows(all_taken_for(1.7, stature_m), "made")[0]
    assert row["known_stature_pct"] == pytest.approx(0, abs=1e-9)
    assert row["error_pct"] == pytest.approx(100 * np.median(np.abs(1.7 / stature_m - 1)))
    assert row["stature_sd_pct"] == pytest.approx(100 * np.std(stature_m) / 1.7)
    assert row["detected_pct"] == 100 and row["people"] == 5


def test_who_does_not_stand_has_a_row_of_their_own():
    upright, bent = (all_taken_for(1.7, np.array([1.7, 1.7]), s) for s in (True, False))
    figures = {r["subset"]: r["n"] for r in rows(concatenate([upright, bent]), "made")}
    assert figures["standing"] == figures["stature 1.60-1.75 m"] == 2
    assert figures["distance 4-6 m"] == figures["bent or crouching"] == 2
    assert figures["occluded or cut off"] == 0


def test_stature_of_the_mean_body_is_that_of_its_mesh(body):
    height = np.ptp(body.v_template[:, 1])
    assert stature(body, np.zeros((1, 10)))[0] == pytest.approx(height, abs=1e-5)
    assert 1.5 < height < 1.9
