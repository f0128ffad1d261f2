"""Batches drawn in torch: the same pixels and truth as the CPU's renderer, step by step."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.body.model import load_body_model
from hmr_ros.body.torch_body import TorchBody
from hmr_ros.data.motions import Motions
from hmr_ros.data.render import near_plane, shading, shadow
from hmr_ros.data.render.coverage import covered
from hmr_ros.data.render.draw_list import draw_list
from hmr_ros.data.render.finish import finished
from hmr_ros.data.render.projection import NEAR, projected
from hmr_ros.data.render.render import render
from hmr_ros.data.render.torch_edges import Box, edges, touched
from hmr_ros.data.render.torch_finish import finished as finished_batch
from hmr_ros.data.render.torch_jpeg import jpeg_loss
from hmr_ros.data.render.torch_lens import Lenses, cut_at_near
from hmr_ros.data.render.torch_posing import posed
from hmr_ros.data.render.torch_ranges import blocks, expanded
from hmr_ros.data.render.torch_raster import rasterized
from hmr_ros.data.render.torch_render import CPU_BUDGET, delivered, render_batch
from hmr_ros.data.render.torch_shading import shaded
from hmr_ros.data.render.torch_shadow import shadow_maps
from hmr_ros.data.render.torch_soup import soup_of
from hmr_ros.data.render.torch_stage import stage_of
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.data.scenes.sampling import sample_crop
from hmr_ros.data.scenes.scene import Finish, Light, Prop, Scene
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import CHECKS, CLOUDS, STRIPES, Surface
from hmr_ros.data.viewpoints import viewpoint
from hmr_ros.geometry.camera import Camera

SIZE = 96
LENSES = {
    "plumb_bob": (-0.25, 0.06, 0.001, -0.002, 0.01),
    "rational_polynomial": (0.1, -0.05, 0.001, 0.001, 0.01, 0.4, -0.1, 0.02),
    "equidistant": (0.02, -0.01, 0.003, 0.0),
}
TRUTH = (
    "depth",
    "thing",
    "person_id",
    "part_id",
    "joints",
    "joints_2d",
    "visibility",
    "occluder",
    "rotations",
    "betas",
    "transl",
    "boxes",
    "shown",
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Batches here are small; threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def torch_body(body):
    return TorchBody(body, torch.float64)


@pytest.fixture(scope="module")
def crops(body):
    """Seven heavy scenes as they are sampled: clothes, furniture, lenses, windows, shadows."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.25, (40, 24, 3)).astype(np.float32)
    poses[:, 0] = 0
    motions = Motions(
        poses=poses,
        trans=np.zeros((40, 3), np.float32),
        starts=np.array([0, 40]),
        names=("a",),
        splits=("train",),
        fps=30.0,
    )
    return [
        sample_crop(np.random.default_rng(seed), body, motions, MIXES["heavy"], (), SIZE)
        for seed in range(7)
    ]


def camera(model="none"):
    lens = LENSES.get(model, ())
    return Camera(SIZE, SIZE, 70.0, 72.0, 46.3, 49.1, lens, model)


def painted(corners, pattern, levels=None, photo=None):
    corners = np.asarray(corners, np.float32)
    levels = np.zeros((len(corners), 0), np.float32) if levels is None else levels
    count = levels.shape[1] + 1
    rng = np.random.default_rng(count)
    return Surface(
        texture=corners,
        levels=levels,
        palette=rng.uniform(0.2, 0.9, (count, 2, 3)).astype(np.float32),
        patterns=np.tile(np.float32(pattern), (count, 1)),
        creases=np.full(count, 0.3, np.float32),
        features=np.array([[0.1, 0.2, 0, 0.1, 0.2, 0.3, 0.9, 0.1, 0.1]], np.float32),
        seed=-7,
        photo=photo,
    )


def sheet(corners, pattern=(0, 0, 0, 0), **options):
    corners = np.asarray(corners, np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    paint = painted(corners, pattern, **options)
    return Prop(corners, faces, paint, Thing.SOLID, two_sided=True)


@pytest.fixture(scope="module")
def made(crops):
    """What sampling may leave out: sheets through the near plane and their backs, photographs,
    every pattern, each lens, a photographed floor, and nothing at all."""
    rng = np.random.default_rng(5)
    photo = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    unit = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    picture = Prop(
        unit * [1.5, 1.2, 1] + [-0.9, 0.6, -2.2],
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        painted(unit, (0, 0, 0, 0), photo=photo),
        Thing.CUTOUT,
        two_sided=True,
    )
    levels = np.array([[-0.2], [0.3], [0.3], [-0.2]], np.float32)
    props = (
        # Under the lens and behind it.
        sheet([[-1, 0.9, 2], [1, 0.9, 2], [1, 0.8, -3], [-1, 0.8, -3]], (STRIPES, 20, 5, 0)),
        sheet([[0.2, 1, -0.02], [0.5, 1.4, 0.3], [0.4, 1.3, -1], [0.3, 1, -2]], (CLOUDS, 9, 0, 0)),
        # Clockwise and counter-clockwise.
        sheet([[-0.8, 1, -2], [-0.8, 1.6, -2], [-0.2, 1.6, -2.5], [-0.2, 1, -2.5]]),
        sheet(
            [[0.1, 1, -2], [0.9, 1, -2.5], [0.9, 1.6, -2.5], [0.1, 1.6, -2]],
            (CHECKS, 30, 0, 0),
            levels=levels,
        ),
        replace(picture, vertices=picture.vertices.astype(np.float32)),
    )
    light = Light(np.array([0.3, 0.8, 0.52]), np.full(3, 0.4), np.array([0.5, 0.6, 0.7]), 0.8, 0.05)
    people = crops[1].people[:1]
    people = tuple(replace(p, transl=np.float32([0.1, 0.9, -2.6])) for p in people)
    grey = rng.integers(60, 200, (SIZE, SIZE, 3), dtype=np.uint8)
    scenes = []
    for n, model in enumerate(("none", *LENSES)):
        view = viewpoint(camera(model), 1.2, 0.15, 0.1)
        finish = Finish(0.7, (3.0, -1.5), 1.1, 0.9, (0.1, 20.0, 1.0), 2.0, 0, seed=n)
        scenes.append(Scene(view, people, props[: 5 - n], light, grey, True, finish))
    empty = Scene(scenes[0].view, (), (), light, grey, catcher=True)
    return [*scenes, empty]


@pytest.fixture(scope="module")
def scenes(crops, made):
    return [*crops, *made]


@pytest.fixture(scope="module")
def draws(scenes, body):
    return [draw_list(scene, body) for scene in scenes]


@pytest.fixture(scope="module")
def soup(draws, scenes, body):
    return soup_of(draws, scenes, body)


@pytest.fixture(scope="module")
def fronts(soup):
    return rasterized(soup, CPU_BUDGET)


@pytest.fixture(scope="module")
def light(soup, fronts):
    return shaded(soup, fronts, shadow_maps(soup, CPU_BUDGET), CPU_BUDGET)


@pytest.fixture(scope="module")
def coverages(draws):
    return [covered(d, stacked_places(d)) for d in draws]


def stacked_places(draw):
    joints = [p.joints for p in draw.people]
    return projected(np.concatenate([np.zeros((0, 3), np.float32), *joints]), draw.camera)


def test_the_scenes_hold_what_is_to_be_tested(scenes, draws):
    assert any(s.window is not None for s in scenes)
    assert sum(s.view.camera.distorted for s in scenes) >= 4
    assert sum(len(d.people) > 1 for d in draws) >= 3
    assert any((d.vertices[:, 2] == np.float32(NEAR)).any() for d in draws)
    assert any(d.photos.size for d in draws)
    patterns = {int(k) for d in draws for k in d.patterns[..., 0].ravel()}
    assert {STRIPES, CHECKS, CLOUDS} <= patterns


def test_the_same_face_is_in_front_at_every_sample(draws, fronts, coverages):
    start = 0
    for n, (draw, coverage) in enumerate(zip(draws, coverages, strict=True)):
        faces = fronts.faces[n].numpy()
        faces = np.where(faces >= 0, faces - start, -1)
        np.testing.assert_array_equal(faces[..., 0], coverage.centre)
        np.testing.assert_array_equal(faces[..., 1:], coverage.samples)
        np.testing.assert_allclose(fronts.depth[n].numpy(), coverage.depth, rtol=1e-6)
        bits = coverage.silhouettes >> np.arange(len(draw.people))[:, None, None] & 1
        mine = fronts.silhouettes[n].numpy()
        np.testing.assert_array_equal(mine[: len(draw.people)], bits.astype(bool))
        assert not mine[len(draw.people) :].any()
        start += len(draw.faces)


@pytest.mark.parametrize("seed", range(6))
def test_edges_through_samples_and_equal_depths(body, seed):
    """Corners on a grid that samples lie on, at few depths: who owns an edge decides, and order."""
    rng = np.random.default_rng(seed)
    lens = Camera(16, 12, 20.0, 20.0, 8.0, 6.0)
    corners = np.zeros((120, 3), np.float32)
    faces = np.arange(60, dtype=np.int32).reshape(-1, 3)
    paint = painted(corners[:60], (0, 0, 0, 0))
    props = tuple(
        Prop(corners[:60], faces, paint, Thing.SOLID, two_sided=both) for both in (True, False)
    )
    light = Light(np.array([0.0, 1.0, 0.0]), np.ones(3), np.zeros(3))
    grey = np.zeros((12, 16, 3), np.uint8)
    scene = Scene(viewpoint(lens, 1.0, 0.0), (), props, light, grey)
    draw = draw_list(scene, body)
    corners[:, 2] = rng.choice([1.0, 1.0, 2.0], 120)
    step = 64 if seed % 2 else 32
    places = rng.integers(-500 // step, 4600 // step, (120, 2)) * step
    draw = replace(
        draw,
        vertices=corners,
        pixels=places.astype(np.int32),
        drawable=np.ones(len(draw.faces), bool),
    )
    coverage = covered(draw, np.zeros((0, 2)))
    fronts = rasterized(soup_of([draw], [scene], body), 50)
    np.testing.assert_array_equal(fronts.faces[0, ..., 0], coverage.centre)
    np.testing.assert_array_equal(fronts.faces[0, ..., 1:], coverage.samples)
    assert (coverage.samples >= 0).mean() > 0.3


def test_joints_look_at_the_same_faces(draws, fronts, coverages):
    start = looked = 0
    for n, (draw, coverage) in enumerate(zip(draws, coverages, strict=True)):
        x, y = stacked_places(draw).T
        # Outside of the picture nobody asks.
        inside = (np.abs(x - (SIZE - 1) / 2) < SIZE / 2) & (np.abs(y - (SIZE - 1) / 2) < SIZE / 2)
        face = fronts.joint_face[n, : len(draw.people)].numpy().ravel()
        face = np.where(face >= 0, face - start, -1)
        np.testing.assert_array_equal(face[inside], coverage.joint_face[inside])
        depth = fronts.joint_depth[n, : len(draw.people)].numpy().ravel()
        np.testing.assert_allclose(depth[inside], coverage.joint_depth[inside], rtol=1e-6)
        start += len(draw.faces)
        looked += (face[inside] >= 0).sum()
    assert looked > 100


def test_shadow_maps_are_the_same(draws, soup):
    maps = shadow_maps(soup, CPU_BUDGET)
    for n, draw in enumerate(draws):
        expected = shadow.shadow_map(draw)
        assert bool(maps.valid[n]) == (expected is not None)
        if expected is not None:
            height, width = expected.height.shape
            assert (height, width) == (maps.rows[n], maps.columns[n])
            np.testing.assert_allclose(maps.height[n, :height, :width], expected.height, atol=1e-6)


def test_light_is_the_same(draws, scenes, coverages, light):
    for n, (draw, scene) in enumerate(zip(draws, scenes, strict=True)):
        expected = shading.shaded(
            draw, coverages[n], shadow.shadow_map(draw), scene.background, scene.catcher
        )
        assert close_share(light[n].numpy() * 255, expected * 255) == 1.0


def close_share(a, b):
    """Share of pixels that differ by no more than one grey level in any channel."""
    return (np.abs(a.astype(np.float64) - b) <= 1).all(-1).mean()


def test_pictures_and_truth_are_the_same(scenes, body, soup, fronts, light):
    without = tuple(replace(s.finish, jpeg=0) for s in scenes)
    tables = replace(soup.tables, finishes=without)
    batch = delivered(replace(soup, tables=tables), fronts, light)
    for n, scene in enumerate(scenes):
        expected = render(replace(scene, finish=without[n]), body)
        picture = batch.picture(n)
        assert close_share(picture.image, expected.image) >= 0.999
        for name in TRUTH:
            np.testing.assert_array_equal(
                getattr(picture, name), getattr(expected, name), err_msg=f"{n} {name}"
            )
            assert getattr(picture, name).dtype == getattr(expected, name).dtype


def test_posing_on_the_device_gives_the_same_vertices(scenes, body, torch_body, draws):
    scenes, draws = scenes[4:10], draws[4:10]
    mine, soup = posed(stage_of(scenes, torch_body)), soup_of(draws, scenes, body)
    for n, draw in enumerate(draws):
        rows = (mine.vertex_scene == n).numpy()
        np.testing.assert_allclose(mine.vertices.numpy()[rows], draw.vertices, atol=1e-5)
        np.testing.assert_allclose(mine.normals.numpy()[rows], draw.normals, atol=1e-4)
        for name in ("texture", "levels", "part"):
            np.testing.assert_array_equal(getattr(mine, name).numpy()[rows], getattr(draw, name))
        np.testing.assert_allclose(mine.thickness.numpy()[rows], draw.thickness, rtol=1e-6)
    for name in ("joints", "transl", "rotations", "up", "towards", "floor"):
        torch.testing.assert_close(
            getattr(mine, name), getattr(soup, name), atol=1e-6, rtol=0, equal_nan=True
        )
    assert mine.drawable.sum() == soup.drawable.sum()
    a, b = (render_batch(s, finish=False) for s in (mine, soup))
    for n in range(len(scenes)):
        assert close_share(a.image[n].numpy(), b.image[n].numpy()) >= 0.999
        assert (a.depth[n] == b.depth[n]).float().mean() >= 0.999


def test_a_stage_takes_other_poses(crops, torch_body):
    """People of one scene posed as others are the scene with those people."""
    scene = replace(crops[1], people=crops[1].people[:1])
    rng = np.random.default_rng(3)
    other = replace(
        scene.people[0],
        rotations=crops[2].people[0].rotations,
        betas=rng.normal(size=10).astype(np.float32),
        transl=scene.people[0].transl + np.float32([0.1, 0, 0.05]),
    )
    expected = posed(stage_of([replace(scene, people=(other,))], torch_body))
    soup = posed(
        stage_of([scene], torch_body),
        *(torch.from_numpy(np.asarray(v))[None] for v in (other.rotations, other.betas)),
        transl=torch.from_numpy(other.transl)[None],
    )
    assert torch.equal(soup.vertices, expected.vertices)
    assert torch.equal(render_batch(soup).image, render_batch(expected).image)
    assert torch.equal(render_batch(soup).betas, expected.tables.betas)


def test_budget_and_company_change_nothing(crops, body):
    some = crops[2:4]
    draws = [draw_list(scene, body) for scene in some]
    whole = render_batch(soup_of(draws, some, body))
    again = render_batch(soup_of(draws, some, body), budget=5_000)
    alone = render_batch(soup_of(draws[1:], some[1:], body))
    for name in ("image", "depth", "person_id", "visibility", "boxes"):
        assert torch.equal(getattr(whole, name), getattr(again, name))
        one = getattr(alone, name)[0]
        there = getattr(whole, name)[1]
        assert torch.equal(there[: len(one)], one)


def test_without_truth_the_picture_is_the_same(crops, body):
    soup = soup_of([draw_list(crops[0], body)], crops[:1], body)
    bare = render_batch(soup, truth=False)
    assert torch.equal(bare.image, render_batch(soup).image)
    assert not bare.visibility.any() and not bare.boxes.any() and not bare.shown.any()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_finish_is_the_same(seed):
    rng = np.random.default_rng(seed)
    finish = Finish(
        blur=rng.choice([0.0, rng.uniform(0.2, 2)]),
        motion=tuple(rng.choice([0.0, 1.0]) * rng.uniform(-5, 5, 2)),
        gamma=rng.uniform(0.7, 1.4),
        gain=rng.uniform(0.7, 1.3),
        rolling=(rng.uniform(0, 0.2), rng.uniform(5, 50), rng.uniform(0, 6)),
        noise=rng.choice([0.0, rng.uniform(0, 6)]),
        seed=int(rng.integers(2**32)),
    )
    light = rng.uniform(-0.1, 1.2, (20, 17, 3)).astype(np.float32)
    window = (2.0, -0.5, 11.5, 16.0)
    other = replace(finish, blur=1.5, motion=(2.0, 0.0))
    inside = (np.arange(17) >= 2) & (np.arange(17) <= 11.5) & (np.arange(20) <= 16)[:, None]
    outside = torch.from_numpy(~inside).expand(2, -1, -1)
    both = torch.from_numpy(np.stack([light, light]))
    out = finished_batch(both, (finish, other), outside).numpy()
    for image, one in zip(out, (finish, other), strict=True):
        expected = finished(light, one, window).astype(int)
        # Powers may round the other way: a value in some thousand, by one.
        assert np.abs(image - expected).max() <= 1
        assert (image != expected).mean() < 0.002


@pytest.mark.parametrize("size", [(96, 128), (67, 45)])
def test_jpeg_loses_what_a_file_loses(size):
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (*size, 3)), (0, 0), 5) * 900 + 128
    image = np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)
    for quality in (20, 50, 75, 95):
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        file = cv2.imdecode(data, cv2.IMREAD_COLOR).astype(float)
        lost = np.abs(file - image).mean()
        batch = torch.from_numpy(image)[None]
        mine = jpeg_loss(batch, torch.tensor([quality]))[0].numpy()
        assert np.abs(mine - file).mean() < 0.25 * lost
        assert np.abs(mine.astype(float) - image).mean() == pytest.approx(lost, rel=0.03)


@pytest.mark.parametrize("model", ["none", *LENSES])
def test_lenses_bend_as_the_cpu_bends(model):
    rng = np.random.default_rng(0)
    points = rng.normal(0, 1, (500, 3)).astype(np.float32) * [1, 1, 2]
    points = np.concatenate([points, [[0, 0, 0], [1, 1, 1e-7]]]).astype(np.float32)
    lenses = Lenses([camera(), camera(model)], "cpu")
    out = lenses.pixels(torch.from_numpy(points), torch.ones(len(points), dtype=torch.int64))
    expected = projected(points, camera(model))
    np.testing.assert_array_equal(out.isnan().numpy(), np.isnan(expected))
    np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_near_plane_cuts_as_the_cpu_cuts():
    rng = np.random.default_rng(0)
    vertices = rng.uniform(-0.4, 0.5, (60, 3)).astype(np.float32)
    faces = np.array([rng.choice(60, 3, replace=False) for _ in range(200)], np.int32)
    per_vertex = {
        "vertices": vertices,
        "levels": rng.normal(size=(60, 4)).astype(np.float32),
        "thickness": rng.random(60).astype(np.float32),
        "part": rng.integers(0, 24, 60).astype(np.uint8),
    }
    mesh = rng.integers(0, 5, 200).astype(np.int32)
    expected = near_plane.cut_at_near(per_vertex, faces, mesh)
    tensors = {k: torch.from_numpy(v) for k, v in per_vertex.items()}
    corners, owner = torch.from_numpy(faces.astype(np.int64)), torch.from_numpy(mesh)
    out = cut_at_near(tensors, corners, owner, torch.ones(200, dtype=torch.bool))
    for name in per_vertex:
        np.testing.assert_array_equal(out[0][name], expected[0][name], err_msg=name)
    np.testing.assert_array_equal(out[1], expected[1])
    np.testing.assert_array_equal(out[2], expected[2])
    assert len(expected[1]) > 250
    whole = cut_at_near(tensors, corners, owner, torch.zeros(200, dtype=torch.bool))
    assert len(whole[1]) == 200


counts = st.lists(st.integers(0, 9), max_size=30)


@given(counts, st.integers(1, 20))
@settings(deadline=None)
def test_blocks_cover_all_rows_once(rows, budget):
    counts = torch.tensor(rows, dtype=torch.int64)
    owner, number = expanded(counts)
    np.testing.assert_array_equal(owner, np.repeat(np.arange(len(rows)), rows))
    assert number.tolist() == [k for n in rows for k in range(n)]
    found = []
    for first, last, total in blocks(counts, budget):
        part = rows[first:last]
        assert sum(part) == total and 0 < total < budget + max(rows)
        found += [first + k for k, n in enumerate(part) for _ in range(n)]
    assert found == owner.tolist()


corner = st.integers(-3000, 3000)


@given(st.lists(st.tuples(*[corner] * 6), min_size=1, max_size=6), st.sampled_from([0, 64]))
@settings(max_examples=20, deadline=None)
def test_every_covered_place_is_touched(triangles, margin):
    """Against all pixels and places of an 11 x 9 picture, one by one."""
    x, y = np.array(triangles).reshape(-1, 3, 2).transpose(2, 1, 0)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    keep = area != 0
    order = np.where(area[keep] < 0, [[0], [2], [1]], [[0], [1], [2]])
    x, y = (np.take_along_axis(v[:, keep], order, 0) for v in (x, y))
    count = x.shape[1]
    lines = edges(torch.from_numpy(x), torch.from_numpy(y))
    ones = torch.ones(count, dtype=torch.int64)
    box = Box(0 * ones, 10 * ones, 0 * ones, 8 * ones)
    seen, weights = set(), {}
    for face, px, py, w in touched(lines, box, margin, 16):
        for n, key in enumerate(zip(face.tolist(), px.tolist(), py.tolist(), strict=True)):
            assert key not in seen
            seen.add(key)
            weights[key] = w[:, n].tolist()
    for n in range(count):
        for py in range(9):
            for px in range(11):
                at = torch.tensor([n])
                for dx, dy in ((0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1)):
                    place = px * 256 + dx * margin, py * 256 + dy * margin
                    w = lines.at(at, torch.tensor([place[0]]), torch.tensor([place[1]]))[:, 0]
                    if (w >= 0).all():
                        assert (n, px, py) in seen
                    if (dx, dy) == (0, 0) and (n, px, py) in seen:
                        assert weights[n, px, py] == w.tolist()
                    if margin == 0:
                        break


def test_what_cannot_be_drawn_is_refused(crops, body, torch_body):
    with pytest.raises(ValueError, match="at least one scene"):
        soup_of([], [], body)
    small = replace(crops[0].view, camera=crops[0].view.camera.scaled(64, 64))
    with pytest.raises(ValueError, match="one size"):
        stage_of([crops[0], replace(crops[0], view=small)], torch_body)
    with pytest.raises(ValueError, match="background is"):
        stage_of([replace(crops[0], background=np.zeros((4, 4, 3), np.uint8))], torch_body)
    with pytest.raises(ValueError, match="float64"):
        stage_of(crops[:1], TorchBody(body))
    with pytest.raises(ValueError, match="this stage needs"):
        posed(stage_of(crops[:1], torch_body), betas=torch.zeros(77, 10))
