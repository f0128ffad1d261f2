"""Video files and webcams, both through OpenCV."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from hmr_ros.sources.source import Picture, Source, SourceError

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv")
# Containers without a frame rate report 0, NaN or thousands.
USUAL_RATE_HZ = 25.0


def _rate(capture: cv2.VideoCapture) -> float:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if math.isfinite(rate) and 0.5 <= rate <= 500 else USUAL_RATE_HZ


def video_source(path: Path) -> Source:
    """A video file; stamps are seconds since its start. Raises SourceError if it has no picture."""
    capture = cv2.VideoCapture(str(path))
    rate, count = _rate(capture), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    readable = capture.isOpened() and capture.grab()
    capture.release()
    if not readable:
        raise SourceError(
            f"{path}: no picture can be decoded ({path.stat().st_size} bytes); is it a whole video "
            f"file? Try `ffmpeg -i {path.name} -c:v libx264 repaired.mp4` and use that"
        )

    def read() -> Iterator[Picture]:
        capture = cv2.VideoCapture(str(path))
        try:
            stamp, i = -math.inf, 0
            while True:
                ok, image = capture.read()
                if not ok:
                    return
                # Some containers give no times: then pictures are taken to be evenly spaced.
                told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
                stamp = told if told > stamp else (0.0 if i == 0 else stamp + 1 / rate)
                yield Picture(image, stamp, f"{path.name}#{i}")
                i += 1
        finally:
            capture.release()

    return Source(str(path), "video", read, count if count > 0 else None, rate)


def webcam_source(device: int | str) -> Source:
    """A camera attached to this machine, by index or ``/dev/videoN``; stamps are system time.

    Raises SourceError if it cannot be opened.
    """
    capture = cv2.VideoCapture(device)
    if not capture.isOpened():
        raise SourceError(
            f"webcam {device}: cannot be opened; `ls /dev/video*` shows the cameras there are, and "
            "the user must be in the group video"
        )
    rate = _rate(capture)
    capture.release()

    def read() -> Iterator[Picture]:
        capture = cv2.VideoCapture(device)
        # The driver's queue would make every picture old when the reader is slower than the camera.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        try:
            i = 0
            while True:
                ok, image = capture.read()
                if not ok:
                    raise SourceError(f"webcam {device}: stopped delivering after {i} pictures")
                yield Picture(image, time.time(), f"webcam{device}#{i}")
                i += 1
        finally:
            capture.release()

    return Source(f"webcam {device}", "webcam", read, None, rate, live=True)
