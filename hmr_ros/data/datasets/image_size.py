"""Width and height of an image file from its first bytes, without decoding the pixels."""

from __future__ import annotations

import struct
from pathlib import Path

from hmr_ros.data.datasets.fields import existing, refusal

# Start-of-frame markers of JPEG (ITU-T T.81, table B.1): all of C0 to CF but DHT, JPG and DAC.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_size(path: Path) -> tuple[int, int]:
    """Width, height of a JPEG, PNG or BMP file. Raises DatasetError if it is none or missing.

    An EXIF orientation is not applied: annotations count pixels as stored.
    """
    with open(existing(path, "the image"), "rb") as file:
        head = file.read(32)
        size = None
        try:
            if head[:8] == b"\x89PNG\r\n\x1a\n":
                size = struct.unpack(">II", head[16:24])
            elif head[:2] == b"BM":
                width, height = struct.unpack("<ii", head[18:26])
                size = width, abs(height)  # negative: rows from the top
            elif head[:2] == b"\xff\xd8":
                size = _jpeg_size(file)
        except struct.error:
            pass
    if not size or min(size) < 1:
        raise refusal(path, "", "is no whole JPEG, PNG or BMP image", "download it again")
    return size


def _jpeg_size(file) -> tuple[int, int] | None:
    file.seek(2)
    while True:
        byte = file.read(1)
        if byte != b"\xff":
            return None
        while byte == b"\xff":  # markers may be padded
            byte = file.read(1)
        if not byte:
            return None
        (length,) = struct.unpack(">H", file.read(2))
        if byte[0] in _FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
