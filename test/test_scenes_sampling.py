"""Scenes are plausible: who stands stands on something, and nothing stands in anything else."""

from dataclasses import replace

import numpy as np
import pytest

from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.motions import load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.cameras import framed, monotonic, sample_camera
from hmr_ros.data.scenes.crowd import put_in_view
from hmr_ros.data.scenes.figures import figure, sample_figure
from hmr_ros.data.scenes.furniture import KINDS, variant
from hmr_ros.data.scenes.mixes import HEAVY, LIGHT, MIXES, REALISTIC
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.placing import furniture_before
from hmr_ros.data.scenes.sampling import sample_crop, sample_scene
from hmr_ros.data.scenes.seats import seat_for
from hmr_ros.data.scenes.things import Thing
from hmr_ros.geometry.camera import Camera

SCENES = 12


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions(shared_data):
    return load_motions(shared_data / "motions.npz").split("train")


@pytest.fixture(scope="module")
def scenes(body, motions):
    return [sample_scene(np.random.default_rng(n), body, motions, HEAVY) for n in range(SCENES)]


def skin(body, person):
    one = [np.asarray(a, float)[None] for a in (person.rotations, person.betas, person.transl)]
    return vertices(body, *one)[0]


def same(one, other) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dict__") and not callable(one):
        names = set(one.__dict__) | set(other.__dict__)
        return all(same(getattr(one, n), getattr(other, n)) for n in names)
    return one == other


def test_the_same_seed_gives_the_same_scene_and_another_seed_another(body, motions, scenes):
    again = sample_scene(np.random.default_rng(3), body, motions, HEAVY)
    assert same(scenes[3], again)
    assert not same(scenes[4], again)


def test_people_touch_the_floor_or_what_they_sit_on(body, scenes):
    seen = set()
    for scene in scenes:
        seats = [p for p in scene.props if p.kind == Thing.FURNITURE]
        for person in scene.people:
            mesh = skin(body, person)
            soles = max([0.0] + [-s.offset[:, 1].min() for s in person.outfit.shells
                                 if s.name == "shoe"])  # fmt: skip
            low = mesh[:, 1].min()
            on_floor = -0.01 < low < soles + 0.01
            # A bed: something has a corner just as high.
            on_bed = any(np.abs(s.vertices[:, 1] - low).min() < 0.01 for s in seats)
            assert on_floor or on_bed, person.activity
            seen.add("floor" if on_floor else "bed")
    assert "floor" in seen


def test_a_seat_is_as_high_as_the_rump_of_who_sits_on_it(body, motions):
    rng = np.random.default_rng(0)
    seats = 0
    for _ in range(30):
        one = sample_figure(rng, body, motions, {"sit": 1.0})
        seat = seat_for(rng, one)
        if seat is None:
            assert one.rump[:, 1].min() < 0.21
            continue
        seats += 1
        assert abs(seat.piece.seat - one.rump[:, 1].min()) < 0.01
        # The pelvis is over it, and no arm, trunk or head within it.
        assert seat.distance(one.joints[:1] * [1, 0, 1] + [0, seat.piece.seat, 0])[0] < 0.05
        assert seat.distance(one.joints[[12, 15, 16, 17]]).min() > 0.02
    assert seats > 10


def test_nothing_is_right_before_the_camera(scenes):
    for scene in scenes:
        for prop in scene.props:
            a, b, c = prop.vertices[prop.faces].transpose(1, 0, 2).astype(float)
            # Points all over each face stand for it.
            for u, v in ((0, 0), (1, 0), (0, 1), (0.5, 0.5), (0.5, 0), (0, 0.5), (0.33, 0.33)):
                away = a + u * (b - a) + v * (c - a) - scene.view.position
                assert np.linalg.norm(away, axis=1).min() > 0.2, prop.kind


def test_furniture_is_on_the_floor_and_right_way_out():
    for kind in KINDS:
        for number in range(3):
            piece = variant(kind, number)
            assert abs(piece.vertices[:, 1].min()) < 0.03, kind
            a, b, c = piece.vertices[piece.faces].transpose(1, 0, 2)
            if not piece.two_sided:
                # Outward faces enclose a positive volume.
                assert (a * np.cross(b, c)).sum() / 6 > 1e-4, kind
            low, high = piece.size
            assert (piece.vertices >= low - 0.6).all() and (piece.vertices <= high + 0.6).all()


def test_bones_stay_out_of_furniture_and_of_each_other(body, motions):
    rng = np.random.default_rng(5)
    eye = np.array([0.0, 0.8, 0.0])
    for _ in range(20):
        one = sample_figure(rng, body, motions, REALISTIC.activities).moved([0, 0, -4.0])
        two = sample_figure(rng, body, motions, REALISTIC.activities).moved([0.9, 0, -3.0])
        if one.near(two):
            continue
        placed = furniture_before(rng, one, eye, [], [one, two])
        if placed is not None:
            inside = np.concatenate([one.bones, two.bones])
            # By hand: into the frame of the piece, against each box.
            c, s = np.cos(placed.yaw), np.sin(placed.yaw)
            turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
            local = (inside - placed.at) @ turn
            for low, high in placed.piece.solid:
                assert not ((local > low) & (local < high)).all(1).any()


def test_furniture_before_hides_what_it_says(body, motions):
    rng = np.random.default_rng(1)
    eye = np.array([0.0, 0.9, 0.0])
    found = 0
    for _ in range(40):
        one = sample_figure(rng, body, motions, {"clip": 1.0}).moved([0, 0, -3.5])
        placed = furniture_before(rng, one, eye, [], [one])
        if placed is None:
            continue
        hidden = placed.hides(one.joints, eye)
        found += hidden.mean() >= 0.15
        # An independent way: points along each line, whether one is in a box.
        steps = np.linspace(0, 0.98, 3000)[:, None]
        for joint, says in zip(one.joints, hidden, strict=True):
            near = placed.distance(eye + steps * (joint - eye)).min() == 0
            assert near == says or placed.distance(eye + steps * (joint - eye)).min() < 0.002
    assert found >= 30  # of 40


def test_distance_to_a_box_is_that_of_a_fine_sample_of_its_surface():
    piece = variant("counter", 0)
    placed = Placed(piece, np.array([0.3, 0.0, -2.0]), 0.7)
    rng = np.random.default_rng(0)
    points = rng.uniform([-1, 0, -4], [1.5, 2, 0], (40, 3))
    surface = []
    for low, high in piece.solid:
        for axis in range(3):
            for side in (low, high):
                grid = rng.uniform(low, high, (4000, 3))
                grid[:, axis] = side[axis]
                surface.append(grid)
    surface = np.concatenate(surface)
    c, s = np.cos(0.7), np.sin(0.7)
    world = surface @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + placed.at
    brute = np.sqrt(((points[:, None] - world[None]) ** 2).sum(-1)).min(1)
    told = placed.distance(points)
    outside = told > 0
    assert np.allclose(told[outside], brute[outside], atol=0.04)
    assert (told[outside] <= brute[outside] + 1e-9).all()


@pytest.mark.parametrize(
    "kind", [Thing.PERSON, Thing.FURNITURE, Thing.SOLID, Thing.CUTOUT, Thing.CARRIED]
)
def test_a_mix_without_a_kind_has_none_of_it(body, motions, kind):
    mix = replace(HEAVY, people=(1, 2)).without(kind)
    for n in range(5):
        scene = sample_scene(np.random.default_rng(n), body, motions, mix)
        assert all(p.kind != kind for p in scene.props)
        if kind == Thing.PERSON:
            assert len(scene.people) <= 2


def test_the_prototype_has_no_garments_rooms_shadows_or_lenses(body, motions):
    for n in range(6):
        scene = sample_crop(np.random.default_rng(n), body, motions, MIXES["prototype"])
        assert all(p.kind == Thing.SOLID for p in scene.props)
        assert all(not p.outfit.shells and p.outfit.bare.all() for p in scene.people)
        assert scene.light.shadow == 0 and not scene.catcher and scene.window is None
        assert not scene.view.camera.distorted


def test_lenses_bend_no_two_rays_onto_one_pixel():
    rng = np.random.default_rng(0)
    mix = replace(REALISTIC, lens=1.0)
    bent = 0
    for _ in range(60):
        camera = sample_camera(rng, mix, 640, 480)
        bent += camera.distorted
        # Along lines from the middle to the border the true radius of a pixel's ray rises.
        edge = np.array([[x, y] for x in (0, 319.5, 639) for y in (0, 239.5, 479)])
        edge = edge[np.abs(edge - [319.5, 239.5]).sum(1) > 1]
        t = np.linspace(0.02, 1, 60)[:, None, None]
        pixels = [camera.cx, camera.cy] + t * (edge - [camera.cx, camera.cy])
        rays = camera.rays(pixels)
        assert np.allclose(
            camera.project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1)), pixels,
            atol=1e-3,
        )  # fmt: skip
        radius = np.linalg.norm(rays, axis=-1)
        assert (np.diff(radius, axis=0) > 0).all()
    assert bent > 50
    folded = Camera(640, 480, 300, 300, 320, 240, (-0.6, 0.0, 0.0, 0.0), "plumb_bob")
    assert not monotonic(folded)


def test_who_is_not_cut_off_is_wholly_in_the_image(body, motions):
    rng = np.random.default_rng(2)
    mix = replace(REALISTIC, lens=0.0, roll_sd=0.0)
    whole = cut = 0
    for _ in range(25):
        camera = sample_camera(rng, mix, 640, 480)
        eye = np.array([0.0, rng.uniform(*mix.height), 0.0])
        one = sample_figure(rng, body, motions, mix.activities)
        one = put_in_view(one, eye, camera, 4.0, (0.7, 1.0))
        pixels = [
            framed(rng, mix, camera, eye, one.skin, short) for short in (False, True)
        ]  # viewpoints
        pixels = [camera.project(v.to_camera(one.skin)) for v in pixels]
        inside = [((p >= 0) & (p <= [639, 479])).all(1).mean() for p in pixels]
        whole += inside[0] == 1
        cut += inside[1] < 1
    assert whole >= 24 and cut >= 24


def test_the_camera_is_within_the_rooms_walls(scenes):
    for scene in scenes:
        for prop in scene.props:
            if prop.kind == Thing.ROOM:
                assert (prop.vertices[:, 1] > -1e-3).all()


def test_figures_are_posed_as_the_body_model_poses_them(body):
    rotations = np.tile(np.eye(3), (24, 1, 1))
    one = figure(body, rotations, np.zeros(10, np.float32))
    mesh = vertices(body, rotations[None], np.zeros((1, 10)), one.transl[None])[0]
    assert abs(mesh[:, 1].min()) < 0.002
    assert np.allclose(one.joints[0, [0, 2]], 0)
    assert np.allclose(one.joints, body.joint_template + one.transl, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mix", "low", "high"), [(REALISTIC, 0.52, 0.76), (HEAVY, 0.28, 0.52), (LIGHT, 0.70, 0.95)]
)
def test_mixes_show_as_much_of_people_as_they_say(body, motions, mix, low, high):
    shares = []
    for n in range(60):
        scene = sample_crop(np.random.default_rng([11, n]), body, motions, mix)
        shares.append((render(scene, body).visibility[0] == 2).mean())
    assert low < np.mean(shares) < high
