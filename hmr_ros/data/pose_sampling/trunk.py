"""Bend the spine and turn the head."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.turns import turned


def upright() -> np.ndarray:
    """[24, 3, 3]: the T-pose."""
    return np.tile(np.eye(3), (24, 1, 1))


def bend_trunk(
    rng: np.random.Generator, rotations: np.ndarray, flexion: float, spread: float = 0.12
) -> None:
    """Spread ``flexion`` radians forward, and a little lean and turn, over the spine; the head
    partly makes up for it and looks about."""
    lean, turn, nod, look, tilt, up = rng.normal(0, 1, 6)
    lean, turn = spread * lean, spread * turn
    for joint, share in ((3, 0.4), (6, 0.3), (9, 0.3)):
        rotations[joint] = turned(share * flexion, share * turn, share * lean)
    rotations[12] = turned(0.15 * nod, 0.24 * look, 0.1 * tilt)
    rotations[15] = turned(0.12 * up - 0.2 * flexion, 0.12 * look, 0.08 * tilt)
