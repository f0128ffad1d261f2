"""Rendered people: the truth that comes with a picture agrees with the picture."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.backgrounds import background_photos, sample_background
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.motions import Motions
from hmr_ros.data.occluders import sample_solid
from hmr_ros.data.outfits import sample_outfit
from hmr_ros.data.people_scene import (
    Finish,
    Scene,
    SceneRanges,
    on_ground,
    posed_vertices,
    sample_crop,
    sample_scene,
)
from hmr_ros.data.rendering import SOLID, render
from hmr_ros.data.shading import sample_light
from hmr_ros.data.viewpoints import camera_with_fov, viewpoint
from hmr_ros.geometry.rotations import matrix_from_axis_angle

SMALL = SceneRanges(width=320, height=240)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions():
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


def standing(body, view, place, turn=0.0, pose=None):
    rotations = np.tile(np.eye(3), (24, 1, 1))
    for joint, rotation in (pose or {}).items():
        rotations[joint] = matrix_from_axis_angle(np.array(rotation, float))
    rotations[0] = matrix_from_axis_angle(np.array([0, turn, 0]))
    outfit = sample_outfit(np.random.default_rng(1), body)
    betas = np.zeros(10, np.float32)
    return on_ground(body, rotations, betas, np.array(place, float), view, outfit)


def scene_of(view, people, solids=()):
    camera = view.camera
    background = np.zeros((camera.height, camera.width, 3), np.uint8)
    light = sample_light(np.random.default_rng(0))
    return Scene(camera, tuple(people), tuple(solids), light, background, Finish())


@pytest.fixture(scope="module")
def view():
    return viewpoint(camera_with_fov(320, 240, 60), 1.2, 0.1)


def test_joints_project_to_joints_2d(body, motions):
    for seed in range(4):
        scene = sample_scene(np.random.default_rng(seed), body, motions, SMALL)
        picture = render(scene, body, supersample=1)
        fx, fy, cx, cy = scene.camera.fx, scene.camera.fy, scene.camera.cx, scene.camera.cy
        x, y, z = np.moveaxis(picture.joints.astype(np.float64), -1, 0)
        expected = np.stack([fx * x / z + cx, fy * y / z + cy], -1)
        assert np.abs(picture.joints_2d - expected)[z > 0.2].max() < 1e-3


def test_truth_poses_the_body_that_was_drawn(body, motions):
    """Vertices posed from the truth lie on the depth picture wherever they are not covered."""
    picture = render(sample_scene(np.random.default_rng(5), body, motions, SMALL), body, 1)
    posed = vertices(body, picture.rotations, picture.betas, picture.transl)
    depth, camera = picture.depth, picture.camera
    checked = 0
    for n, mesh in enumerate(posed):
        corners = mesh[body.faces]
        flat = camera.project(corners.mean(1))
        pixel = np.round(flat).astype(int)
        inside = ((pixel >= 0) & (pixel < [camera.width, camera.height])).all(1)
        for face in np.flatnonzero(inside):
            x, y = pixel[face]
            ray = np.array([*camera.rays(np.array([x, y], float)), 1.0])
            # Where the ray through the pixel's centre meets the plane of this face.
            a, b, c = corners[face].astype(np.float64)
            weights = np.linalg.solve(np.stack([a, b, c], 1), ray)
            if (weights < 0).any() or picture.person_id[y, x] != n:
                continue
            z = 1 / weights.sum()
            assert depth[y, x] <= z + 1e-3
            checked += abs(depth[y, x] - z) < 1e-3
    assert checked > 300


def test_the_same_seed_gives_the_same_bytes(body, motions):
    def digest(seed):
        scene = sample_scene(np.random.default_rng(seed), body, motions, SMALL)
        picture = render(scene, body)
        return hashlib.sha256(picture.image.tobytes() + picture.depth.tobytes()).hexdigest()

    assert digest(11) == digest(11)
    assert digest(11) != digest(12)


def test_feet_stand_on_the_ground(body, view):
    person = standing(body, view, [0.4, 0, -4.0], turn=1.0)
    mesh = posed_vertices(body, person) @ view.rotation + view.position
    assert abs(mesh[:, 1].min()) < 1e-3
    pelvis = person.transl + rest_joints(body, person.betas[None])[0, 0]
    world = pelvis @ view.rotation + view.position
    assert np.allclose(world[[0, 2]], [0.4, -4.0], atol=1e-5)


def test_a_facing_person_is_upright_and_not_mirrored(body, view):
    picture = render(scene_of(view, [standing(body, view, [0, 0, -4])]), body, 1)
    at = dict(zip(body.joint_names, picture.joints_2d[0], strict=True))
    assert at["head"][1] < at["pelvis"][1] < at["left_ankle"][1]
    assert at["left_wrist"][0] > at["right_wrist"][0]  # faces the camera: left is on our right


def test_a_person_with_free_limbs_is_all_visible(body, view):
    picture = render(scene_of(view, [standing(body, view, [0, 0, -4])]), body, 1)
    assert (picture.visibility == VISIBLE).all()
    assert picture.shown[0] == 1


def test_an_arm_behind_the_back_is_self_occluded(body, view):
    """The elbow points back and the forearm crosses behind the trunk."""
    left = {16: [0, 0, -1.2], 18: [0, 1.9, 0]}
    reached = standing(body, view, [0, 0, -3], pose=left)
    picture = render(scene_of(view, [reached]), body, 1)
    turned = standing(body, view, [0, 0, -3], turn=np.pi, pose=left)
    opposite = render(scene_of(view, [turned]), body, 1)
    hand = body.joint_names.index("left_hand")
    assert picture.joints[0, hand, 2] > picture.joints[0, 0, 2] + 0.1  # it is behind
    assert picture.visibility[0, hand] == SELF_OCCLUDED
    assert opposite.visibility[0, hand] == VISIBLE


def test_a_solid_or_a_person_in_front_hides(body, view):
    back = standing(body, view, [0, 0, -5])
    front = standing(body, view, [0, 0, -2.5])
    both = render(scene_of(view, [back, front]), body, 1)
    trunk = [body.joint_names.index(n) for n in ("pelvis", "spine1", "spine2", "head")]
    assert (both.visibility[0, trunk] == HIDDEN).all()
    assert (both.visibility[1, trunk] == VISIBLE).all()
    assert both.shown[0] < 0.6 and both.shown[1] == 1

    head = render(scene_of(view, [back]), body, 1).joints[0, body.joint_names.index("head")]
    solid = sample_solid(np.random.default_rng(0), head * 0.6, (0.3, 0.3))
    covered = render(scene_of(view, [back], [solid]), body, 1)
    assert covered.visibility[0, body.joint_names.index("head")] == HIDDEN
    assert (covered.person_id == SOLID).sum() > 100
    ankle = body.joint_names.index("left_ankle")
    assert covered.visibility[0, ankle] == VISIBLE


def test_joints_outside_the_image_are_hidden(body, view):
    edge = render(scene_of(view, [standing(body, view, [2.2, 0, -3.5])]), body, 1)
    outside = (edge.joints_2d[0, :, 0] > 319.5) | (edge.joints_2d[0, :, 0] < -0.5)
    assert 3 < outside.sum() < 24
    assert (edge.visibility[0, outside] == HIDDEN).all()
    assert edge.boxes[0, 0] + edge.boxes[0, 2] <= 319.5


def test_boxes_are_those_of_the_projected_mesh(body, motions):
    scene = sample_scene(np.random.default_rng(3), body, motions, replace(SMALL, people=(2, 2)))
    picture = render(scene, body, 1)
    for person, box in zip(scene.people, picture.boxes, strict=True):
        pixels = scene.camera.project(posed_vertices(body, person))
        low = np.clip(pixels.min(0), -0.5, [319.5, 239.5])
        high = np.clip(pixels.max(0), -0.5, [319.5, 239.5])
        assert np.abs(box - [*low, *(high - low)]).max() < 2


def test_supersampling_changes_the_edges_only(body, view):
    scene = scene_of(view, [standing(body, view, [0, 0, -3])])
    coarse, fine = render(scene, body, 1), render(scene, body, 3)
    assert (coarse.depth == fine.depth).all()
    assert (coarse.person_id == fine.person_id).all()
    away = fine.person_id < 0
    for axis in (0, 1):
        for step in (-1, 1):
            away &= np.roll(fine.person_id < 0, step, axis)
    assert (fine.image[away] == 0).all()
    difference = np.abs(coarse.image.astype(int) - fine.image).mean()
    assert 0 < difference < 3


def test_an_empty_scene_and_a_person_behind_the_camera(body, view):
    nobody = render(scene_of(view, []), body)
    assert nobody.joints.shape == (0, 24, 3) and not nobody.image.any()
    behind = render(scene_of(view, [standing(body, view, [0, 0, 3.0])]), body)
    assert (behind.boxes == 0).all() and (behind.visibility == HIDDEN).all()
    assert np.isnan(behind.joints_2d).all()


def test_crops_hold_one_person_of_the_asked_extent(body, motions):
    ranges = SceneRanges(people=(1, 1), solids=(0, 0))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        scene = sample_crop(rng, body, motions, 128, (0.7, 0.7), ranges)
        picture = render(scene, body, 1)
        assert picture.image.shape == (128, 128, 3) and len(picture.joints) == 1
        assert 0.5 < picture.boxes[0, 2:].max() / 128 < 0.95


def test_clothes_differ_and_are_not_all_one_colour(body, view):
    """Shirt and trousers of different people differ."""
    colours = []
    for seed in range(6):
        person = standing(body, view, [0, 0, -3])
        person = replace(person, outfit=sample_outfit(np.random.default_rng(seed), body))
        picture = render(scene_of(view, [person]), body, 1)
        at = dict(zip(body.joint_names, picture.joints_2d[0].round().astype(int), strict=True))
        colours.append([picture.image[at[n][1], at[n][0]] for n in ("spine2", "left_knee")])
    colours = np.array(colours, int)
    assert np.abs(colours[1:] - colours[:-1]).max(-1).min() > 3


def test_backgrounds_come_from_the_folder_or_from_noise(tmp_path):
    import cv2

    rng = np.random.default_rng(0)
    assert sample_background(rng, 64, 48).shape == (48, 64, 3)
    with pytest.raises(FileNotFoundError, match="no background"):
        background_photos(tmp_path)
    cv2.imwrite(str(tmp_path / "blue.png"), np.full((50, 90, 3), (200, 10, 10), np.uint8))
    photos = background_photos(tmp_path)
    pictures = [sample_background(rng, 64, 48, photos) for _ in range(20)]
    assert all(p.shape == (48, 64, 3) for p in pictures)
    assert sum((p == (200, 10, 10)).all() for p in pictures) >= 12
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.jpg"):
        for _ in range(50):
            sample_background(rng, 64, 48, background_photos(tmp_path)[:1])


@pytest.mark.slow
def test_a_detector_of_real_people_finds_rendered_ones(body):
    """Unoccluded people before coloured noise, from all sides, about 200 pixels tall."""
    from hmr_ros.frontend.finder import PeopleFinder
    from hmr_ros.parameters import validated

    finder = PeopleFinder(validated({}))
    eye = viewpoint(camera_with_fov(640, 480, 60), 1.4, 0.1)
    found, gaps = [], []
    arms_down = {16: [0, 0, -1.2], 17: [0, 0, 1.2]}
    for seed in range(24):
        rng = np.random.default_rng(seed)
        person = standing(body, eye, [0, 0, -4.2], rng.uniform(-np.pi, np.pi), arms_down)
        person = replace(person, outfit=sample_outfit(rng, body))
        scene = replace(scene_of(eye, [person]), background=sample_background(rng, 640, 480))
        picture = render(scene, body)
        people = finder.keypoints_in(picture.image, picture.boxes)
        found.append(people.found[0])
        ankles = [body.joint_names.index(f"{side}_ankle") for side in ("left", "right")]
        gap = people.keypoints[0, [27, 28], :2] - picture.joints_2d[0, ankles]
        gaps.append(np.linalg.norm(gap, axis=1) / picture.boxes[0, 3])
    assert np.mean(found) > 0.85
    assert np.median(np.array(gaps)[np.array(found)]) < 0.04
