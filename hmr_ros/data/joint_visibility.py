"""Which joints of rendered people a viewer could see."""

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


def joint_visibility(
    joints: np.ndarray,
    joints_2d: np.ndarray,
    depth: np.ndarray,
    person_id: np.ndarray,
    part_id: np.ndarray,
    allowed: np.ndarray,
) -> np.ndarray:
    """[P, 24] uint8: ``HIDDEN`` (behind another thing or outside), ``SELF_OCCLUDED``, ``VISIBLE``.

    joints [P, 24, 3] optical frame, joints_2d [P, 24, 2] pixels, depth [H, W] metres (inf: empty),
    person_id [H, W] row of the person in front (negative: none), part_id [H, W] SMPL part of that
    person, allowed [24, 24] from ``allowed_depth``.
    """
    height, width = depth.shape
    pixels = np.nan_to_num(np.round(joints_2d), nan=-1, posinf=-1, neginf=-1)
    inside = ((pixels >= 0) & (pixels < [width, height])).all(-1) & (joints[..., 2] > 0)
    x, y = np.where(inside[..., None], pixels, 0).astype(int).transpose(2, 0, 1)
    own = person_id[y, x] == np.arange(len(joints))[:, None]
    part = np.where(own, part_id[y, x], 0)
    flesh = np.where(own, allowed[np.arange(joints.shape[1]), part], 0)
    covered = depth[y, x] < joints[..., 2] - flesh
    seen = np.where(covered, np.where(own, SELF_OCCLUDED, HIDDEN), VISIBLE)
    return np.where(inside, seen, HIDDEN).astype(np.uint8)
