"""``sensor_msgs/Image`` to the pipeline's BGR image, without a copy where none is needed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


class ImageError(ValueError):
    """An image that cannot be used; the text names the field, what was expected, and the remedy."""


@dataclass(frozen=True)
class Layout:
    """How an encoding lays its pixels out.

    bytes_per_pixel: of one row of the (luma) plane.
    conversion:      OpenCV conversion to BGR, or None if the pixels are BGR already.
    wide:            16 bits a channel.
    rows:            rows of the buffer for one row of the image, as numerator and denominator:
                     (3, 2) for the planar 4:2:0 formats, whose chroma follows below the luma.
    """

    bytes_per_pixel: int
    conversion: int | None
    wide: bool = False
    rows: tuple[int, int] = (1, 1)


# Names of sensor_msgs/image_encodings.hpp, plus nv12 and i420, which drivers use without a
# standard. OpenCV names a Bayer pattern after the second row from the second pixel on, ROS after
# the first row: hence the seemingly crossed names.
LAYOUTS: dict[str, Layout] = {
    "bgr8": Layout(3, None),
    "rgb8": Layout(3, cv2.COLOR_RGB2BGR),
    "bgra8": Layout(4, cv2.COLOR_BGRA2BGR),
    "rgba8": Layout(4, cv2.COLOR_RGBA2BGR),
    "mono8": Layout(1, cv2.COLOR_GRAY2BGR),
    "8UC1": Layout(1, cv2.COLOR_GRAY2BGR),
    "8UC3": Layout(3, None),
    "8UC4": Layout(4, cv2.COLOR_BGRA2BGR),
    "mono16": Layout(2, cv2.COLOR_GRAY2BGR, wide=True),
    "bgr16": Layout(6, None, wide=True),
    "rgb16": Layout(6, cv2.COLOR_RGB2BGR, wide=True),
    "bgra16": Layout(8, cv2.COLOR_BGRA2BGR, wide=True),
    "rgba16": Layout(8, cv2.COLOR_RGBA2BGR, wide=True),
    "bayer_rggb8": Layout(1, cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": Layout(1, cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": Layout(1, cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": Layout(1, cv2.COLOR_BayerGB2BGR),
    "bayer_rggb16": Layout(2, cv2.COLOR_BayerBG2BGR, wide=True),
    "bayer_bggr16": Layout(2, cv2.COLOR_BayerRG2BGR, wide=True),
    "bayer_gbrg16": Layout(2, cv2.COLOR_BayerGR2BGR, wide=True),
    "bayer_grbg16": Layout(2, cv2.COLOR_BayerGB2BGR, wide=True),
    "yuv422": Layout(2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": Layout(2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": Layout(2, cv2.COLOR_YUV2BGR_YUYV),
    "yuyv": Layout(2, cv2.COLOR_YUV2BGR_YUYV),
    "nv12": Layout(1, cv2.COLOR_YUV2BGR_NV12, rows=(3, 2)),
    "nv21": Layout(1, cv2.COLOR_YUV2BGR_NV21, rows=(3, 2)),
    "i420": Layout(1, cv2.COLOR_YUV2BGR_I420, rows=(3, 2)),
}
DEPTH_ENCODINGS = ("16UC1", "32FC1")


def decode_image(message, max_pixels: int) -> np.ndarray:
    """[H, W, 3] uint8 BGR of a ``sensor_msgs/Image`` (or anything with its fields).

    bgr8 without row padding is a view of ``message.data``; everything else is converted. 16-bit
    channels keep their upper byte. Nothing is allocated before the sizes have been checked.

    max_pixels: images that claim more are refused.

    Raises ImageError.
    """
    encoding = message.encoding
    if encoding in DEPTH_ENCODINGS:
        raise ImageError(
            f"image.encoding {encoding!r} is a depth image: remap 'image' to the colour topic "
            "(and 'depth' to this one)"
        )
    check_size(message, max_pixels)
    layout = LAYOUTS.get(encoding)
    if layout is None:
        return _by_cv_bridge(message)
    _check_parity(message, layout)
    pixels = rows(message, layout.bytes_per_pixel, layout.rows)
    if layout.wide:
        # The upper byte of every sample: the first one if big endian, else the second.
        pixels = pixels[:, 0 if message.is_bigendian else 1 :: 2]
    pixels = np.ascontiguousarray(pixels)
    if layout.rows == (1, 1):
        pixels = pixels.reshape(message.height, message.width, -1)
    return pixels if layout.conversion is None else cv2.cvtColor(pixels, layout.conversion)


def check_size(message, max_pixels: int, name: str = "image") -> None:
    """Refuse an empty or an enormous image by its claim alone. Raises ImageError."""
    height, width = message.height, message.width
    if height < 1 or width < 1:
        raise ImageError(f"{name}: size {width}x{height} is empty; check the camera driver")
    if height * width > max_pixels:
        raise ImageError(
            f"{name}: {width}x{height} is more than max_image_pixels = {max_pixels}; "
            "raise that parameter if the camera really is so large"
        )


def rows(
    message, bytes_per_pixel: int, scale: tuple[int, int] = (1, 1), name: str = "image"
) -> np.ndarray:
    """View [rows, bytes] uint8 of the message's data with the padding of each row cut off.

    The padding of the last row may be missing. Raises ImageError if ``step`` or ``data`` is too
    short for the size that the message claims.
    """
    count = message.height * scale[0] // scale[1]
    used, step = message.width * bytes_per_pixel, message.step
    if step < used:
        raise ImageError(
            f"{name}.step is {step} bytes, {message.width} pixels of {message.encoding} need "
            f"{used}; mend the publisher"
        )
    data = np.frombuffer(message.data, np.uint8)
    needed = step * (count - 1) + used
    if len(data) < needed:
        raise ImageError(
            f"{name}.data holds {len(data)} bytes, {message.width}x{message.height} "
            f"{message.encoding} with step {step} needs {needed}; was it cut on the way?"
        )
    return np.lib.stride_tricks.as_strided(data, (count, used), (step, 1))


def _check_parity(message, layout: Layout) -> None:
    """Chroma of 4:2:0 and 4:2:2 and Bayer colours are shared by pairs of pixels."""
    paired_rows = layout.rows != (1, 1)
    paired_columns = paired_rows or message.encoding.startswith(("yu", "uy"))
    if message.width % 2 and paired_columns or message.height % 2 and paired_rows:
        raise ImageError(
            f"image: {message.encoding} cannot have the odd size {message.width}x{message.height}"
        )
    if message.encoding.startswith("bayer") and min(message.width, message.height) < 2:
        raise ImageError(
            f"image: {message.width}x{message.height} is too small for {message.encoding}"
        )


def _by_cv_bridge(message) -> np.ndarray:
    known = ", ".join(LAYOUTS)
    try:
        from cv_bridge import CvBridge
    except (
        Exception
    ) as error:  # a cv_bridge built for another numpy fails with more than ImportError
        raise ImageError(
            f"image.encoding {message.encoding!r} is not built in (known: {known}) and cv_bridge "
            f"cannot be used ({type(error).__name__}): install ros-$ROS_DISTRO-cv-bridge or choose "
            "another encoding in the camera driver"
        ) from error
    try:
        image = CvBridge().imgmsg_to_cv2(message, "bgr8")
    except Exception as error:
        raise ImageError(
            f"image.encoding {message.encoding!r} is refused by cv_bridge too: {error}; built in: "
            f"{known}"
        ) from error
    return np.ascontiguousarray(image)
