"""When a viewer could see a joint: the three states, and how much of a body may lie before it."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel

HIDDEN, SELF_OCCLUDED, VISIBLE = 0, 1, 2
# Trunk parts lie within each other: none of them hides a joint of another.
TRUNK = (0, 1, 2, 3, 6, 9, 12, 13, 14, 16, 17)
_OWN_FLESH = 0.25  # metres of a joint's own and neighbouring parts that may lie before it
_SLACK = 0.03  # metres that any other part may, beyond the joint's distance to the nearest skin


def allowed_depth(body: BodyModel) -> np.ndarray:
    """[24, 24] metres by which skin of part ``column`` may lie before joint ``row`` that is seen.

    A joint lies inside its limb, so the skin of its own part and of the parts that meet there is
    how it is seen; any other part of the body that is clearly before it hides it.
    """
    gaps = body.v_template[None] - body.joint_template[:, None]
    nearest_skin = np.linalg.norm(gaps, axis=-1).min(1)
    count = len(body.parents)
    near = np.eye(count, dtype=bool)
    for joint, parent in enumerate(body.parents):
        if parent >= 0:
            near[joint, parent] = near[parent, joint] = True
    near[np.ix_(TRUNK, TRUNK)] = True
    return np.where(near, _OWN_FLESH, nearest_skin[:, None] + _SLACK)
