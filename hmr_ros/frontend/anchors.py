"""The grid of anchors that BlazePose's single-shot detector predicts offsets from."""

from __future__ import annotations

import numpy as np


def ssd_anchors(size: int = 224, strides: tuple[int, ...] = (8, 16, 32, 32, 32)) -> np.ndarray:
    """Anchor centres [A, 2] (x, y) in units of the input image, in the order of the outputs.

    Two anchors a cell and layer, all of the input's own size; layers that share a stride share
    their cells. For the pose detector: 28^2*2 + 14^2*2 + 7^2*6 = 2254. (MediaPipe's graph
    ``pose_detection_cpu.pbtxt``.)
    """
    grids = []
    for stride in dict.fromkeys(strides):
        cells = -(-size // stride)
        y, x = np.mgrid[:cells, :cells].reshape(2, -1)
        centres = (np.stack([x, y], -1) + 0.5) / cells
        grids.append(np.repeat(centres, 2 * strides.count(stride), axis=0))
    return np.concatenate(grids).astype(np.float32)
