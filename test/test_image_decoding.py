"""Every encoding against images encoded here by hand, and every way to be broken."""

from __future__ import annotations

import contextlib
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_fakes import image_like

from hmr_ros.node.compressed_image import decode_compressed
from hmr_ros.node.depth_image import DepthBuffer, decode_depth
from hmr_ros.node.image_decoding import LAYOUTS, ImageError, decode_image

LIMIT = 1_000_000


def padded(rows: np.ndarray, padding: int) -> tuple[bytes, int]:
    """Bytes of rows [R, B] uint8 with random padding, and the step."""
    junk = np.random.default_rng(1).integers(0, 256, (len(rows), padding), np.uint8)
    return np.concatenate([rows, junk], 1).tobytes(), rows.shape[1] + padding


def message(rows: np.ndarray, encoding: str, width: int, height: int, padding: int, big=0):
    data, step = padded(rows.reshape(len(rows), -1).view(np.uint8), padding)
    return image_like(data, encoding, width, height, step, big)


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 7), st.integers(0, 2**31))


def random_bgr(width: int, height: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


ORDERS = {"bgr": [0, 1, 2], "rgb": [2, 1, 0], "bgra": [0, 1, 2, 3], "rgba": [2, 1, 0, 3]}


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_colour_orders_come_back_exactly(size):
    width, height, padding, seed = size
    bgr = random_bgr(width, height, seed)
    bgra = np.concatenate([bgr, np.full((height, width, 1), 77, np.uint8)], -1)
    for name, order in ORDERS.items():
        packed = bgra[..., order]
        for encoding in [f"{name}8"] + {"bgr": ["8UC3"], "bgra": ["8UC4"]}.get(name, []):
            got = decode_image(message(packed, encoding, width, height, padding), LIMIT)
            np.testing.assert_array_equal(got, bgr)
            assert got.flags.c_contiguous
        low = np.random.default_rng(seed).integers(0, 256, packed.shape).astype(np.uint16)
        wide = packed.astype(np.uint16) * 256 + low
        for big, kind in ((0, "<u2"), (1, ">u2")):
            encoded = message(wide.astype(kind), f"{name}16", width, height, padding, big)
            np.testing.assert_array_equal(decode_image(encoded, LIMIT), bgr)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_grey_images_come_back_exactly(size):
    width, height, padding, seed = size
    grey = random_bgr(width, height, seed)[..., 0]
    expected = np.repeat(grey[..., None], 3, -1)
    for encoding in ("mono8", "8UC1"):
        got = decode_image(message(grey, encoding, width, height, padding), LIMIT)
        np.testing.assert_array_equal(got, expected)
    wide = grey.astype(np.uint16) * 256 + 13
    for big, kind in ((0, "<u2"), (1, ">u2")):
        encoded = message(wide.astype(kind), "mono16", width, height, padding, big)
        np.testing.assert_array_equal(decode_image(encoded, LIMIT), expected)


def flat_colour(width: int, height: int) -> np.ndarray:
    return np.tile(np.array([40, 90, 200], np.uint8), (height, width, 1))


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("wide", [False, True])
def test_bayer_patterns_keep_a_colour(pattern, wide):
    bgr = flat_colour(8, 6)
    mosaic = np.empty((6, 8), np.uint8)
    for k, letter in enumerate(pattern):
        mosaic[k // 2 :: 2, k % 2 :: 2] = bgr[0, 0, "bgr".index(letter)]
    if wide:
        rows, encoding = (mosaic.astype(np.uint16) * 256).astype("<u2"), f"bayer_{pattern}16"
    else:
        rows, encoding = mosaic, f"bayer_{pattern}8"
    np.testing.assert_array_equal(decode_image(message(rows, encoding, 8, 6, 3), LIMIT), bgr)


def yuv_of(bgr: np.ndarray) -> tuple[int, int, int]:
    """BT.601 limited range, by its definition."""
    b, g, r = (bgr[0, 0] / 255.0).tolist()
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return (
        round(16 + 219 * y),
        round(128 + 112 * (b - y) / 0.886),
        round(128 + 112 * (r - y) / 0.701),
    )


@pytest.mark.parametrize(
    "encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "i420"]
)
@pytest.mark.parametrize("padding", [0, 4])
def test_yuv_layouts_keep_a_colour(encoding, padding):
    width, height = 8, 4
    y, u, v = yuv_of(flat_colour(width, height))
    chroma_rows = height // 2
    if encoding in ("yuv422", "uyvy"):
        rows = np.tile([u, y, v, y], (height, width // 2))
    elif encoding in ("yuv422_yuy2", "yuyv"):
        rows = np.tile([y, u, y, v], (height, width // 2))
    elif encoding in ("nv12", "nv21"):
        pair = [u, v] if encoding == "nv12" else [v, u]
        rows = np.concatenate(
            [np.full((height, width), y), np.tile(pair, (chroma_rows, width // 2))]
        )
    else:
        quarter = width * height // 4
        flat = np.concatenate(
            [np.full(width * height, y), np.full(quarter, u), np.full(quarter, v)]
        )
        rows = flat.reshape(-1, width)
    encoded = message(rows.astype(np.uint8), encoding, width, height, padding)
    got = decode_image(encoded, LIMIT).astype(int)
    assert np.abs(got - flat_colour(width, height)).max() <= 3


def test_every_layout_is_covered_here():
    tested = {f"{n}{b}" for n in ORDERS for b in (8, 16)} | {"8UC1", "8UC3", "8UC4"}
    tested |= {"mono8", "mono16", "yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "i420"}
    tested |= {f"bayer_{p}{b}" for p in ("rggb", "bggr", "gbrg", "grbg") for b in (8, 16)}
    assert tested == set(LAYOUTS)


def test_bgr8_is_not_copied():
    data = bytearray(4 * 2 * 3)
    image = decode_image(image_like(data, "bgr8", 4, 2, 12), LIMIT)
    data[0] = 9
    assert image[0, 0, 0] == 9


def test_padding_of_the_last_row_may_be_missing():
    rows = random_bgr(3, 2, 0)
    data, step = padded(rows.reshape(2, -1), 5)
    got = decode_image(image_like(data[:-5], "bgr8", 3, 2, step), LIMIT)
    np.testing.assert_array_equal(got, rows)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (image_like(b"\0" * 12, "bgr8", 4, 2, 12), ["image.data", "12 bytes", "24"]),
        (image_like(b"\0" * 24, "bgr8", 4, 2, 11), ["image.step", "11", "12"]),
        (image_like(b"", "bgr8", 0, 0, 0), ["0x0", "driver"]),
        (image_like(b"", "bgr8", 60000, 60000, 180000), ["60000x60000", "max_image_pixels"]),
        (image_like(b"\0" * 16, "16UC1", 4, 2, 8), ["16UC1", "depth", "remap"]),
        (image_like(b"\0" * 32, "32FC1", 4, 2, 16), ["32FC1", "depth", "remap"]),
        (image_like(b"\0" * 18, "nv12", 3, 4, 3), ["nv12", "odd", "3x4"]),
        (image_like(b"\0" * 12, "yuyv", 3, 2, 6), ["yuyv", "odd", "3x2"]),
        (image_like(b"\0", "bayer_rggb8", 1, 1, 1), ["bayer_rggb8", "1x1"]),
        (image_like(b"", "bgr8", 4, 2, 12), ["image.data", "0 bytes"]),
    ],
)
def test_a_broken_image_is_refused_with_field_and_expectation(image, words):
    with pytest.raises(ImageError) as error:
        decode_image(image, LIMIT)
    for word in words:
        assert word in str(error.value)


def test_an_unknown_encoding_names_what_is_known_and_cv_bridge(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(ImageError, match="'rgbe32'.*bgr8.*cv_bridge.*install"):
        decode_image(image_like(b"\0" * 24, "rgbe32", 4, 2, 12), LIMIT)


def test_an_encoding_outside_the_table_goes_to_cv_bridge(monkeypatch):
    class Bridge:
        def imgmsg_to_cv2(self, message, encoding):
            assert encoding == "bgr8"
            return np.full((message.height, message.width, 3), 5, np.uint8)

    module = SimpleNamespace(CvBridge=Bridge)
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    image = decode_image(image_like(b"\0" * 24, "nv24", 4, 2, 12), LIMIT)
    assert image.shape == (2, 4, 3) and (image == 5).all()


def compressed(data: bytes, text: str = "jpeg") -> SimpleNamespace:
    return SimpleNamespace(data=data, format=text)


def smooth(width: int = 64, height: int = 48) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    return np.stack([x, y, 200 - x], -1).astype(np.uint8)


@pytest.mark.parametrize(
    "text", ["jpeg", "jpg", "bgr8; jpeg compressed bgr8", "png", "", "rgb8; png"]
)
def test_the_content_decides_about_a_compressed_image(text):
    for extension, tolerance in ((".jpg", 6), (".png", 0)):
        data = cv2.imencode(extension, smooth())[1].tobytes()
        got = decode_compressed(compressed(data, text), LIMIT).astype(int)
        assert np.abs(got - smooth()).max() <= tolerance


def test_zeros_after_a_jpeg_are_padding():
    data = cv2.imencode(".jpg", smooth())[1].tobytes() + b"\0" * 100
    assert decode_compressed(compressed(data), LIMIT).shape == (48, 64, 3)


def jpeg() -> bytes:
    return cv2.imencode(".jpg", smooth())[1].tobytes()


def png_claiming(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".png", smooth())[1].tobytes())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "text", "words"),
    [
        (b"", "jpeg", ["starts with nothing"]),
        (b"hello, world", "jpeg", ["68656c6c", "expected JPEG or PNG"]),
        (jpeg()[: len(jpeg()) // 2], "jpeg", ["cut or broken", "image_transport"]),
        (b"\xff\xd8\xff\xd9", "jpeg", ["cut or broken"]),
        (b"\x89PNG\r\n\x1a\n", "png", ["PNG", "cut or broken"]),
        (png_claiming(60000, 60000), "png", ["60000x60000", "max_image_pixels"]),
        (png_claiming(0, 0), "png", ["0x0"]),
        (jpeg(), "16UC1; compressedDepth", ["depth", "remap"]),
    ],
)
def test_a_broken_compressed_image_is_refused(data, text, words):
    with pytest.raises(ImageError) as error:
        decode_compressed(compressed(data, text), LIMIT)
    for word in words:
        assert word in str(error.value)


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_bytes_do_more_than_raise_image_error(data, as_jpeg):
    start = b"\xff\xd8\xff" if as_jpeg else b"\x89PNG\r\n\x1a\n"
    with contextlib.suppress(ImageError):
        decode_compressed(compressed(start + data), LIMIT)


@given(
    st.binary(max_size=64),
    st.sampled_from([*LAYOUTS, "16UC1", "what"]),
    st.integers(0, 70000),
    st.integers(0, 70000),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_no_claim_does_more_than_raise_image_error(data, encoding, width, height, step):
    with contextlib.suppress(ImageError):
        decode_image(image_like(data, encoding, width, height, step), LIMIT)


@pytest.mark.parametrize("big", [0, 1])
def test_depth_is_metres(big):
    order = ">" if big else "<"
    metres = np.array([[0.5, 1.25, 0.0], [3.0, 10.0, 60.0]], np.float32)
    as_mm = message((metres * 1000).round().astype(order + "u2"), "16UC1", 3, 2, 2, big)
    np.testing.assert_allclose(decode_depth(as_mm, LIMIT), metres, atol=1e-6)
    as_float = message(metres.astype(order + "f4"), "32FC1", 3, 2, 4, big)
    np.testing.assert_array_equal(decode_depth(as_float, LIMIT), metres)
    with pytest.raises(ImageError, match="depth.encoding 'bgr8'.*16UC1"):
        decode_depth(image_like(b"\0" * 24, "bgr8", 4, 2, 12), LIMIT)


def test_the_depth_image_nearest_in_time_is_used_and_resampled():
    from node_fakes import stamp

    buffer = DepthBuffer()
    for k, seconds in enumerate((1.0, 1.1, 1.2)):
        depth = message(np.full((2, 3), k + 1, "<f4"), "32FC1", 3, 2, 0)
        depth.header.stamp = stamp(seconds)
        buffer.add(depth)
    got = buffer.nearest(1_120_000_000, 0.05, (6, 4), LIMIT)
    assert got.shape == (4, 6) and (got == 2).all()
    assert buffer.nearest(1_300_000_000, 0.05, (6, 4), LIMIT) is None
    with pytest.raises(ImageError, match="another shape"):
        buffer.nearest(1_120_000_000, 0.05, (6, 6), LIMIT)
