"""The benchmark of capsules, on people whose errors are made."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_bodies import somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.data.motions import load_motions
from hmr_ros.evaluation.occupancy import Answered, answers, chosen_vertices, rows_of
from hmr_ros.evaluation.synocc.still import pictures, still_source, truth_of
from hmr_ros.occupancy import beyond, capsules, volumes

PEOPLE, SEEN, UNSEEN = 150, 0.02, 0.2


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def answered(body, stated=1.0):
    """People whose left forearm is hidden and off by ``UNSEEN``, the rest by ``SEEN`` metres on
    each axis; covariances say ``stated`` times as much."""
    rng = np.random.default_rng(0)
    chosen = chosen_vertices(body)
    parts = body.part_id[chosen]
    for number in range(PEOPLE):
        bodies = somebody(body, 0.3, 3.0)
        spread = np.full(24, SEEN)
        spread[[18, 20]] = UNSEEN
        cov = (stated * spread[:, None, None]) ** 2 * np.eye(3)
        bodies = bodies.replace(
            joint_cov=cov[None].astype(np.float32), transl_cov=np.zeros_like(bodies.transl_cov)
        )
        flesh = vertices(body, bodies.rotations, bodies.betas, bodies.transl, chosen)
        shift = spread[:, None] * rng.normal(size=(24, 3))
        shift[20] = shift[18]  # a forearm moves as one
        visibility = np.full((1, 24), VISIBLE)
        visibility[0, [18, 20]] = HIDDEN
        yield Answered(number // 2, bodies, flesh + shift[parts], visibility)


def test_honest_covariances_hold_what_they_promise_in_less_room(body):
    rows = {(r["level"], r["subset"]): r for r in rows_of(list(answered(body)), body, "made")}
    for level in (0.5, 0.9, 0.95):
        row = rows[level, "hidden"]
        # At least: an arm that slides along itself, or is off by less than it is thick, stays.
        assert row["held"] > level
        low, high = row["ci95"]["held"]
        assert low < row["held"] < high
    wide, tight = rows[0.95, "hidden"], rows[0.95, "visible"]
    assert wide["parts"] == 2 * PEOPLE and tight["parts"] == 6 * PEOPLE
    assert wide["room_l"] > 20 * tight["room_l"] and tight["room_l"] < 4 * tight["flesh_l"]
    # One radius for all must be as wide as the hidden arm needs; where all are alike it is ours.
    assert rows[0.95, "all"]["constant_m"] > 0.4 and rows[0.95, "all"]["room_ratio"] < 0.25
    assert tight["room_ratio"] == pytest.approx(1, abs=0.05)


def test_too_sure_a_model_holds_too_little(body):
    rows = {(r["level"], r["subset"]): r for r in rows_of(list(answered(body, 0.2)), body, "made")}
    assert rows[0.95, "hidden"]["held"] < 0.75


def test_answers_are_of_the_counted_people_of_a_picture(body, shared_data):
    source = still_source(body, load_motions(shared_data / "motions.npz"))
    number, picture = next((n, p) for n, p in pictures(source, range(6)) if len(truth_of(n, p)) > 0)
    truth = truth_of(number, picture)
    asked = []

    def keypoints_in(image, boxes):
        asked.append((image, boxes))
        return boxes

    def bodies_of(frame, people):
        assert frame.camera is picture.camera and people is asked[0][1]
        return concatenate([somebody(body, 0.0, 3.0)] * len(people))

    pipeline = SimpleNamespace(finder=SimpleNamespace(keypoints_in=keypoints_in), bodies=bodies_of)
    (answer,) = answers([(number, picture)], pipeline, body)
    np.testing.assert_array_equal(asked[0][1], truth.given)
    assert answer.image == number and len(answer.bodies) == len(truth)
    np.testing.assert_array_equal(answer.visibility, truth.visibility)
    # The flesh is the true one: it lies within the person's true capsules of no uncertainty.
    parts = body.part_id[chosen_vertices(body)]
    assert answer.flesh.shape == (len(truth), len(parts), 3)
    middles = answer.flesh.mean(1)
    assert np.linalg.norm(middles - truth.joints.mean(1), axis=1).max() < 0.4
    for part, ends in ((4, (4, 7)), (18, (18, 20))):
        own = answer.flesh[:, parts == part].mean(1)
        joints = truth.joints[:, ends].mean(1)
        assert np.linalg.norm(own - joints, axis=1).max() < 0.12


def test_distances_and_volumes_of_a_capsule(body):
    bodies = concatenate([somebody(body, 0.0, 3.0), somebody(body, 1.0, 3.0)])
    mesh = vertices(body, bodies.rotations, bodies.betas, bodies.transl)
    found = capsules(bodies, mesh, body, 0.0)
    parts = np.array([18, 4])
    row = np.array([18, 4])
    ends = np.stack([found.end[row], found.end[24 + row]])
    radius = np.stack([found.end_radius[row], found.end_radius[24 + row]])
    along = ends - np.stack([found.start[row], found.start[24 + row]])
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    off = beyond(found, ends + (radius[..., None] + 0.1) * along, parts)
    assert off == pytest.approx(0.1, abs=1e-6)
    assert beyond(found, ends, parts) == pytest.approx(-radius, abs=1e-6)
    rng = np.random.default_rng(1)
    low = np.minimum(found.start[18], found.end[18]) - found.start_radius[18]
    high = np.maximum(found.start[18], found.end[18]) + found.start_radius[18]
    points = rng.uniform(low, high, (1, 100_000, 3))
    one = found[np.arange(24)]
    share = (beyond(one, points, np.full(100_000, 18)) <= 0).mean()
    assert volumes(found)[18] == pytest.approx(share * np.prod(high - low), rel=0.03)
