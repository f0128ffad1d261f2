"""A crop shows what the full picture shows, under the same angles."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.data.motions import load_motions
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.backdrops import Backdrop, resampled
from hmr_ros.data.scenes.crops import crop_camera, crop_of, crop_window
from hmr_ros.data.scenes.mixes import HEAVY
from hmr_ros.data.scenes.sampling import sample_crops
from hmr_ros.data.scenes.scene import Light, Prop, Scene
from hmr_ros.data.scenes.solids import sample_solid
from hmr_ros.data.viewpoints import viewpoint
from hmr_ros.geometry.camera import Camera

BENT = Camera(640, 480, 500, 505, 322, 236, (-0.2, 0.03, 5e-4, -3e-4, 0.0), "plumb_bob")
STRAIGHT = replace(BENT, distortion=(), distortion_model="none")
SQUARE = st.tuples(st.floats(-100, 500), st.floats(-100, 350), st.floats(40, 600))


@settings(max_examples=40, deadline=None)
@given(SQUARE)
@pytest.mark.parametrize("camera", [STRAIGHT, BENT], ids=["straight", "bent"])
def test_rays_of_a_crop_are_those_of_the_same_places_of_the_full_image(camera, box):
    left, top, side = box
    crop = crop_camera(camera, np.array(box), 256)
    share = np.random.default_rng(0).random((50, 2))  # of the crop's width and height
    full = np.array([left, top]) + share * side
    inside = ((full > -0.5) & (full < [639.5, 479.5])).all(1)
    small = share[inside] * 256 - 0.5
    if len(small) == 0:
        return  # beside the image
    assert np.allclose(camera.rays(full[inside]), crop.rays(small), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(SQUARE)
def test_the_window_is_where_the_full_image_is(box):
    left, top, side = box
    window = crop_window(BENT, np.array(box), 256)
    covers = left >= -0.5 and top >= -0.5 and left + side <= 639.5 and top + side <= 479.5
    assert (window is None) == covers
    if window is not None:
        # Back from the crop's pixels to those of the full image.
        corners = np.array(window).reshape(2, 2)
        back = (corners + 0.5) * side / 256 + [left, top]
        assert np.allclose(back, [[-0.5, -0.5], [639.5, 479.5]])


def test_a_crop_of_a_scene_shows_the_same_pixels(body):
    rng = np.random.default_rng(0)
    props: tuple[Prop, ...] = tuple(
        sample_solid(rng, np.array([x, 0.5, -3.0])) for x in (-0.6, 0.0, 0.7)
    )
    light = Light(np.array([0.0, 1.0, 0.0]), np.full(3, 0.6), np.full(3, 0.4))
    background = rng.integers(0, 255, (480, 640, 3)).astype(np.uint8)
    scene = Scene(viewpoint(BENT, 0.8, 0.1), (), props, light, background)
    box = np.array([199.5, 99.5, 256.0])  # a pixel is a pixel
    full, crop = render(scene, body), render(crop_of(scene, box, 256), body)
    there = full.depth[100:356, 200:456]
    both = np.isfinite(there) & np.isfinite(crop.depth)
    assert both.sum() > 2000
    assert (np.isfinite(there) == np.isfinite(crop.depth)).mean() > 0.999
    assert np.median(np.abs(there[both] - crop.depth[both])) < 1e-5
    empty = ~np.isfinite(there) & ~np.isfinite(crop.depth)
    assert np.array_equal(full.image[100:356, 200:456][empty], crop.image[empty])


def test_a_backdrop_is_the_same_place_of_the_photograph_in_a_crop_and_in_the_full_image():
    smooth = np.add.outer(np.linspace(0, 120, 200), np.linspace(0, 100, 300))
    photo = np.repeat(smooth[..., None], 3, 2).astype(np.uint8)
    for mirrored in (False, True):
        drop = Backdrop(photo, 20.0, 10.0, (0.35, 0.35), mirrored, BENT)
        full = drop.drawn(BENT).astype(int)
        crop = drop.drawn(crop_camera(BENT, np.array([99.5, 149.5, 256.0]), 256)).astype(int)
        assert np.abs(full[150:406, 100:356] - crop).max() <= 1


def test_resampling_at_whole_pixels_copies_and_between_them_averages():
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    assert np.array_equal(resampled(image, (0, 0), (1, 1), 30, 20), image)
    assert np.array_equal(resampled(image, (4, 2), (1, 1), 5, 6), image[2:8, 4:9])
    half = resampled(image, (0.5, 0), (1, 1), 29, 20).astype(float)
    assert np.abs(half - (image[:, :-1].astype(float) + image[:, 1:]) / 2).max() <= 0.51
    assert np.array_equal(resampled(image, (29, 0), (-1, 1), 30, 20), image[:, ::-1])


@pytest.fixture(scope="module")
def crops(body, shared_data):
    """For each of several scenes the crops of it."""
    motions = load_motions(shared_data / "motions.npz").split("train")
    mix = replace(HEAVY, people=(3, 3), lens=0.7)
    return [sample_crops(np.random.default_rng(n), body, motions, mix, (), 96) for n in range(8)]


def test_crops_of_a_scene_are_around_different_people_of_one_view(crops):
    assert sum(len(scenes) == 2 for scenes in crops) >= 5
    for scenes in crops:
        firsts = {id(scene.people[0]) for scene in scenes}
        assert len(firsts) == len(scenes) <= 2
        for scene in scenes:
            assert np.array_equal(scene.view.rotation, scenes[0].view.rotation)
            assert np.array_equal(scene.view.position, scenes[0].view.position)
            assert scene.view.camera.distortion == scenes[0].view.camera.distortion
            assert scene.light is scenes[0].light
            assert len({id(p) for p in scene.people}) == len(scene.people)


def test_crops_of_a_scene_share_people_and_things(crops):
    def places(things, of):
        return {tuple(np.ravel(getattr(thing, of))[:3]): thing for thing in things}

    shared = 0
    for one, *others in crops:
        for other in others:
            for name, of in (("people", "transl"), ("props", "vertices")):
                here, there = (places(getattr(scene, name), of) for scene in (one, other))
                assert all(here[place] is there[place] for place in set(here) & set(there))
                shared += len(set(here) & set(there))
    assert shared > 10


def test_the_truth_of_a_crop_is_that_of_the_others_through_its_own_camera(body, crops):
    looked = 0
    for scenes in crops[:4]:
        pictures = [render(scene, body) for scene in scenes]
        for scene, picture in zip(scenes, pictures, strict=True):
            # The first person is what the picture is of: in the middle of it.
            x, y, wide, high = picture.boxes[0]
            assert wide > 8 and high > 8 and 10 < x + wide / 2 < 86 and 10 < y + high / 2 < 86
            seen = picture.joints[..., 2] > 0.2
            rays = scene.view.camera.rays(picture.joints_2d[seen].astype(float))
            expected = picture.joints[seen][:, :2] / picture.joints[seen][:, 2:]
            near = np.isfinite(rays).all(1) & (np.abs(expected) < 0.6).all(1)
            assert np.allclose(rays[near], expected[near], atol=1e-4)
            for row, person in enumerate(scene.people):
                for twin, other in zip(scenes, pictures, strict=True):
                    if any(person is p for p in twin.people):
                        again = [p is person for p in twin.people].index(True)
                        assert np.allclose(picture.joints[row], other.joints[again], atol=1e-6)
                        looked += 1
    assert looked >= 10


def test_what_an_earlier_crop_has_posed_changes_no_picture(body, crops):
    for scenes in crops[:4]:
        after = [render(scene, body) for scene in scenes]
        for scene, picture in zip(scenes, after, strict=True):
            with ThreadPoolExecutor(1) as fresh:  # a thread that has drawn nothing yet
                alone = fresh.submit(render, scene, body).result()
            for name in ("image", "depth", "part_id", "person_id", "joints", "visibility"):
                assert (getattr(alone, name) == getattr(picture, name)).all(), name


@pytest.fixture(scope="module")
def body():
    from hmr_ros.body.model import load_body_model

    return load_body_model()
