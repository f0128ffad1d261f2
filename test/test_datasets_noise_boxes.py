"""The rectangles of noise of 3DPW-XOCC."""

import cv2
import numpy as np
from dataset_files import HEIGHT, WIDTH, write_3dpw
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.data.datasets.noise_boxes import KEY_INTERVAL, noise_boxes, read_image
from hmr_ros.data.datasets.opening import open_dataset

SIZE = (640, 480)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 400),
    st.floats(0, 500),
    st.floats(0, 350),
    st.floats(20, 140),
    st.floats(20, 130),
)
def test_a_rectangle_lies_within_the_box_and_the_image(frame, x, y, width, height):
    frame *= KEY_INTERVAL
    (found,) = noise_boxes("outdoors_fencing_01", frame, np.array([[x, y, width, height]]), SIZE)
    assert found[2] * found[3] <= 0.3 * width * height * (1 + 1e-9)
    if found.any():
        assert 0.5 - 1e-9 <= found[3] / found[2] <= 2 + 1e-9
        assert (found[:2] >= [0, 0]).all() and (found[:2] + found[2:] <= SIZE).all()
        # Up to a pixel may stand out where the box is hardly larger than the rectangle.
        assert found[0] >= x - 1 and found[0] + found[2] <= x + width + 1e-9
        assert found[1] >= y - 1 and found[1] + found[3] <= y + height + 1e-9


def test_rectangles_move_linearly_and_come_again():
    boxes = np.array([[100.0, 60, 90, 200], [300, 60, 90, 200]])
    found = np.array([noise_boxes("a", f, boxes, SIZE) for f in range(2 * KEY_INTERVAL + 1)])
    for first in (0, KEY_INTERVAL):
        share = np.linspace(0, 1, KEY_INTERVAL + 1)[:, None, None]
        line = (1 - share) * found[first] + share * found[first + KEY_INTERVAL]
        np.testing.assert_allclose(found[first : first + KEY_INTERVAL + 1], line)
    again = np.array([noise_boxes("a", f, boxes, SIZE) for f in range(2 * KEY_INTERVAL + 1)])
    np.testing.assert_array_equal(found, again)
    assert not np.allclose(found[0], noise_boxes("b", 0, boxes, SIZE))
    assert not np.allclose(found[0, 0, 2:], found[0, 1, 2:])


def test_areas_and_shapes_are_uniform():
    box = np.array([[100.0, 60, 200, 300]])
    drawn = np.array([noise_boxes("a", KEY_INTERVAL * k, box, SIZE)[0] for k in range(2000)])
    share = drawn[:, 2] * drawn[:, 3] / (200 * 300)
    # Mean of a uniform variable on 0..0.3; a few large and flat ones do not fit and come again.
    assert abs(share.mean() - 0.15) < 0.01 and share.max() > 0.29
    ratio = drawn[:, 3] / drawn[:, 2]
    assert abs(ratio.mean() - 1.25) < 0.04


def test_the_noise_hides_one_person_at_a_time(tmp_path):
    write_3dpw(tmp_path)
    (first, *_) = open_dataset("3dpw-xocc", tmp_path)
    (plain, *_) = open_dataset("3dpw", tmp_path)
    assert plain.people.noise_boxes is None
    clean = read_image(plain)
    np.testing.assert_array_equal(clean, cv2.imread(str(plain.image)))
    assert clean.shape == (HEIGHT, WIDTH, 3)
    for person in (0, 1):
        changed = (read_image(first, person) != clean).any(-1)
        x, y, width, height = first.people.noise_boxes[person].astype(int)
        assert width > 3 and height > 3
        assert changed[y : y + height, x : x + width].mean() > 0.99
        changed[y : y + height, x : x + width] = False
        assert not changed.any()
    np.testing.assert_array_equal(read_image(first), read_image(first))
    both = (read_image(first) != clean).any(-1)
    assert both.sum() > (read_image(first, 0) != clean).any(-1).sum()
