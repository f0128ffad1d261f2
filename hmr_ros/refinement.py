"""Pose refinement: a few Gauss-Newton steps that lay the body on its confident keypoints.

The network's body is the prior, each joint held with a stiffness of its own; the keypoints are the
measurement. What the image shows comes nearer to it, what it does not show stays as estimated, and
the out-of-plane part of a limb moves as little as the image allows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.fitting import fit
from hmr_ros.body.keypoints import bone_parts
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People

# Standard deviation in radians of each rotation around the network's: the trunk is well estimated
# and moves everything, so it is stiff, and so is the root; limbs give way.
JOINT_STD = np.full(24, 0.20)
JOINT_STD[[3, 6, 9, 13, 14]] = 0.06  # spine and collars
JOINT_STD[[12, 15, 10, 11, 20, 21, 22, 23]] = 0.12  # neck, head, feet, wrists, hands
JOINT_STD[0] = 0.03
TRANSL_STD = np.array([0.1, 0.1, 0.15])  # share of the distance
# Of the body's size in the image, at confidence 1. It and the root's stiffness were chosen on
# rendered people of val (`hmr eval synocc-still --split val --images 250 --protocol given --model
# baseline --model baseline:refine_steps=0`): keypoints are a little off together, as the network
# has learned, and some that are confident belong to another limb. Refinement costs 1 mm of 190 in
# space there; with half as much trust again, and a root as soft as 0.15, it cost 7 mm and showed no
# more in the image.
KEYPOINT_STD = 0.03
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
    size = np.maximum(persons.boxes[:, 2:].max(1), 1).astype(np.float64) / camera.fx
    # What is beyond the reach of the lens has no ray to be pulled to.
    weights = _weights(persons, size) * np.isfinite(rays).all(-1)
    information = 1 / np.square(
        np.concatenate(
            [np.tile(np.repeat(JOINT_STD, 3), (len(rows), 1)), TRANSL_STD * transl[:, 2:]], 1
        )
    )
    fit(
        rotations,
        transl,
        rest,
        body.parents,
        anchors,
        share,
        np.nan_to_num(rays),
        weights,
        OUTLIER * size,
        information,
        steps,
        MAX_STEP_RAD,
    )
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
    at_rest = template + np.einsum("kbcs,ns->nkbc", shape, betas, optimize=True)
    return np.ascontiguousarray(at_rest), share
