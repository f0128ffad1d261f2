"""Which joints of rendered people a viewer could see."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel

HIDDEN, SELF_OCCLUDED, VISIBLE = 0, 1, 2
_SLACK = 0.03  # metres a surface may lie before its joint beyond the limb's own thickness


def limb_radii(body: BodyModel) -> np.ndarray:
    """[24] metres from each joint to the nearest skin, in the mean body."""
    gaps = body.v_template[None] - body.joint_template[:, None]
    return np.linalg.norm(gaps, axis=-1).min(1)


def joint_visibility(
    joints: np.ndarray,
    joints_2d: np.ndarray,
    depth: np.ndarray,
    person_id: np.ndarray,
    radii: np.ndarray,
) -> np.ndarray:
    """[P, 24] uint8: ``HIDDEN`` (behind another thing or outside), ``SELF_OCCLUDED``, ``VISIBLE``.

    joints [P, 24, 3] optical frame, joints_2d [P, 24, 2] pixels, depth [H, W] metres (inf: empty),
    person_id [H, W] row of the person in front (negative: none), radii from ``limb_radii``.
    A joint lies inside its limb: the skin before it counts as the joint itself.
    """
    height, width = depth.shape
    pixels = np.nan_to_num(np.round(joints_2d), nan=-1, posinf=-1, neginf=-1)
    inside = ((pixels >= 0) & (pixels < [width, height])).all(-1) & (joints[..., 2] > 0)
    x, y = np.where(inside[..., None], pixels, 0).astype(int).transpose(2, 0, 1)
    own = person_id[y, x] == np.arange(len(joints))[:, None]
    covered = depth[y, x] < joints[..., 2] - np.where(own, 1.5 * radii + _SLACK, 0)
    seen = np.where(covered, np.where(own, SELF_OCCLUDED, HIDDEN), VISIBLE)
    return np.where(inside, seen, HIDDEN).astype(np.uint8)
