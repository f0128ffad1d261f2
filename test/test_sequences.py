"""Films: people who move on a floor, cameras that move too, what passes between, and the truth."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.motions import MotionError, Motions, load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.sequences.camera_path import KINDS
from hmr_ros.data.sequences.casting import APART, PLANS, sample_role
from hmr_ros.data.sequences.contact import foot_contact
from hmr_ros.data.sequences.floor_clips import (
    MIRRORED,
    floor_clips,
    heading,
    mirror,
    of_kinds,
    sole_vertices,
    touching_vertices,
)
from hmr_ros.data.sequences.passing import hides_at, passer_by, passing_cart
from hmr_ros.data.sequences.sample import FROM_WALLS, IN_VIEW, sample_sequence
from hmr_ros.data.sequences.stage import Stage, sample_stage
from hmr_ros.data.sequences.takes import sample_take
from hmr_ros.data.sequences.walks import footing, walk
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle, slerp

FRAMES = 60


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions(shared_data):
    return load_motions(shared_data / "motions.npz").split("val")


@pytest.fixture(scope="module")
def clips(motions, body):
    return floor_clips(motions, body)


@pytest.fixture(scope="module")
def films(motions, body):
    """One of each kind, crowded and cluttered."""
    return [
        sample_sequence(
            np.random.default_rng(n), body, motions, MIXES["heavy"], FRAMES, kind,
            fps=15.0, width=160, height=120,
        )
        for n, kind in enumerate(KINDS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def truths(films, body):
    return [film.truth(body) for film in films]


@pytest.fixture(scope="module")
def bare():
    """A floor of 12 m by 12 m with nothing on it."""
    return Stage(np.array([6.0, 6.0]), (), (), np.zeros(3, np.uint8))


def skins(body, actor):
    """[T, V, 3] of some vertices, world."""
    count = len(actor.rotations)
    subset = touching_vertices(body)
    betas = np.repeat(actor.betas[None], count, 0)
    return vertices(body, actor.rotations, betas, actor.transl, subset=subset)


def test_the_worlds_motion_seen_along_the_cameras_path_is_the_truth_of_each_picture(
    films, truths, body
):
    for film, truth in zip(films, truths, strict=True):
        for frame in (0, 17, FRAMES - 1):
            picture = render(film.scene(frame, body), body, 1)
            turn, eye = truth.camera_rotations[frame], truth.camera_positions[frame]
            seen = (truth.joints_world[frame].astype(float) - eye) @ turn.T
            assert np.abs(seen - truth.joints[frame]).max() < 1e-5
            assert np.abs(seen - picture.joints).max() < 1e-5
            root = turn @ truth.rotations_world[frame, :, 0]
            assert np.abs(root - picture.rotations[:, 0]).max() < 1e-5
            assert np.abs(truth.rotations[frame] - picture.rotations).max() < 1e-5
            assert np.abs(truth.transl[frame] - picture.transl).max() < 1e-5
            ahead = truth.joints[frame, ..., 2] > 0.3
            off = np.abs(truth.joints_2d[frame] - picture.joints_2d)[ahead]
            assert np.nanmax(off, initial=0) < 1e-2


def test_the_world_is_that_of_the_scene(films, truths, body):
    film, truth = films[2], truths[2]
    for p, person in enumerate(film.scene(9, body).people):
        mesh = vertices(body, person.rotations[None], person.betas[None], person.transl[None])[0]
        joints = body.J_regressor[0] @ mesh  # of a posed body: near the pelvis only
        assert np.linalg.norm(joints - truth.joints_world[9, p, 0]) < 0.05
        assert (truth.rotations_world[9, p] == person.rotations).all()
        assert (truth.betas[p] == person.betas).all()


def test_people_keep_their_names_and_their_places_in_the_arrays(films, truths):
    for film, truth in zip(films, truths, strict=True):
        people = len(film.actors)
        assert truth.identities.tolist() == list(range(1, people + 1))
        assert truth.joints.shape == (FRAMES, people, 24, 3)
        assert truth.contact.shape == (FRAMES, people, 2)
        assert truth.in_view.shape == (FRAMES, people)
        assert len({id(a.outfit) for a in film.actors}) == people
        # Steps of one person: nobody is swapped with somebody else.
        step = np.diff(truth.joints_world[:, :, 0], axis=0)
        assert np.linalg.norm(step, axis=-1).max() < 0.6


def test_the_first_person_is_in_view_most_of_the_time(films, truths):
    for film, truth in zip(films, truths, strict=True):
        assert truth.in_view[:, 0].mean() >= IN_VIEW[film.path.kind]


def test_people_stay_apart_from_each_other_and_from_the_camera(films, truths):
    pairs = 0
    for film, truth in zip(films, truths, strict=True):
        pelvis = truth.joints_world[:, :, 0, ::2]
        for p in range(pelvis.shape[1]):
            away = np.linalg.norm(pelvis[:, p] - film.path.positions[:, ::2], axis=1)
            assert away.min() > 0.6
            for q in range(p):
                gap = np.linalg.norm(pelvis[:, p] - pelvis[:, q], axis=1)
                assert gap.min() > APART - 0.02
                pairs += 1
    assert pairs > 3


def test_nobody_is_in_furniture_and_no_camera_is_in_a_wall(films, truths):
    for film, truth in zip(films, truths, strict=True):
        for prop in film.props:
            if prop.kind != Thing.FURNITURE:
                continue
            low, high = prop.vertices.min(0), prop.vertices.max(0)
            if low[1] > 0.02 or min(high[0] - low[0], high[2] - low[2]) < 0.1:
                continue
            middle = (low + high)[[0, 2]] / 2
            for p in range(len(film.actors)):
                gap = np.linalg.norm(truth.joints_world[:, p, 0, ::2] - middle, axis=1)
                assert gap.min() > 0.2
        room = np.concatenate([p.vertices for p in film.props if p.kind == Thing.ROOM])
        for axis in (0, 2):
            eye = film.path.positions[:, axis]
            assert room[:, axis].min() + FROM_WALLS - 0.02 <= eye.min()
            assert eye.max() <= room[:, axis].max() - FROM_WALLS + 0.02


def test_people_stand_on_the_floor_and_their_soles_do_not_slide(films, truths, body):
    slides = []
    for film, truth in zip(films, truths, strict=True):
        for p, actor in enumerate(film.actors):
            skin = skins(body, actor)
            lowest = skin[..., 1].min(1)
            assert lowest.min() > -0.005
            # But for leaps, what is lowest is at the floor or a shoe's sole over it.
            assert np.percentile(lowest, 50) < 0.045
            for side, ids in enumerate(sole_vertices(body)):
                betas = np.repeat(actor.betas[None], FRAMES, 0)
                sole = vertices(body, actor.rotations, betas, actor.transl, subset=ids)
                moved = np.linalg.norm(np.diff(sole[..., ::2], axis=0), axis=-1).min(1)
                both = truth.contact[1:, p, side] & truth.contact[:-1, p, side]
                slides.append((moved / np.diff(truth.times))[both])
    slides = np.concatenate(slides)
    assert len(slides) > 200
    assert slides.mean() < 0.08 and np.percentile(slides, 90) < 0.2


def test_the_same_seed_gives_the_same_bytes(motions, body):
    def digest(seed):
        film = sample_sequence(
            np.random.default_rng(seed), body, motions, MIXES["realistic"], 32, "hand_held"
        )
        truth, scene = film.truth(body), film.scene(20, body)
        parts = [truth.joints, truth.rotations, truth.odometry.gyro, truth.stamps]
        parts += [p.vertices for p in scene.props] + [p.outfit.skin.palette for p in scene.people]
        parts += [scene.light.towards, np.array(scene.finish.motion)]
        return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in parts)).digest()

    assert digest(5) == digest(5) != digest(6)


def test_speed_is_right_at_any_rate(motions, body):
    """The same draw at 10 and at 30 pictures a second covers its ground at the same speed."""
    speeds = []
    for fps in (10.0, 30.0):
        film = sample_sequence(
            np.random.default_rng(2), body, motions, MIXES["light"], 40, "static", fps=fps
        )
        truth = film.truth(body)
        assert np.median(np.diff(truth.times)) == pytest.approx(1 / fps)
        step = np.linalg.norm(np.diff(truth.joints_world[:, :, 0, ::2], axis=0), axis=-1)
        speeds.append(step.max(1).sum() / truth.times[-1])
    assert all(0.2 < s < 2.5 for s in speeds)


def test_turning_cameras_smear_the_picture_the_right_way(films):
    film = films[1]  # pans
    rate = film.truth(load_body_model()).angular_velocity
    for frame in range(5, FRAMES):
        x, y = film.scene(frame).finish.motion
        assert np.hypot(x, y) <= 8.001
        if x:
            assert np.sign(x) == -np.sign(rate[frame, 1])
    still = films[0]
    assert all(still.scene(f).finish.motion == (0.0, 0.0) for f in (0, 30))


def test_somebody_who_passes_hides_the_person_behind(clips, body, bare):
    rng = np.random.default_rng(4)
    target = sample_role(rng, body, clips, 120, "stand", bare, [])
    eyes = np.tile([*(target.plane[0] + [0, 4.0]), 0.0], (120, 1))[:, [0, 2, 1]] + [0, 1.2, 0]
    if abs(eyes[0, 2]) > 5.5:
        eyes[:, 2] -= 8.0
    seen = np.ones(120, bool)
    passer = passer_by(rng, body, clips, 120, bare, eyes, target, [target], seen)
    assert passer is not None
    between = hides_at(passer.plane, eyes[:, ::2], target.plane, 0.15)
    assert between.any() and not between.all()
    assert np.linalg.norm(passer.plane - target.plane, axis=1).min() >= APART
    # Seen from above: at that moment the passer is nearer, and on the line of sight.
    t = int(np.flatnonzero(between)[0])
    to_target, to_passer = (target.plane[t] - eyes[t, ::2], passer.plane[t] - eyes[t, ::2])
    assert np.linalg.norm(to_passer) < np.linalg.norm(to_target)
    cosine = to_passer @ to_target / np.linalg.norm(to_passer) / np.linalg.norm(to_target)
    assert cosine > 0.97


def test_a_cart_that_passes_hides_somebody_and_rolls_as_carts_do(clips, body, bare):
    rng = np.random.default_rng(0)
    target = sample_role(rng, body, clips, 150, "stand", bare, [])
    away = np.array([0.0, 4.0 if target.plane[0, 1] < 0 else -4.0])
    eyes = np.concatenate([target.plane[0] + away, [0.0]])[[0, 2, 1]] + [0, 0.6, 0]
    eyes = np.tile(eyes, (150, 1))
    at, times = np.arange(150.0), np.arange(150) / 30
    seen = np.ones(150, bool)
    cart = passing_cart(rng, bare, eyes, target, [target], seen, times, at)
    assert cart is not None and (cart.positions[:, 1] == 0).all()
    speed = np.linalg.norm(np.diff(cart.positions, axis=0), axis=1) * 30
    assert 0.4 < speed.max() < 1.2 and np.abs(np.diff(speed)).max() * 30 < 0.8
    shares = []
    for t in range(0, 150, 5):
        low, high = cart.at(t).vertices.min(0), cart.at(t).vertices.max(0)
        shares.append(np.mean([between(eyes[t], j, low, high) for j in target.joints[t]]))
    assert max(shares) > 0.15 > 0.05 > min(shares)


def between(a, b, low, high):
    """Whether the segment a to b meets a box; by walking along it."""
    points = a + np.linspace(0, 1, 400)[:, None] * (b - a)
    return ((points > low) & (points < high)).all(1).any()


def test_furniture_takes_the_place_that_its_prop_shows(films):
    rng = np.random.default_rng(1)
    stage = sample_stage(rng, MIXES["heavy"])
    assert len(stage.placed) > 0
    for placed in stage.placed:
        assert isinstance(placed, Placed)
        assert stage.holds(placed.corners[:, ::2], -0.3)
        points = placed.prop(rng).vertices[::7]
        assert (stage.clearance(points) < 0.02).mean() > 0.9


def test_a_walk_reaches_its_goals_and_goes_round_what_is_in_the_way(clips, body):
    rng = np.random.default_rng(0)
    take = sample_take(rng, of_kinds(clips, ("walk",)), 300)
    feet = footing(body, take, np.zeros(10), clips.fps)
    goals = np.array([[0.0, 3.0], [0.0, -3.0]])
    start = np.array([0.0, -1.0])
    free, turned = walk(feet, start, 0.0, goals, np.zeros((300, 0, 3)))
    assert np.linalg.norm(free - goals[0], axis=1).min() < 0.8
    rate = np.abs(np.diff(turned)) * clips.fps
    assert rate.max() < 0.95
    # A post on the way, two metres into it.
    middle = free[int(np.argmin(np.abs(np.linalg.norm(free - start, axis=1) - 2)))]
    post = np.tile([*middle, 0.4], (300, 1))[:, None]
    round_it, _ = walk(feet, start, 0.0, goals, post)
    assert np.linalg.norm(round_it - middle, axis=1).min() > 0.4
    assert np.linalg.norm(round_it - goals[0], axis=1).min() < 0.8


def test_takes_are_smooth_where_clips_are_joined(clips):
    for seed in range(6):
        take = sample_take(np.random.default_rng(seed), of_kinds(clips, PLANS["walk"]), 250)
        assert take.rotations.shape == (250, 24, 3, 3) and len(take.moves) == 250
        step = np.swapaxes(take.rotations[:-1], -1, -2) @ take.rotations[1:]
        rate = np.linalg.norm(axis_angle_from_matrix(step), axis=-1).max(1) * clips.fps
        assert rate.max() < 25
        yaw = np.diff(np.unwrap(heading(take.rotations[:, 0]))) * clips.fps
        assert np.abs(yaw).max() < 6
        pace = np.linalg.norm(take.moves, axis=1) * clips.fps
        assert pace.max() < 3.5


def test_a_mirrored_body_is_the_body_in_a_mirror(clips, body):
    rotations = clips.rotations[10:14].astype(float)
    zero = np.zeros((4, 10))
    subset = np.arange(0, len(body.v_template), 3)
    mesh = vertices(body, rotations, zero, subset=subset)
    other = vertices(body, mirror(rotations), zero)
    # Every mirrored point lies on the other mesh, but for the body's own asymmetry.
    for t in range(4):
        for point in (mesh[t] * [-1, 1, 1])[::97]:
            assert np.linalg.norm(other[t] - point, axis=1).min() < 0.02
    assert [MIRRORED[j] for j in MIRRORED] == list(range(24))


def test_slerp_goes_along_the_shortest_way():
    rng = np.random.default_rng(0)
    a = matrix_from_axis_angle(rng.normal(0, 1, (20, 3)))
    step = rng.normal(0, 0.6, (20, 3))
    b = a @ matrix_from_axis_angle(step)
    assert np.allclose(slerp(a, b, np.full(20, 0.25)), a @ matrix_from_axis_angle(0.25 * step))
    assert np.allclose(slerp(a, b, np.zeros(20)), a)
    assert np.allclose(slerp(a, b, np.ones(20)), b)


def test_contact_is_told_by_height_and_speed(body):
    """A T-pose that stands, then slides, then floats, then hops on its left foot's side."""
    rest = -body.v_template[:, 1].min()
    pelvis = np.zeros((90, 3))
    pelvis[:, 1] = rest + body.joint_template[0, 1]
    pelvis[30:60, 0] = np.arange(30) / 30.0  # 1 m/s
    pelvis[60:, 0] = 1.0
    pelvis[60:, 1] += 0.2
    rotations = np.tile(np.eye(3), (90, 24, 1, 1))
    contact = foot_contact(body, rotations, pelvis, np.zeros(10), 30.0)
    assert contact[:29].all() and not contact[32:58].any() and not contact[62:].any()
    lifted = rotations.copy()
    lifted[:, 4] = matrix_from_axis_angle(np.array([1.2, 0, 0]))  # the left knee
    contact = foot_contact(body, lifted, pelvis, np.zeros(10), 30.0)
    assert not contact[:29, 0].any() and contact[:29, 1].all()


def made(poses, trans, splits=None):
    count = len(poses)
    starts = np.cumsum([0] + [len(p) for p in poses])
    return Motions(
        np.concatenate(poses).astype(np.float32),
        np.concatenate(trans).astype(np.float32),
        starts,
        tuple(f"made {n}" for n in range(count)),
        splits or ("train",) * count,
        30.0,
    )


def test_what_cannot_be_played_on_a_floor_is_left_out(body):
    """Standing is kept; walking on the spot, sitting on air and hanging high are not."""
    n = 60
    still, zero = np.zeros((n, 24, 3)), np.zeros((n, 3))
    swing = 0.5 * np.sin(np.linspace(0, 8 * np.pi, n))
    stepping = still.copy()
    stepping[:, 1, 0], stepping[:, 2, 0] = swing, -swing
    seated = still.copy()
    seated[:, [1, 2], 0], seated[:, [4, 5], 0] = -1.5, 1.5
    kept = floor_clips(made([still, stepping, seated], [zero] * 3), body)
    assert set(kept.names) == {"made 0"} and kept.kinds == ("stand",)
    climbing = zero.copy()
    climbing[30:, 1] = np.minimum(1.0, np.arange(30) / 10)
    kept = floor_clips(made([still], [climbing]), body)
    assert len(kept.rotations) < 40
    with pytest.raises(MotionError, match="flat floor"):
        floor_clips(made([seated], [zero]), body)


def test_splits_are_not_mixed(body):
    still, zero = np.zeros((40, 24, 3)), np.zeros((40, 3))
    motions = made([still, still], [zero, zero], ("train", "test"))
    with pytest.raises(MotionError, match="one split"):
        sample_sequence(np.random.default_rng(0), body, motions, MIXES["light"], 32)


def test_wrong_settings_are_named(motions, body):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="frames=900"):
        sample_sequence(rng, body, motions, MIXES["light"], 900)
    with pytest.raises(ValueError, match="drone"):
        sample_sequence(rng, body, motions, MIXES["light"], 32, "drone")
    film = sample_sequence(rng, body, motions, MIXES["light"], 32)
    with pytest.raises(IndexError, match="frame 32"):
        film.scene(32, body)


@pytest.mark.slow
def test_three_hundred_frames_at_any_rate(motions, body):
    for seed, fps in enumerate((10.0, 30.0)):
        film = sample_sequence(
            np.random.default_rng(seed), body, motions, MIXES["realistic"], 300, fps=fps
        )
        truth = film.truth(body)
        assert len(film) == 300 and np.isfinite(truth.joints).all()


_DIGEST = """
import hashlib, sys
import numpy as np
from hmr_ros.body.model import load_body_model
from hmr_ros.data.motions import load_motions
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.data.sequences.sample import sample_sequence
motions, body = load_motions(sys.argv[1]).split("val"), load_body_model()
total = hashlib.sha256()
for seed in range(3):
    film = sample_sequence(np.random.default_rng(seed), body, motions, MIXES["realistic"], 40)
    truth, scene = film.truth(body), film.scene(7)
    arrays = [truth.joints, truth.joints_2d, truth.rotations_world, truth.camera_rotations]
    arrays += [truth.camera_positions, truth.stamps, film.odometry.gyro, film.odometry.positions]
    for a in arrays + [p.vertices for p in scene.props]:
        total.update(np.ascontiguousarray(a).tobytes())
print("digest", total.hexdigest())
"""


@pytest.mark.slow
def test_the_same_bytes_on_another_processor(shared_data):
    """Other kernels of BLAS, no wide vectors, another number of threads."""
    plain = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    other = {
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
    }
    digests = set()
    for extra in (plain, other):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _DIGEST, str(shared_data / "motions.npz")],
            env={**os.environ, **extra},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout.split("digest ")[1])
    assert len(digests) == 1
