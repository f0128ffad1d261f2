"""Pictures into an MP4 file, H.264 where an encoder is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np


@contextmanager
def film(
    path: Path, size: tuple[int, int], rate_hz: float
) -> Iterator[Callable[[np.ndarray], object]]:
    """Gives a function that appends a picture [H, W, 3] uint8 BGR of ``size`` (width, height).

    H.264, which browsers play, through imageio-ffmpeg; without that package MPEG-4 part 2 by
    OpenCV, for players only. The file appears under its name when it is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished_{path.name}")
    try:
        with _encoder(unfinished, size, rate_hz) as append:
            yield append
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _encoder(path: Path, size: tuple[int, int], rate_hz: float):
    try:
        from imageio_ffmpeg import write_frames
    except ImportError:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate_hz, size)
        try:
            yield writer.write
        finally:
            writer.release()
        return
    # yuv420p halves the colour planes, so odd sizes lose their last row or column.
    even = (size[0] // 2 * 2, size[1] // 2 * 2)
    encoder = write_frames(
        str(path), even, pix_fmt_in="bgr24", fps=rate_hz, codec="libx264", macro_block_size=2
    )
    encoder.send(None)
    try:
        yield lambda image: encoder.send(np.ascontiguousarray(image[: even[1], : even[0]]))
    finally:
        encoder.close()
