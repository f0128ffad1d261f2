"""``sensor_msgs/CompressedImage`` (JPEG, PNG) to the pipeline's BGR image."""

from __future__ import annotations

import cv2
import numpy as np

from hmr_ros.node.image_decoding import ImageError

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Start-of-frame markers hold the size; C4, C8 and CC in that range are other tables.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decode_compressed(message, max_pixels: int) -> np.ndarray:
    """[H, W, 3] uint8 BGR of a JPEG or PNG.

    The content decides, not ``format``, whose wording differs between publishers ("jpeg", "jpg",
    "bgr8; jpeg compressed bgr8"). The size is read from the file's header and checked before the
    decoder allocates anything.

    max_pixels: images that claim more are refused.

    Raises ImageError.
    """
    data = bytes(message.data)
    if "compressedDepth" in message.format:
        raise ImageError(
            f"compressed image.format {message.format!r} is a depth image: remap 'image' to the "
            "colour topic"
        )
    if data.startswith(JPEG_START):
        kind, size = "JPEG", _jpeg_size(data)
        complete = data[-4096:].rstrip(b"\0").endswith(JPEG_END)  # drivers pad with zeros
    elif data.startswith(PNG_START):
        kind, size = "PNG", _png_size(data)
        complete = b"IEND" in data[-4096:]
    else:
        raise ImageError(
            f"compressed image.data starts with {data[:4].hex() or 'nothing'} (format "
            f"{message.format!r}): expected JPEG or PNG"
        )
    if size is None or not complete:
        # A decoder would paint the missing part grey, and the bodies in it would be wrong.
        raise ImageError(
            f"compressed image.data: the {kind} of {len(data)} bytes is cut or broken; check the "
            "connection, or use the raw image (image_transport = raw)"
        )
    width, height = size
    if not 0 < width * height <= max_pixels:
        raise ImageError(
            f"compressed image.data: the {kind} claims {width}x{height} pixels, "
            f"max_image_pixels = {max_pixels}"
        )
    # Camera intrinsics hold for the stored pixels, so an EXIF rotation must not be applied.
    image = cv2.imdecode(
        np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    )
    if image is None:
        raise ImageError(
            f"compressed image.data: the {kind} of {len(data)} bytes cannot be decoded"
        )
    return image


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first start-of-frame segment; None if there is none."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a segment
            at += 2
        elif marker in JPEG_FRAMES:
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            if length < 2:
                return None
            at += 2 + length
    return None
