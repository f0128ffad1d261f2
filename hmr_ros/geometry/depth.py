"""Reading a depth image where it is noisy, has holes, and shows surfaces rather than joints."""

from __future__ import annotations

import numpy as np

WINDOW = 2  # pixels on either side


def depth_at(depth: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Median depth [K] in metres around pixels [K, 2] of a depth image [H, W]; NaN where unknown.

    0, negative and non-finite readings are holes (REP-118). A window is read only if at least a
    third of it holds values, so that the far rim of a hole is not taken for the person.
    """
    height, width = depth.shape
    offsets = np.arange(-WINDOW, WINDOW + 1)
    finite = np.isfinite(pixels).all(-1)
    centre = np.rint(np.where(finite[:, None], pixels, -1e6)).astype(np.int64)
    x = centre[:, 0, None, None] + offsets[None, None, :]
    y = centre[:, 1, None, None] + offsets[None, :, None]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = depth[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float32)
    known = inside & np.isfinite(values) & (values > 0)
    values = np.where(known, values, np.nan).reshape(len(pixels), -1)
    enough = known.reshape(len(pixels), -1).mean(-1) >= 1 / 3
    result = np.full(len(pixels), np.nan, np.float32)
    if enough.any():
        result[enough] = np.nanmedian(values[enough], axis=-1)
    return result
