"""The one result type: SMPL bodies of one image, in the camera's optical frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.batch import EqualLength


@dataclass(frozen=True)
class Bodies(EqualLength):
    """N bodies. Camera optical frame (REP-103: x right, y down, z forward), metres.

    global_orient: [N, 3, 3] float32, rotation of the pelvis: body (Y up, facing +Z) to camera.
    body_pose:     [N, 23, 3, 3] float32, local rotation of joints 1..23.
    betas:         [N, 10] float32, shape coefficients of ``body_model`` (not interchangeable).
    transl:        [N, 3] float32, added to every vertex and joint after posing (SMPL's ``transl``).
    joints:        [N, 24, 3] float32, posed joints in the camera frame (``transl`` included).
    joint_cov:     [N, 24, 3, 3] float32, covariance of ``joints`` relative to the pelvis, m^2.
    joint_tails:   [N, 24] float32, tails of these errors as of ``hmr_ros.regions`` (0: Gaussian);
                   of joint 0 the tail of the pelvis position's.
    transl_cov:    [N, 3, 3] float32, covariance of the pelvis position, m^2.
    visibility:    [N, 24] float32 in [0, 1], probability that the joint is seen (occluded neither
                   by the own body nor by anything else, not outside the image).
    joints_2d:     [N, 24, 2] float32, ``joints`` projected to pixels (distortion applied).
    keypoints_2d:  [N, K, 3] float32, the front end's keypoints that the estimate came from.
    boxes:         [N, 4] float32, x, y, width, height in pixels.
    scores:        [N] float32 in [0, 1].
    found:         [N] bool, False if no keypoints were found and the body is only the prior.
    metric:        [N] bool, True if distances are in true metres (real intrinsics or depth).
    body_model:    name of the body model that ``betas`` belong to.
    keypoint_set:  meaning of ``keypoints_2d``.
    """

    global_orient: np.ndarray
    body_pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    joint_cov: np.ndarray
    joint_tails: np.ndarray
    transl_cov: np.ndarray
    visibility: np.ndarray
    joints_2d: np.ndarray
    keypoints_2d: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    found: np.ndarray
    metric: np.ndarray
    body_model: str = "open_body"
    keypoint_set: str = "blazepose33"

    @property
    def rotations(self) -> np.ndarray:
        """[N, 24, 3, 3], ``global_orient`` and ``body_pose`` as skinning takes them."""
        return np.concatenate([self.global_orient[:, None], self.body_pose], 1)


def no_bodies(body_model: str = "open_body", keypoint_set: str = "blazepose33") -> Bodies:
    """The empty scene."""
    from hmr_ros.people import KEYPOINT_SETS

    def empty(*shape: int, dtype=np.float32) -> np.ndarray:
        return np.zeros((0, *shape), dtype)

    return Bodies(
        global_orient=empty(3, 3),
        body_pose=empty(23, 3, 3),
        betas=empty(10),
        transl=empty(3),
        joints=empty(24, 3),
        joint_cov=empty(24, 3, 3),
        joint_tails=empty(24),
        transl_cov=empty(3, 3),
        visibility=empty(24),
        joints_2d=empty(24, 2),
        keypoints_2d=empty(KEYPOINT_SETS[keypoint_set], 3),
        boxes=empty(4),
        scores=empty(),
        found=empty(dtype=bool),
        metric=empty(dtype=bool),
        body_model=body_model,
        keypoint_set=keypoint_set,
    )
