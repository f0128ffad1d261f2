"""People and answers made up for tests of the benchmark: no picture is drawn."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.scenes.things import Thing
from hmr_ros.evaluation.synocc.answers import Answer, Truth, no_answer
from hmr_ros.evaluation.synocc.errors import errors_of
from hmr_ros.evaluation.synocc.still import LEVELS
from hmr_ros.evaluation.synocc.study import GIVEN, Study
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rotations import matrix_from_axis_angle

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)


def made_truth(body: BodyModel, count: int = 90, seed: int = 0) -> Truth:
    """``count`` people 3 m away, two a picture, some joints hidden by furniture or a person."""
    rng = np.random.default_rng(seed)
    rotations = matrix_from_axis_angle(rng.normal(0, 0.2, (count, 24, 3)))
    rotations[:, 0] = np.diag([1.0, -1.0, -1.0]) @ rotations[:, 0]
    betas = rng.normal(0, 1, (count, 10)).astype(np.float32)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    joints = (joints + [0, 0.2, 3]).astype(np.float32)
    visibility = rng.choice([HIDDEN, SELF_OCCLUDED, VISIBLE], (count, 24), p=[0.3, 0.1, 0.6])
    occluder = np.where(visibility == SELF_OCCLUDED, Thing.SELF, Thing.NOTHING)
    hiding = rng.choice([Thing.FURNITURE, Thing.PERSON, Thing.BORDER], (count, 24))
    occluder = np.where(visibility == HIDDEN, hiding, occluder)
    flat = CAMERA.project(joints)
    low, high = flat.min(1) - 10, flat.max(1) + 10
    boxes = np.concatenate([low, high - low], 1).astype(np.float32)
    image = np.arange(count) // 2
    return Truth(
        image=image,
        person=np.arange(count) % 2,
        level=np.array(LEVELS)[image % 3],
        joints=joints,
        joints_2d=flat.astype(np.float32),
        visibility=visibility.astype(np.uint8),
        occluder=occluder.astype(np.uint8),
        rotations=rotations.astype(np.float32),
        betas=betas,
        boxes=boxes,
        given=boxes,
        shown=np.full(count, 0.7, np.float32),
        intrinsics=np.tile(np.float32([500, 500, 319.5, 239.5]), (count, 1)),
    )


def noisy_answer(truth: Truth, std: float, claimed: float, seed: int = 1) -> Answer:
    """The truth with errors of standard deviation ``std`` metres about the pelvis, and a
    covariance that claims ``claimed``."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, std, truth.joints.shape)
    noise[:, 0] = 0
    joints = (truth.joints + noise).astype(np.float32)
    everybody = np.ones(len(truth), bool)
    return Answer(
        found=everybody,
        answered=everybody,
        joints=joints,
        joints_2d=CAMERA.project(joints),
        rotations=truth.rotations,
        betas=truth.betas,
        joint_cov=np.tile(np.float32(claimed**2 * np.eye(3)), (len(truth), 24, 1, 1)),
    )


def limb_answer(truth: Truth, std: float, found: np.ndarray, seed: int = 2) -> Answer:
    """As a peer answers: limb joints only, no mesh, no uncertainty, and only the people found."""
    from hmr_ros.evaluation.subsets import LIMB

    noisy = noisy_answer(truth, std, 1.0, seed)
    answer = no_answer(len(truth))
    rows = np.ix_(found, list(LIMB))
    answer.joints[rows] = noisy.joints[rows]
    answer.joints_2d[rows] = noisy.joints_2d[rows]
    return answer.replace(found=found, answered=found)


def made_study(body: BodyModel, **answers: Answer) -> Study:
    """A study of the protocol with given boxes; the truth is ``made_truth``'s."""
    truth = made_truth(body)
    errors = {name: errors_of(truth, answer, body) for name, answer in answers.items()}
    return Study(truth, {GIVEN: answers}, {GIVEN: errors}, {}, len(np.unique(truth.image)))
