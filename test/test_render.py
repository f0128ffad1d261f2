"""Rendered scenes: the truth that comes with a picture, against rays, formulas and other views."""

import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.self_occlusion import allowed_depth
from hmr_ros.body.skinning import vertices as skinned
from hmr_ros.data.clothes.painted import painted_surface
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.motions import Motions
from hmr_ros.data.render.coverage import covered
from hmr_ros.data.render.draw_list import draw_list
from hmr_ros.data.render.posing import posed_vertices
from hmr_ros.data.render.projection import projected
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.data.scenes.sampling import sample_crop
from hmr_ros.data.scenes.scene import Finish, Light, Outfit, Person, Prop, Scene
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface
from hmr_ros.data.viewpoints import camera_with_fov, viewpoint
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import vertex_normals
from hmr_ros.geometry.rotations import matrix_from_axis_angle

SIZE = 192
DARK = Light(np.array([0.0, 1.0, 0.0]), np.ones(3), np.zeros(3))


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def made_motions():
    """Two made-up clips, so that no data is needed."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.25, (40, 24, 3)).astype(np.float32)
    poses[:, 0] = 0
    return Motions(
        poses=poses,
        trans=np.zeros((40, 3), np.float32),
        starts=np.array([0, 30, 40]),
        names=("a", "b"),
        splits=("train", "train"),
        fps=30.0,
    )


def sampled(body, seed, mix="heavy"):
    return sample_crop(
        np.random.default_rng([seed]), body, made_motions(), MIXES[mix], (), size=SIZE
    )


def through_a_pinhole(scene):
    """The same scene whole and without a lens, so that rays are easy to reckon."""
    camera = replace(scene.view.camera, distortion=(), distortion_model="none")
    return replace(scene, view=replace(scene.view, camera=camera), window=None)


@pytest.fixture(scope="module")
def scenes(body):
    """The last two as they were drawn, through lenses and with windows where there are any."""
    made = [sampled(body, seed) for seed in range(12)]
    return [through_a_pinhole(scene) for scene in made[:10]] + made[10:]


@pytest.fixture(scope="module")
def pictures(body, scenes):
    return [render(scene, body) for scene in scenes]


def paint(texture, colour=(1.0, 1.0, 1.0), photo=None):
    return Surface(
        texture=np.asarray(texture, np.float32),
        levels=np.zeros((len(texture), 0), np.float32),
        palette=np.tile(np.float32(colour), (1, 2, 1)),
        patterns=np.zeros((1, 4), np.float32),
        creases=np.zeros(1, np.float32),
        features=np.zeros((0, 9), np.float32),
        seed=1,
        photo=photo,
    )


def sheet(corners, kind=Thing.SOLID, casts=True, **options):
    """A flat polygon of three or four corners, seen from both sides."""
    corners = np.asarray(corners, np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]][: len(corners) - 2], np.int32)
    return Prop(corners, faces, paint(corners, **options), kind, two_sided=True, casts=casts)


def standing(body, place, turn=0.0, pose=None):
    rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    for joint, rotation in (pose or {}).items():
        rotations[joint] = matrix_from_axis_angle(np.array(rotation, float))
    rotations[0] = matrix_from_axis_angle(np.array([0, turn, 0]))
    betas = np.zeros(10, np.float32)
    low = skinned(body, rotations[None], betas[None])[0][:, 1].min()
    outfit = Outfit(painted_surface(np.random.default_rng(1), body), np.ones(len(body.faces), bool))
    transl = np.array([place[0], place[1] - low, place[2]], np.float32)
    return Person(rotations, betas, transl, outfit)


def scene_of(view, people=(), props=(), light=DARK, grey=0, **options):
    camera = view.camera
    background = np.full((camera.height, camera.width, 3), grey, np.uint8)
    return Scene(view, tuple(people), tuple(props), light, background, **options)


@pytest.fixture(scope="module")
def view():
    return viewpoint(camera_with_fov(320, 240, 60), 1.2, 0.1)


def first_hits(draw, rays):
    """Moeller and Trumbore (1997): depth along the axis and face of the nearest hit of each ray
    (x, y, 1) from the camera; faces seen from behind count where their mesh is two-sided."""
    whole = draw.faces[: len(draw.faces)]
    corners = draw.vertices[whole].astype(np.float64)
    a, u, v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    facing = -(np.cross(u, v) * a).sum(1)
    ahead = (corners[..., 2] > 0.05).any(1)
    keep = np.flatnonzero(ahead & ((facing > 0) | draw.two_sided[draw.mesh]))
    a, u, v = a[keep], u[keep], v[keep]
    depth, face = np.full(len(rays), np.inf), np.full(len(rays), -1)
    q = np.cross(-a, u)
    for n, ray in enumerate(rays):
        d = np.array([*ray, 1.0])
        p = np.cross(d, v)
        det = (u * p).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            s, t = (-a * p).sum(1) / det, (d * q).sum(1) / det
            z = (v * q).sum(1) / det
            hit = (s >= 0) & (t >= 0) & (s + t <= 1) & (z > 0.05)
        z = np.where(hit, z, np.inf)
        best = int(z.argmin())
        if np.isfinite(z[best]):
            depth[n], face[n] = z[best], keep[best]
    return depth, face


def test_people_are_posed_as_the_body_model_poses_them(body, scenes):
    for scene in scenes[:3]:
        for person in scene.people:
            world = skinned(
                body,
                person.rotations[None].astype(np.float64),
                person.betas[None].astype(np.float64),
                person.transl[None].astype(np.float64),
            )[0]
            posed = posed_vertices(person, body, scene.view)
            assert posed.dtype == np.float32
            assert np.abs(posed - scene.view.to_camera(world)).max() < 1e-5


def test_rotations_and_translation_are_those_of_the_camera_frame(body, scenes, pictures):
    for scene, picture in zip(scenes[:3], pictures[:3], strict=True):
        again = skinned(body, picture.rotations, picture.betas, picture.transl)
        for person, mesh in zip(scene.people, again, strict=True):
            assert np.abs(mesh - posed_vertices(person, body, scene.view)).max() < 1e-5
        joints, _ = forward_kinematics(
            picture.rotations, rest_joints(body, picture.betas), body.parents
        )
        assert np.abs(joints + picture.transl[:, None] - picture.joints).max() < 1e-5


def test_joints_project_to_joints_2d(pictures):
    for picture in pictures:
        expected = picture.camera.project(picture.joints.astype(np.float64))
        reached = ~np.isnan(picture.joints_2d[..., 0])
        assert reached.any()
        assert np.abs(expected - picture.joints_2d)[reached].max() < 1e-3


def test_joints_of_a_distorted_lens_project_as_its_formula_says(body):
    for lens in ((-0.2, 0.03, 0.001, -0.002, 0.0), (0.1, 0, 0, 0, 0.01, 0.02, 0, 0)):
        model = "plumb_bob" if len(lens) == 5 else "rational_polynomial"
        camera = Camera(200, 160, 150, 152, 98.0, 81.0, lens, model)
        points = np.random.default_rng(0).uniform([-1, -0.8, 1.5], [1, 0.8, 4], (200, 3))
        assert np.abs(projected(points, camera) - camera.project(points)).max() < 1e-9


def test_points_beyond_a_lens_do_not_fold_back_into_the_picture():
    camera = Camera(200, 160, 100, 100, 99.5, 79.5, (-0.3, 0.0, 0.0, 0.0, 0.0), "plumb_bob")
    far = np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert np.abs(camera.project(far)[0, 0]) < 2000  # the formula does fold
    pixels = projected(far, camera)
    assert np.isnan(pixels[0]).all() and np.allclose(pixels[1], [99.5, 79.5])


def test_depth_agrees_with_rays(body, scenes, pictures):
    rng = np.random.default_rng(5)
    errors, wrong, total = [], 0, 0
    for scene, picture in zip(scenes, pictures, strict=True):
        if scene.view.camera.distorted or scene.window is not None:
            continue
        draw = draw_list(scene, body)
        pixels = rng.integers(0, SIZE, (60, 2))
        depth, _ = first_hits(draw, picture.camera.rays(pixels.astype(float)))
        seen = picture.depth[pixels[:, 1], pixels[:, 0]]
        both = np.isfinite(depth) & np.isfinite(seen)
        wrong += (np.isfinite(depth) != np.isfinite(seen)).sum()
        total += len(pixels)
        errors.append(np.abs(depth[both] - seen[both]))
    errors = np.concatenate(errors)
    assert len(errors) > 100
    # At a silhouette the 1/256 pixel of a corner decides what is in front.
    assert wrong <= 0.005 * total
    assert (errors > 1e-3).mean() < 0.01


def test_depth_at_a_visible_vertex_is_its_z(body, view):
    scene = scene_of(view, [standing(body, (0, 0, -3), 0.4)])
    mesh = posed_vertices(scene.people[0], body, view)
    places = view.camera.project(mesh.astype(np.float64))
    # Vertices on the silhouette are left out: their ray only grazes the body.
    towards = (vertex_normals(mesh, body.faces) * -mesh).sum(1) / np.linalg.norm(mesh, axis=1)
    chosen = np.random.default_rng(2).choice(np.flatnonzero(towards > 0.2), 300, replace=False)
    draw = draw_list(scene, body)
    depth, _ = first_hits(draw, mesh[chosen, :2] / mesh[chosen, 2:])
    visible = np.abs(depth - mesh[chosen, 2]) < 1e-5
    probed = covered(draw, places[chosen]).joint_depth
    error = np.abs(probed - mesh[chosen, 2])[visible]
    assert visible.sum() > 200
    assert error.max() < 1e-3 and np.median(error) < 1e-4


def by_rays(draw, picture, allowed):
    """Visibility and occluder of all joints from rays through the soup."""
    joints = picture.joints.astype(np.float64)
    flat = joints.reshape(-1, 3)
    depth, face = first_hits(draw, flat[:, :2] / flat[:, 2:])
    depth, face = depth.reshape(joints.shape[:2]), face.reshape(joints.shape[:2])
    visibility = np.full(depth.shape, VISIBLE)
    occluder = np.full(depth.shape, int(Thing.NOTHING))
    for p, j in np.ndindex(depth.shape):
        x, y = picture.joints_2d[p, j]
        if not (-0.5 <= x <= SIZE - 0.5 and -0.5 <= y <= SIZE - 0.5):
            visibility[p, j], occluder[p, j] = HIDDEN, Thing.BORDER
            continue
        f = face[p, j]
        if f < 0:
            continue
        corner, mesh = draw.faces[f, 0], draw.mesh[f]
        if draw.person[mesh] == p:
            flesh = allowed[j, draw.part[corner]] + draw.thickness[corner]
            if depth[p, j] < joints[p, j, 2] - flesh:
                visibility[p, j], occluder[p, j] = SELF_OCCLUDED, Thing.SELF
        elif depth[p, j] < joints[p, j, 2]:
            visibility[p, j], occluder[p, j] = HIDDEN, draw.kind[mesh]
    return visibility, occluder


def test_visibility_and_occluder_agree_with_rays(body, scenes, pictures, record_property):
    allowed = allowed_depth(body)
    same, total, kinds = 0, 0, set()
    for scene, picture in zip(scenes, pictures, strict=True):
        if scene.view.camera.distorted or scene.window is not None:
            continue
        visibility, occluder = by_rays(draw_list(scene, body), picture, allowed)
        right = (visibility == picture.visibility) & (occluder == picture.occluder)
        same, total = same + right.sum(), total + right.size
        kinds |= set(occluder.ravel().tolist())
    record_property("agreement", same / total)
    assert total > 150 and len(kinds) > 3
    assert same / total >= 0.995


def test_each_state_of_a_joint(body, view):
    behind = standing(body, (0, 0, -4))
    head, hand, knee = 15, 22, 4
    folded = standing(body, (0, 0, -3), pose={16: (0, 0, -1.2), 18: (0, -2.2, 0)})
    board = sheet([[-1, 0, -3], [1, 0, -3], [1, 1.0, -3], [-1, 1.0, -3]], kind=Thing.FURNITURE)
    picture = render(scene_of(view, [behind], [board]), body)
    assert picture.visibility[0, head] == VISIBLE
    assert picture.occluder[0, head] == Thing.NOTHING
    assert picture.visibility[0, knee] == HIDDEN
    assert picture.occluder[0, knee] == Thing.FURNITURE
    two = render(scene_of(view, [behind, standing(body, (0, 0, -3))]), body)
    assert two.occluder[0, 0] == Thing.PERSON and two.visibility[0, 0] == HIDDEN
    assert (two.visibility[1, [0, 15]] == VISIBLE).all()
    back = render(scene_of(view, [replace_turn(folded, np.pi)]), body)
    assert (back.occluder == Thing.SELF).any()
    assert ((back.occluder == Thing.SELF) == (back.visibility == SELF_OCCLUDED)).all()
    aside = render(scene_of(view, [standing(body, (1.85, 0, -3))]), body)
    assert aside.occluder[0, hand] == Thing.BORDER and aside.visibility[0, hand] == HIDDEN


def replace_turn(person, turn):
    rotations = person.rotations.copy()
    rotations[0] = matrix_from_axis_angle(np.array([0, turn, 0]))
    return replace(person, rotations=rotations)


def test_boxes_are_those_of_whole_silhouettes(body, scenes, pictures):
    for scene, picture in zip(scenes[:5], pictures[:5], strict=True):
        for n, person in enumerate(scene.people):
            alone = render(replace(scene, people=(person,), props=()), body).person_id == 0
            if not alone.any():
                assert picture.shown[n] == 0 and (picture.boxes[n] == 0).all()
                continue
            rows, columns = np.flatnonzero(alone.any(1)), np.flatnonzero(alone.any(0))
            left, top = columns[0] - 0.5, rows[0] - 0.5
            size = [columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            assert picture.boxes[n].tolist() == [left, top, *size]
            shown = (picture.person_id == n).sum() / alone.sum()
            assert picture.shown[n] == pytest.approx(shown)


def test_maps_tell_the_same_story(scenes, pictures):
    for scene, picture in zip(scenes, pictures, strict=True):
        someone = picture.person_id != NOBODY
        assert ((picture.thing == Thing.PERSON) == someone).all()
        assert ((picture.part_id == NO_PART) == ~someone).all()
        assert (np.isinf(picture.depth) == (picture.thing == Thing.NOTHING)).all()
        assert picture.person_id.max() < len(scene.people)
        assert picture.part_id[someone].max(initial=0) < 24


def test_a_wall_that_reaches_behind_the_camera_is_cut(view):
    wall = sheet([[-1, -5, 5], [-1, -5, -20], [-1, 5, -20], [-1, 5, 5]])
    picture = render(scene_of(view, props=[wall]), load_body_model())
    rays = picture.camera.rays(np.stack(np.meshgrid(np.arange(320.0), np.arange(240.0)), -1))
    directions = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ view.rotation
    depth = (-1 - view.position[0]) / directions[..., 0]
    clear = picture.depth < 18
    assert clear[:, :100].all()
    assert np.abs(picture.depth / depth - 1)[clear].max() < 0.01


def test_edges_have_their_analytic_coverage(view):
    straight = viewpoint(camera_with_fov(64, 64, 60), 0.0, 0.0)
    triangle = sheet([[-0.8, -0.7, -2], [0.9, -0.3, -2], [-0.1, 0.85, -2]])
    picture = render(scene_of(straight, props=[triangle]), load_body_model())
    corners = straight.camera.project(straight.to_camera(triangle.vertices.astype(float)))
    fine = (np.arange(64 * 16) + 0.5) / 16 - 0.5
    x, y = np.meshgrid(fine, fine)
    inside = np.ones_like(x, bool)
    orientation = np.sign(np.linalg.det(np.diff(corners, axis=0)))
    for p, q in zip(corners, np.roll(corners, -1, 0), strict=True):
        inside &= orientation * ((q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])) >= 0
    share = inside.reshape(64, 16, 64, 16).mean((1, 3))
    drawn = picture.image[..., 0] / picture.image.max()
    edge = (share > 0) & (share < 1)
    assert edge.sum() > 80
    assert np.abs(drawn - share).max() <= 0.26 + 0.01
    assert np.abs(drawn - share)[edge].mean() < 0.11
    assert abs(drawn.sum() - share.sum()) < 0.01 * share.sum()


def test_a_box_throws_its_shadow_where_geometry_says(body):
    view = viewpoint(camera_with_fov(256, 256, 60), 2.5, 0.6)
    towards = np.array([0.6, 1.0, 0.3]) / np.linalg.norm([0.6, 1.0, 0.3])
    light = Light(towards, np.full(3, 0.3), np.full(3, 0.6), shadow=1.0, softness=0.01)
    floor = sheet([[-5, 0, 5], [5, 0, 5], [5, 0, -9], [-5, 0, -9]], Thing.ROOM, False)
    roof = sheet([[-0.4, 0.8, -3.2], [0.4, 0.8, -3.2], [0.4, 0.8, -4], [-0.4, 0.8, -4]])
    for catcher in (False, True):
        props = [roof] if catcher else [roof, floor]
        scene = scene_of(view, (), props, light, grey=200, catcher=catcher)
        lit = render(replace(scene, light=replace(light, shadow=0.0)), body).image.astype(float)
        picture = render(scene, body).image.astype(float)
        pixels = np.stack(np.meshgrid(np.arange(256.0), np.arange(256.0)), -1)
        rays = view.camera.rays(pixels)
        down = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ view.rotation
        ground = view.position + down * (view.position[1] / -down[..., 1:2])
        # Up the ray to the lamp, to the height of the sheet.
        above = ground + towards * (0.8 / towards[1])
        across = np.maximum(np.abs(above[..., 0]) - 0.4, np.abs(above[..., 2] + 3.6) - 0.4)
        on_floor = (down[..., 1] < -0.05) & (render(scene, body).thing != Thing.SOLID)
        ratio = picture[..., 1] / lit[..., 1]
        expected = 0.3 * (1 if not catcher else 1.1)
        expected /= expected + 0.6 * towards[1]
        shade, sun = on_floor & (across < -0.08), on_floor & (across > 0.08)
        assert shade.sum() > 500 and sun.sum() > 10_000
        assert np.abs(ratio[sun] - 1).max() < 0.02
        assert np.abs(ratio[shade] - expected).max() < 0.03


def test_a_photo_lies_the_right_way_round(body):
    view = viewpoint(camera_with_fov(128, 128, 60), 0.0, 0.0)
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:32, :32], photo[:32, 32:] = (255, 0, 0), (0, 255, 0)
    photo[32:, :32], photo[32:, 32:] = (0, 0, 255), (255, 255, 255)
    corners = np.array([[-1, 1, -2], [1, 1, -2], [1, -1, -2], [-1, -1, -2]], np.float32)
    texture = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    poster = Prop(
        corners, np.array([[0, 2, 1], [0, 3, 2]], np.int32), paint(texture, photo=photo),
        Thing.CUTOUT,
    )  # fmt: skip
    image = render(scene_of(view, props=[poster]), body).image
    spots = [image[24, 24], image[24, 104], image[104, 24], image[104, 104]]
    assert [(s > 100).tolist() for s in spots] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [True, True, True],
    ]
    from_behind = replace(poster, faces=poster.faces[:, ::-1].copy())
    assert not render(scene_of(view, props=[from_behind]), body).image.any()


def test_the_same_people_seen_from_elsewhere_are_drawn_anew(body, scenes):
    # Crops of a scene share what was posed for the last one, if the camera stands where it stood.
    scene = scenes[0]
    other = replace(scene.view, position=scene.view.position + [0.1, 0.0, 0.0])
    small = replace(body, v_template=0.9 * body.v_template)
    fresh = {}
    for name, view, drawn_body in (("here", scene.view, body), ("there", other, body),
                                   ("small", other, small)):  # fmt: skip
        asked = replace(scene, view=view), drawn_body
        draw_list(replace(scene, people=(), props=()), body)  # nothing is left of the last one
        fresh[name] = draw_list(*asked), asked
    for name in ("here", "there", "small", "there", "here"):
        first, asked = fresh[name]
        again = draw_list(*asked)
        np.testing.assert_array_equal(again.vertices, first.vertices)
    shift = fresh["there"][0].people[0].joints - fresh["here"][0].people[0].joints
    assert np.linalg.norm(shift, axis=-1) == pytest.approx(0.1, abs=1e-4)


def test_outside_of_the_window_there_is_nothing(body, view):
    scene = scene_of(view, [standing(body, (0, 0, -3))], grey=90, finish=Finish(noise=5, seed=1))
    window = (-20.0, 30.2, 170.0, 500.0)
    whole, cut = render(scene, body), render(replace(scene, window=window), body)
    y, x = np.mgrid[:240, :320]
    inside = (x <= 170) & (y >= 30.2)
    assert (cut.image[~inside] == 0).all()
    assert (cut.image[inside] == whole.image[inside]).all()
    assert np.isinf(cut.depth[~inside]).all() and (cut.person_id[~inside] == NOBODY).all()
    assert (cut.depth[inside] == whole.depth[inside]).all()
    u, v = whole.joints_2d[0].T
    out = (u > 170) | (v < 30.2)
    assert 0 < out.sum() < 24
    assert ((cut.occluder[0] == Thing.BORDER) == out).all()
    assert (cut.visibility[0][out] == HIDDEN).all()
    left, top, width, height = cut.boxes[0]
    assert top >= 30.2 - 0.5 and left + width <= 170.5


def test_truth_can_be_left_out(body, scenes, pictures):
    quick = render(scenes[0], body, truth=False)
    assert (quick.image == pictures[0].image).all()
    assert (quick.depth == pictures[0].depth).all()
    assert not quick.boxes.any() and not quick.visibility.any()


def test_an_empty_scene_is_its_background(body, view):
    picture = render(scene_of(view, grey=77), body)
    assert (picture.image == 77).all() and np.isinf(picture.depth).all()
    assert picture.joints.shape == (0, 24, 3) and picture.boxes.shape == (0, 4)


def test_bad_scenes_are_refused(body, view):
    scene = scene_of(view)
    with pytest.raises(ValueError, match="background is"):
        render(replace(scene, background=scene.background[:10]), body)
    board = sheet([[-1, 0, -3], [1, 0, -3], [1, 1, -3], [-1, 1, -3]])
    many = replace(board.surface, levels=np.zeros((4, 5), np.float32))
    with pytest.raises(ValueError, match="5 layers"):
        render(replace(scene, props=(replace(board, surface=many),)), body)
    short = replace(board.surface, texture=np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match="texture has 3 rows"):
        render(replace(scene, props=(replace(board, surface=short),)), body)


def digest(body, scenes):
    total = hashlib.sha256()
    for scene in scenes:
        p = render(scene, body)
        for array in (p.image, p.depth, p.part_id, p.joints, p.joints_2d, p.visibility, p.boxes):
            total.update(np.ascontiguousarray(array))
    return total.hexdigest()


ELSEWHERE = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
import cv2
cv2.setUseOptimized(False)
import test_render
from hmr_ros.body.model import load_body_model
with open(sys.argv[2], "rb") as file:
    print(test_render.digest(load_body_model(), pickle.load(file)))
"""


@pytest.mark.long
@pytest.mark.timeout(600)  # everything is compiled anew for that processor
def test_another_processor_draws_the_same_bytes(body, old_processor, tmp_path):
    scenes = [sampled(body, seed, "realistic") for seed in range(3)]
    (tmp_path / "scenes").write_bytes(pickle.dumps(scenes))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, os.path.dirname(__file__), str(tmp_path / "scenes")],
        env={**os.environ, **old_processor},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == digest(body, scenes)
