"""When a body hides a joint of its own from the viewer.

The truth of rendered people is by their skin and clothes (``hmr_ros.data.render``): a joint is
hidden by its own body where the first face on the ray to it lies before it by more than
``allowed_depth``. ``behind_itself`` tells the same of an estimated body by its joints alone, with a
capsule for the flesh of each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit

from hmr_ros.body.model import BodyModel
from hmr_ros.body.segments import SEGMENTS

# Trunk parts lie within each other: none of them hides a joint of another.
TRUNK = (0, 1, 2, 3, 6, 9, 12, 13, 14, 16, 17)
_OWN_FLESH = 0.25  # metres of a joint's own and neighbouring parts that may lie before it
_SLACK = 0.03  # metres that any other part may, beyond the joint's distance to the nearest skin
# A capsule is as thick as three quarters of its part's vertices are far from the axis: then as many
# joints of rendered people are taken to be behind themselves as are.
_THICKNESS = 75
_ENDS = 2  # percent of the vertices that may lie beyond each end
SOFTNESS = 0.02  # metres; an estimated outline is no sharper


@dataclass(frozen=True)
class Flesh:
    """Capsules of 24 parts, about the lines through two joints each, ``first`` and ``second`` [24].

    start, end: [24] where on the line, 0 at the first joint, 1 at the second. radius: [24] metres.
    allowed: [24, 24] of ``allowed_depth``.
    """

    first: np.ndarray
    second: np.ndarray
    start: np.ndarray
    end: np.ndarray
    radius: np.ndarray
    allowed: np.ndarray


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


def behind_itself(joints: np.ndarray, body: BodyModel) -> np.ndarray:
    """[N, 24] from 0 to 1, how surely joints [N, 24, 3] (camera frame, metres) lie behind flesh of
    their own body as seen from the camera: 1/2 on the border of its outline or of what may lie
    before them, and surer by the logistic of the distance from there over ``SOFTNESS``."""
    return expit(depth_inside(joints, body) / SOFTNESS)


def depth_inside(joints: np.ndarray, body: BodyModel) -> np.ndarray:
    """[N, 24] metres, above 0 for joints [N, 24, 3] behind their own body: the ray to the joint
    passes that deep inside of a capsule which lies by more than that, beyond what is allowed,
    before the joint; the greatest of all capsules. Below 0 what is missing for it."""
    flesh = _flesh_of(body)
    joints = joints.astype(np.float64)
    far = np.linalg.norm(joints, axis=-1, keepdims=True)
    toward = joints / np.maximum(far, 1e-9)
    line = joints[:, flesh.second] - joints[:, flesh.first]
    start = joints[:, flesh.first] + flesh.start[:, None] * line
    step = (flesh.end - flesh.start)[:, None] * line
    # [N, 24, 24], of rays to joints and of capsules: how far along the ray the capsule's axis
    # starts and goes, and its squared distance from the ray, a quadratic of the way along the axis.
    start_depth, step_depth = (toward @ v.transpose(0, 2, 1) for v in (start, step))
    square = (start * start).sum(-1)[:, None] - start_depth**2
    slope = (start * step).sum(-1)[:, None] - start_depth * step_depth
    bend = np.maximum((step * step).sum(-1)[:, None] - step_depth**2, 1e-12)
    found = np.full(slope.shape, -np.inf)
    # A capsule is a row of balls: the one nearest to the ray counts, and both ends, of which one is
    # the foremost.
    for at in (np.clip(-slope / bend, 0, 1), 0.0, 1.0):
        gap2 = np.maximum(square + at * (2 * slope + at * bend), 0)
        front = start_depth + at * step_depth - np.sqrt(np.maximum(flesh.radius**2 - gap2, 0))
        before = far - front - flesh.allowed
        found = np.maximum(found, np.minimum(flesh.radius - np.sqrt(gap2), before))
    return found.max(-1)


@lru_cache(maxsize=4)
def _flesh_of(body: BodyModel) -> Flesh:
    """Of a body in the rest pose."""
    # A part that ends in no joint goes on in the direction of the bone before it.
    first = np.array([body.parents[a] if b is None else a for _, a, b in SEGMENTS])
    second = np.array([a if b is None else b for _, a, b in SEGMENTS])
    ends, radii = [], []
    for (part, _, _), a, b in zip(SEGMENTS, first, second, strict=True):
        line = body.joint_template[b] - body.joint_template[a]
        length = np.linalg.norm(line)
        skin = body.v_template[body.part_id == part] - body.joint_template[a]
        if not len(skin):  # of a model without toes, say
            ends.append([0.0, 0.0])
            radii.append(0.0)
            continue
        along = skin @ line / length
        off = np.linalg.norm(skin - along[:, None] * (line / length), axis=1)
        radius = np.percentile(off, _THICKNESS)
        low, high = np.percentile(along, [_ENDS, 100 - _ENDS])
        middle = (low + high) / 2
        ends.append([min(low + radius, middle) / length, max(high - radius, middle) / length])
        radii.append(radius)
    start, end = np.array(ends).T
    return Flesh(first, second, start, end, np.array(radii), allowed_depth(body))
