"""What pictures of dressed people tell: who is upright, what is seen, how far a crop reaches."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.data.backgrounds import background_photos
from hmr_ros.data.clothes.outfit import sample_outfit
from hmr_ros.data.detections.landmark_truth import landmark_truth
from hmr_ros.data.detections.observing import observe, wanted
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.motions import Motions
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.backdrops import noise_backdrop, photo, photo_backdrop
from hmr_ros.data.scenes.cameras import oriented, sample_light
from hmr_ros.data.scenes.mixes import LIGHT
from hmr_ros.data.scenes.sampling import sample_crop
from hmr_ros.data.scenes.scene import Person, Scene
from hmr_ros.data.viewpoints import camera_with_fov
from hmr_ros.geometry.rotations import matrix_from_axis_angle


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def view():
    return oriented(camera_with_fov(320, 240, 60), np.array([0, 1.2, 0]), 0.0, 0.1)


def standing(body, place, turn=0.0, pose=None, looks=1):
    """Somebody with the feet on the floor, facing +Z (the camera) if ``turn`` is 0."""
    rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    for joint, rotation in (pose or {}).items():
        rotations[joint] = matrix_from_axis_angle(np.array(rotation, float))
    rotations[0] = matrix_from_axis_angle(np.array([0, turn, 0]))
    betas = np.zeros(10, np.float32)
    low = vertices(body, rotations[None], betas[None])[0][:, 1].min()
    outfit = sample_outfit(np.random.default_rng(looks), body)
    transl = np.array([place[0], place[1] - low, place[2]], np.float32)
    return Person(rotations, betas, transl, outfit)


def picture_of(body, view, *people, background=None):
    camera = view.camera
    if background is None:
        background = np.zeros((camera.height, camera.width, 3), np.uint8)
    light = sample_light(np.random.default_rng(0), shadows=True)
    return render(Scene(view, people, (), light, background), body)


def test_a_facing_person_is_upright_and_not_mirrored(body, view):
    picture = picture_of(body, view, standing(body, (0, 0, -4)))
    at = dict(zip(body.joint_names, picture.joints_2d[0], strict=True))
    assert at["head"][1] < at["pelvis"][1] < at["left_ankle"][1]
    assert at["left_wrist"][0] > at["right_wrist"][0]  # faces the camera: left is on our right


def test_a_person_with_free_limbs_is_all_visible(body, view):
    picture = picture_of(body, view, standing(body, (0, 0, -4)))
    assert (picture.visibility == VISIBLE).all()
    assert picture.shown[0] == 1


def test_an_arm_behind_the_back_is_self_occluded(body, view):
    """The elbow points back and the forearm crosses behind the trunk."""
    left = {16: [0, 0, -1.2], 18: [0, 1.9, 0]}
    picture = picture_of(body, view, standing(body, (0, 0, -3), pose=left))
    opposite = picture_of(body, view, standing(body, (0, 0, -3), turn=np.pi, pose=left))
    hand = body.joint_names.index("left_hand")
    assert picture.joints[0, hand, 2] > picture.joints[0, 0, 2] + 0.1  # it is behind
    assert picture.visibility[0, hand] == SELF_OCCLUDED
    assert opposite.visibility[0, hand] == VISIBLE


def test_a_person_in_front_hides(body, view):
    both = picture_of(body, view, standing(body, (0, 0, -5)), standing(body, (0, 0, -2.5)))
    trunk = [body.joint_names.index(n) for n in ("pelvis", "spine1", "spine2", "head")]
    assert (both.visibility[0, trunk] == HIDDEN).all()
    assert (both.visibility[1, trunk] == VISIBLE).all()
    assert both.shown[0] < 0.6 and both.shown[1] == 1


def test_joints_outside_the_image_are_hidden(body, view):
    edge = picture_of(body, view, standing(body, (2.2, 0, -3.5)))
    outside = (edge.joints_2d[0, :, 0] > 319.5) | (edge.joints_2d[0, :, 0] < -0.5)
    assert 3 < outside.sum() < 24
    assert (edge.visibility[0, outside] == HIDDEN).all()
    assert edge.boxes[0, 0] + edge.boxes[0, 2] <= 319.5


def test_a_person_behind_the_camera_is_nowhere(body, view):
    behind = picture_of(body, view, standing(body, (0, 0, 3)))
    assert (behind.boxes == 0).all() and (behind.visibility == HIDDEN).all()
    assert np.isnan(behind.joints_2d).all() and not behind.image.any()


def test_whoever_reaches_behind_the_camera_is_not_what_errors_are_measured_on(body, view):
    """A landmark there is nowhere in the picture: no error can be told of it."""
    forward = {16: [0, -1.5, 0], 17: [0, 1.5, 0]}
    near = standing(body, (0.35, 0, -0.4), pose=forward)
    picture = picture_of(body, view, near, standing(body, (-0.8, 0, -4)))
    pixels = landmark_truth(picture, body).pixels
    assert np.isnan(pixels[0]).any() and np.isfinite(pixels[0]).any()
    assert wanted(picture).all() and np.isfinite(pixels[1]).all()
    asked = []

    def look(image, boxes):
        asked.extend(boxes)
        points = np.zeros((len(boxes), 33, 3), np.float32)
        found = np.ones(len(boxes), bool)
        return SimpleNamespace(heatmaps=None, crops=None, keypoints=points, found=found)

    seen = observe(picture, body, look, np.random.default_rng(0))
    assert len(seen) == len(asked) == 1
    np.testing.assert_array_equal(seen.pixels[0], pixels[1])
    np.testing.assert_allclose(asked[0], picture.boxes[1], atol=20)


def test_crops_hold_one_person_of_the_asked_extent(body):
    poses = np.random.default_rng(0).normal(0, 0.25, (40, 24, 3)).astype(np.float32)
    poses[:, 0] = 0
    motions = Motions(
        poses=poses,
        trans=np.zeros((40, 3), np.float32),
        starts=np.array([0, 40]),
        names=("a",),
        splits=("train",),
        fps=30.0,
    )
    mix = replace(
        LIGHT, people=(1, 1), occluders={}, activities={"clip": 1.0}, crop=(1.25, 1.25), lens=0.0
    )
    for seed in range(5):
        scene = sample_crop(np.random.default_rng(seed), body, motions, mix, size=128)
        picture = render(scene, body)
        assert picture.image.shape == (128, 128, 3) and len(picture.joints) == 1
        # The box is that of the bare body; clothes may reach a little beyond it.
        assert 0.65 < picture.boxes[0, 2:].max() / 128 < 0.95


def test_clothes_differ_and_are_not_all_one_colour(body, view):
    """Shirt and trousers of different people differ."""
    colours = []
    for looks in range(6):
        picture = picture_of(body, view, standing(body, (0, 0, -3), looks=looks))
        at = dict(zip(body.joint_names, picture.joints_2d[0].round().astype(int), strict=True))
        colours.append([picture.image[at[n][1], at[n][0]] for n in ("spine2", "left_knee")])
    colours = np.array(colours, int)
    assert np.abs(colours[1:] - colours[:-1]).max(-1).min() > 3


def test_backgrounds_come_from_the_folder_or_from_noise(tmp_path):
    camera = camera_with_fov(64, 48, 60)
    rng = np.random.default_rng(0)
    noise = noise_backdrop(rng, camera).drawn(camera)
    assert noise.shape == (48, 64, 3) and noise.std() > 1
    assert background_photos(None) == ()
    with pytest.raises(FileNotFoundError, match="no background"):
        background_photos(tmp_path)
    cv2.imwrite(str(tmp_path / "blue.png"), np.full((50, 90, 3), (200, 10, 10), np.uint8))
    photos = background_photos(tmp_path)
    for _ in range(5):
        drawn = photo_backdrop(rng, camera, photos).drawn(camera)
        assert drawn.shape == (48, 64, 3) and (drawn == (200, 10, 10)).all()
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.jpg"):
        photo(background_photos(tmp_path)[0])


@pytest.mark.slow
def test_a_detector_of_real_people_finds_rendered_ones(body):
    """Unoccluded people before coloured noise, from all sides, about 200 pixels tall."""
    from hmr_ros.frontend.finder import PeopleFinder
    from hmr_ros.parameters import validated

    finder = PeopleFinder(validated({}))
    eye = oriented(camera_with_fov(640, 480, 60), np.array([0, 1.4, 0]), 0.0, 0.0)
    found, gaps = [], []
    arms_down = {16: [0, 0, -1.2], 17: [0, 0, 1.2]}
    for seed in range(24):
        rng = np.random.default_rng(seed)
        turn = rng.uniform(-np.pi, np.pi)
        person = standing(body, (0, 0, -4.2), turn, arms_down, looks=seed)
        noise = noise_backdrop(rng, eye.camera).drawn(eye.camera)
        picture = picture_of(body, eye, person, background=noise)
        people = finder.keypoints_in(picture.image, picture.boxes)
        found.append(people.found[0])
        ankles = [body.joint_names.index(f"{side}_ankle") for side in ("left", "right")]
        gap = people.keypoints[0, [27, 28], :2] - picture.joints_2d[0, ankles]
        gaps.append(np.linalg.norm(gap, axis=1) / picture.boxes[0, 3])
    assert np.mean(found) > 0.85
    assert np.median(np.array(gaps)[np.array(found)]) < 0.04
