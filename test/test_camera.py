import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.geometry.camera import (
    Camera,
    CameraError,
    camera_from_info,
    guessed_camera,
)

PLUMB_BOB = (-0.31, 0.12, 0.001, -0.0007, -0.02)
K = (600.0, 0, 321.5, 0, 610.0, 238.0, 0, 0, 1)


def cameras() -> list[Camera]:
    return [
        Camera(640, 480, 600, 610, 321.5, 238),
        Camera(640, 480, 600, 610, 321.5, 238, PLUMB_BOB, "plumb_bob"),
        Camera(640, 480, 300, 300, 320, 240, (0.05, -0.01, 0.004, -0.001), "equidistant"),
    ]


@pytest.mark.parametrize("camera", cameras(), ids=lambda c: c.distortion_model)
@given(x=st.floats(-1, 1), y=st.floats(-0.8, 0.8), z=st.floats(1.5, 20))
@settings(max_examples=40, deadline=None)
def test_rays_invert_projection(camera, x, y, z):
    point = np.array([x, y, z])
    ray = camera.rays(camera.project(point))
    assert np.abs(ray - point[:2] / z).max() < 1e-6


def test_projection_equals_opencv():
    points = np.random.default_rng(0).normal([0, 0, 4], 0.6, (50, 3))
    camera = cameras()[1]
    expected, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), camera.matrix, np.array(PLUMB_BOB)
    )
    assert np.abs(camera.project(points) - expected[:, 0]).max() < 1e-9


def test_a_point_behind_the_camera_has_no_pixel():
    assert np.isnan(cameras()[0].project(np.array([0.1, 0.1, -2.0]))).all()


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"fx": 0.0}, "fx=0.0"),
        ({"fy": float("nan")}, "not finite"),
        ({"width": 0}, "0x480"),
        ({"distortion_model": "magic"}, "'magic' is unknown"),
        (
            {"distortion": (1.0, 2.0), "distortion_model": "plumb_bob"},
            "2 distortion coefficients",
        ),
    ],
)
def test_unusable_intrinsics_are_named(changes, text):
    values = {"width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0}
    values |= changes
    with pytest.raises(CameraError, match=text):
        Camera(**values)


def info_camera(image_size, **kwargs):
    return camera_from_info(K, (), "plumb_bob", (640, 480), image_size, **kwargs)


def test_region_of_interest_moves_the_centre():
    whole, part = (
        info_camera((640, 480)),
        info_camera((200, 100), roi=(300, 200, 200, 100)),
    )
    point = np.array([0.05, 0.02, 2.0])
    assert np.allclose(part.project(point), whole.project(point) - [300, 200])


def test_binning_averages_pairs_of_pixels():
    whole, binned = info_camera((640, 480)), info_camera((320, 240), binning=(2, 2))
    point = np.array([0.3, -0.2, 2.0])
    # Pixel (0, 0) of the binned image is the mean of the full image's first 2x2: centre (.5, .5).
    assert np.allclose(binned.project(point), (whole.project(point) - 0.5) / 2)


def test_an_image_resampled_on_the_way_scales_the_intrinsics():
    half = info_camera((320, 240))
    assert half.fx == 300 and half.width == 320


def test_an_image_of_another_shape_is_refused():
    with pytest.raises(CameraError, match="640x480 pixels, the image has 640x200"):
        info_camera((640, 200))


def test_a_guess_is_marked_and_has_the_asked_field_of_view():
    camera = guessed_camera(800, 600, fov_deg=90)
    assert not camera.metric and np.isclose(camera.fx, 400)
