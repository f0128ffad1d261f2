"""A first frame before the first frame, so that no real one waits for compilation."""

from __future__ import annotations

import numpy as np

from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import guessed_camera

SIZE = (640, 480)


def warm_up(pipeline) -> None:
    """Run the whole pipeline on one box in a grey image, then forget it."""
    width, height = SIZE
    frame = Frame(np.full((height, width, 3), 127, np.uint8), guessed_camera(width, height), 0.0)
    pipeline(frame, boxes=np.array([[220, 60, 200, 400]], np.float32))
    pipeline.reset()
