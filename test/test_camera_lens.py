"""Rays through distorted lenses: the projection's inverse wherever there is one, else NaN."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.data.scenes.cameras import monotonic, sample_camera
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.geometry.camera import Camera

LENSES = {
    "pincushion": ((0.2, 0.05, 0.001, -0.002, 0.0), "plumb_bob"),
    "barrel": ((-0.31, 0.12, 0.001, -0.0007, -0.02), "plumb_bob"),
    "wide barrel": ((-0.25, 0.09, 0.0, 0.0, -0.011), "plumb_bob"),
    "rational": ((0.8, 0.25, 0.0004, 0.0003, 0.01, 1.15, 0.4, 0.03), "rational_polynomial"),
    "prism": (
        (-0.1, 0.02, 0.0004, 0.0003, 0.0, 0.02, 0, 0, 0.004, -0.001, -0.003, 0.002),
        "rational_polynomial",
    ),
    "tilted": (
        (-0.1, 0.02, 0.0004, 0.0003, 0.0, 0.02, 0, 0, 0.004, -0.001, -0.003, 0.002, 0.05, -0.08),
        "rational_polynomial",
    ),
    "fish-eye": ((0.05, -0.01, 0.004, -0.001), "equidistant"),
    "fish-eye of a drone": ((-0.03, -0.005, 0.001, -0.0002), "equidistant"),
}


def camera_of(lens, focal=220.0):
    return Camera(640, 480, focal, focal * 1.02, 315.5, 243.0, *LENSES[lens])


def there_and_back(camera, pixels):
    rays = camera.rays(pixels)
    return camera.project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1))


def all_pixels(camera, step=8):
    x, y = np.arange(0, camera.width, step), np.arange(0, camera.height, step)
    return np.stack(np.meshgrid(x, y), -1).astype(float)


@pytest.mark.parametrize("lens", LENSES)
def test_every_pixel_of_a_monotonic_lens_has_its_ray(lens):
    camera = camera_of(lens, {"barrel": 620.0, "wide barrel": 280.0}.get(lens, 300.0))
    pixels = all_pixels(camera)
    assert np.abs(there_and_back(camera, pixels) - pixels).max() < 1e-6


@given(
    fov=st.floats(35, 125),
    k1=st.floats(-0.4, 0.3),
    k2=st.floats(-0.05, 0.15),
    p1=st.floats(-0.003, 0.003),
    p2=st.floats(-0.003, 0.003),
)
@settings(max_examples=150, deadline=None)
def test_rays_are_the_inverse_or_nan(fov, k1, k2, p1, p2):
    focal = 320 / np.tan(np.radians(fov) / 2)
    camera = Camera(640, 480, focal, focal, 322.0, 238.0, (k1, k2, p1, p2, 0.0), "plumb_bob")
    pixels = all_pixels(camera, 16)
    back = there_and_back(camera, pixels)
    found = np.isfinite(back[..., 0])
    assert np.abs(back - pixels)[found].max() < 1e-6
    # Whatever the lens reaches before it folds has a ray, and the one that is not folded over.
    radius = np.linspace(0, 3, 3001)
    fold = np.flatnonzero(1 + 3 * k1 * radius**2 + 5 * k2 * radius**4 <= 0.05)
    reach = radius[fold[0]] if len(fold) else 3.0
    reached = reach * (1 + k1 * reach**2 + k2 * reach**4)
    spare = 6 * 0.003 * reach**2 + 0.02
    away = np.hypot(*((pixels - [camera.cx, camera.cy]) / focal).transpose(2, 0, 1))
    if reached > 2 * spare:
        assert found[away < reached - spare].all()
        assert not found[away > 1.3 * reached + spare].any() or not len(fold)


@given(x=st.floats(-1.2, 1.2), y=st.floats(-1.2, 1.2))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("lens", LENSES)
def test_rays_are_those_that_made_the_pixels(lens, x, y):
    camera = camera_of(lens)
    ray = camera.rays(camera.project(np.array([x, y, 1.0])))
    if lens == "barrel" and np.hypot(x, y) > 0.9:
        return  # folds at 1.06
    assert np.abs(ray - [x, y]).max() < 1e-8


def test_lenses_of_the_mixes_are_inverted_at_their_corners():
    rng = np.random.default_rng(4)
    corners = np.array([[-0.5, -0.5], [639.5, -0.5], [639.5, 479.5], [-0.5, 479.5]])
    bent = 0
    for _ in range(400):
        camera = sample_camera(rng, MIXES["realistic"], 640, 480)
        assert np.abs(there_and_back(camera, corners) - corners).max() < 1e-6
        bent += camera.distorted
        if camera.distorted:
            assert monotonic(camera)
    assert bent > 50


@pytest.mark.parametrize(
    "distortion, reach",
    [((-0.3, 0.0, 0.0, 0.0), 1.03), ((0.5, 0.0, 0.0, 0.0), 2.2)],
)
def test_strong_lenses_are_inverted_where_iterations_stall(distortion, reach):
    camera = Camera(640, 480, 300.0, 300.0, 319.5, 239.5, distortion, "plumb_bob")
    angle = np.linspace(0, 2 * np.pi, 9)
    rays = reach * np.stack([np.cos(angle), np.sin(angle)], 1)
    pixels = camera.project(np.concatenate([rays, np.ones((9, 1))], 1))
    assert np.abs(camera.rays(pixels) - rays).max() < 1e-8
    flat = (pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-10)
    stalled = cv2.undistortPointsIter(
        flat[:, None], np.eye(3), np.array(camera.distortion), None, None, stop
    )[:, 0]
    assert np.abs(stalled - rays).max() > 1e-3


def test_there_is_no_ray_beyond_the_fold():
    """r (1 - 0.3 r^2) rises up to r = 1.054, where it is 0.703."""
    camera = Camera(400, 400, 100.0, 100.0, 200.0, 200.0, (-0.3, 0.0, 0.0, 0.0), "plumb_bob")
    rays = camera.rays(np.array([[200.0 + 69.0, 200.0], [200.0 + 72.0, 200.0], [200.0, 10.0]]))
    assert 0.9 < rays[0, 0] < 1.054 and np.isnan(rays[1:]).all()


def test_a_fish_eye_sees_no_plane_beyond_a_right_angle():
    camera = Camera(800, 800, 200.0, 200.0, 400.0, 400.0, (0.0, 0.0, 0.0, 1e-9), "equidistant")
    inside, beyond = 400 + 200 * np.radians(80), 400 + 200 * np.radians(95)
    rays = camera.rays(np.array([[inside, 400.0], [beyond, 400.0], [400.0, 400.0]]))
    assert rays[0, 0] == pytest.approx(np.tan(np.radians(80)), rel=1e-6)
    assert np.isnan(rays[1]).all() and (rays[2] == 0).all()


@pytest.mark.parametrize("lens", LENSES)
def test_nothing_in_nothing_out(lens):
    camera = camera_of(lens)
    assert camera.rays(np.zeros((0, 2))).shape == (0, 2)
    assert camera.rays(np.zeros((3, 0, 2), np.float32)).dtype == np.float32
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)
    assert np.isnan(camera.rays(np.array([np.nan, 1.0]))).all()
    assert np.isnan(camera.rays(np.array([np.inf, 1.0]))).all()
