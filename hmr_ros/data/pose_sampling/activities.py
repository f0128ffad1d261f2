"""The kinds of poses by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hmr_ros.data.pose_sampling.clips import clip, mixed
from hmr_ros.data.pose_sampling.low import bend, crouch, kneel
from hmr_ros.data.pose_sampling.lying import lie
from hmr_ros.data.pose_sampling.reaching import reach
from hmr_ros.data.pose_sampling.seated import sit
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.wild import wild

# Each gives local rotations [24, 3, 3] float64, joint 0 to the world, facing +Z.
ACTIVITIES: dict[str, Callable[[np.random.Generator, Source], np.ndarray]] = {
    "clip": clip,
    "mixed": mixed,
    "sit": sit,
    "crouch": crouch,
    "kneel": kneel,
    "bend": bend,
    "lie": lie,
    "reach": reach,
    "wild": wild,
}
