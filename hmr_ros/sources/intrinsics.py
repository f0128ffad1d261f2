"""Intrinsics as a user writes them: ``fx,fy,cx,cy`` and, if known, ``k1,k2,p1,p2[,k3]``."""

from __future__ import annotations

import argparse

from hmr_ros.geometry.camera import Camera


def intrinsics(text: str) -> tuple[float, ...]:
    """4, 8 or 9 numbers, for use as an argument's type. Raises argparse.ArgumentTypeError."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (4, 8, 9):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected fx,fy,cx,cy in pixels, or these and the plumb_bob distortion "
            "k1,k2,p1,p2 or k1,k2,p1,p2,k3"
        )
    return numbers


def camera_of(numbers: tuple[float, ...], width: int, height: int) -> Camera:
    """A camera from what ``intrinsics`` returned. Raises CameraError if it cannot be one."""
    return Camera(
        width,
        height,
        *numbers[:4],
        distortion=numbers[4:],
        distortion_model="plumb_bob" if len(numbers) > 4 else "none",
    )
