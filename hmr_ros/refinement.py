"""Pose refinement: a few Gauss-Newton steps that lay the body on its confident keypoints.

The network's body is the prior, each joint held with a stiffness of its own; the keypoints are the
measurement. What the image shows is then met to the pixel, what it does not show stays as
estimated, and the out-of-plane part of a limb moves as little as the image allows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.keypoints import bone_parts
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rotations import matrix_from_axis_angle, skew
from hmr_ros.people import People

# Standard deviation in radians of each rotation around the network's: the trunk is well estimated
# and moves everything, so it is stiff; limbs give way.
JOINT_STD = np.full(24, 0.20)
JOINT_STD[[3, 6, 9, 13, 14]] = 0.06  # spine and collars
JOINT_STD[[12, 15, 10, 11, 20, 21, 22, 23]] = 0.12  # neck, head, feet, wrists, hands
JOINT_STD[0] = 0.15
TRANSL_STD = np.array([0.1, 0.1, 0.15])  # share of the distance
KEYPOINT_STD = 0.02  # of the body's size in the image, at confidence 1
OUTLIER = 0.12  # of the body's size: residual at which a keypoint's pull falls to a quarter
BLIND = 0.15  # keypoints of less confidence pull nothing
MAX_STEP_RAD = 0.3


def refine(
    bodies: Bodies, people: People, camera: Camera, body: BodyModel, steps: int = 3
) -> Bodies:
    """Bodies with rotations, ``transl``, ``joints`` and ``joints_2d`` fitted to the keypoints.

    bodies must be placed (``hmr_ros.placement.place``). Rows without found keypoints come back as
    they are. Residuals are taken on the undistorted image plane; the robust weight (Geman-McClure)
    lets a keypoint on somebody else lose its pull.
    """
    seen = np.flatnonzero(people.found & (people.keypoints[..., 2] > BLIND).any(1))
    if steps == 0 or len(seen) == 0:
        return bodies
    rows, persons = bodies[seen], people[seen]
    rotations = rows.rotations.astype(np.float64)
    transl = rows.transl.astype(np.float64)
    rest = rest_joints(body, rows.betas).astype(np.float64)
    anchors, share = _anchored(body, rows.betas, people.keypoint_set)
    rays = camera.rays(persons.keypoints[..., :2].astype(np.float64))
    size = np.maximum(persons.boxes[:, 2:].max(1), 1) / camera.fx
    # What is beyond the reach of the lens has no ray to be pulled to.
    weights = _weights(persons, size) * np.isfinite(rays).all(-1)
    information = 1 / np.square(
        np.concatenate(
            [np.tile(np.repeat(JOINT_STD, 3), (len(rows), 1)), TRANSL_STD * transl[:, 2:]], 1
        )
    )
    moved = np.zeros_like(information)
    for _ in range(steps):
        step = _step(
            body, rotations, transl, rest, anchors, share, rays, weights, size, information, moved
        )
        moved += step
        rotations = _turned(body, rotations, rest, step[:, :72].reshape(-1, 24, 3))
        transl = transl + step[:, 72:]
        transl[:, 2] = np.maximum(transl[:, 2], 0.1)
    joints, _ = forward_kinematics(rotations, rest, body.parents)
    joints = joints + transl[:, None]
    fitted = {
        "global_orient": rotations[:, 0],
        "body_pose": rotations[:, 1:],
        "transl": transl,
        "joints": joints,
        "joints_2d": camera.project(joints),
    }
    changed = {}
    for name, value in fitted.items():
        changed[name] = getattr(bodies, name).copy()
        changed[name][seen] = value
    return bodies.replace(**changed)


def _weights(people: People, size: np.ndarray) -> np.ndarray:
    """[N, K] inverse variances on the image plane."""
    confidence = people.keypoints[..., 2].astype(np.float64)
    finite = np.isfinite(people.keypoints[..., :2]).all(-1)
    pull = np.where((confidence > BLIND) & finite, np.square(confidence), 0)
    return pull / np.square(KEYPOINT_STD * size)[:, None]


@lru_cache(maxsize=4)
def _influence(body: BodyModel, keypoint_set: str) -> tuple[np.ndarray, ...]:
    """Constant parts of the keypoints: template [K, 24, 3], shape [K, 24, 3, 10], share [K, 24]."""
    return bone_parts(body, keypoint_set)


def _anchored(
    body: BodyModel, betas: np.ndarray, keypoint_set: str
) -> tuple[np.ndarray, np.ndarray]:
    """What each bone carries of each keypoint at rest: sums [N, K, 24, 3] and shares [K, 24]."""
    template, shape, share = _influence(body, keypoint_set)
    return template[None] + np.einsum("kbcs,ns->nkbc", shape, betas, optimize=True), share


@lru_cache(maxsize=4)
def _descendants(parents: tuple[int, ...]) -> np.ndarray:
    """[24, 24] with 1 at (j, b) where bone b hangs on joint j, itself included."""
    below = np.eye(len(parents))
    for b in range(len(parents)):
        j = b
        while parents[j] >= 0:
            j = parents[j]
            below[j, b] = 1
    return below


def _step(
    body, rotations, transl, rest, anchors, share, rays, weights, size, information, moved
) -> np.ndarray:
    """One damped Gauss-Newton step [N, 75]: 24 world-axis rotations, then the translation."""
    n, k = weights.shape
    joints, world = forward_kinematics(rotations, rest, body.parents)
    # Each bone's part of each keypoint, posed: [N, K, 24, 3].
    local = anchors - share[None, :, :, None] * rest[:, None]
    parts = np.einsum("nbij,nkbj->nkbi", world, local, optimize=True)
    parts = parts + share[None, :, :, None] * joints[:, None]
    points = parts.sum(2) + transl[:, None]
    below = _descendants(tuple(int(p) for p in body.parents))
    # A turn w of joint j moves the keypoint by w x lever, lever = what hangs on j seen from j.
    lever = np.einsum("jb,nkbi->nkji", below, parts, optimize=True)
    lever = lever - (share @ below.T)[None, :, :, None] * joints[:, None]
    depth = np.maximum(points[..., 2], 0.05)
    flat = points[..., :2] / depth[..., None]
    projection = np.zeros((n, k, 2, 3))
    projection[..., 0, 0] = projection[..., 1, 1] = 1 / depth
    projection[..., 2] = -flat / depth[..., None]
    turn = -np.einsum("nkai,nkjil->nkajl", projection, skew(lever), optimize=True)
    jacobian = np.concatenate([turn.reshape(n, k, 2, 72), projection], -1)
    residual = np.nan_to_num(rays) - flat
    robust = 1 / (1 + np.square(residual).sum(-1) / np.square(OUTLIER * size)[:, None])
    pull = (weights * np.square(robust))[..., None, None]
    stacked = jacobian.reshape(n, 2 * k, 75)
    weighted = (pull * jacobian).reshape(n, 2 * k, 75)
    normal = np.swapaxes(weighted, 1, 2) @ stacked
    normal[:, np.arange(75), np.arange(75)] += information
    right = (np.swapaxes(weighted, 1, 2) @ residual.reshape(n, 2 * k, 1))[..., 0]
    step = np.linalg.solve(normal, (right - information * moved)[..., None])[..., 0]
    largest = np.abs(step[:, :72]).max(1, keepdims=True)
    return step * np.minimum(1, MAX_STEP_RAD / np.maximum(largest, 1e-9))


def _turned(
    body: BodyModel, rotations: np.ndarray, rest: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """Local rotations [N, 24, 3, 3] after each joint's subtree turned about world axes."""
    _, world = forward_kinematics(rotations, rest, body.parents)
    camera_axes = np.tile(np.eye(3), (len(world), 1, 1, 1))
    parent = np.concatenate([camera_axes, world[:, body.parents[1:]]], 1)
    turn = matrix_from_axis_angle(turns)
    return np.swapaxes(parent, -1, -2) @ turn @ parent @ rotations
