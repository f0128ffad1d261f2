"""``hmr_ros/SmplBodyArray`` back to ``Tracks``: for whoever records, draws or evaluates bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.geometry.rotations import matrix_from_quaternion
from hmr_ros.people import KEYPOINT_SETS
from hmr_ros.tracks import Tracks


def tracks_from_message(message) -> Tracks:
    """The people of a ``SmplBodyArray`` (or anything with its fields).

    Optional values the message does not carry are filled in: ``found`` is True where keypoints
    came along. Bodies whose keypoints are missing, or of another set than the first body's, have
    keypoints of confidence 0.
    """
    bodies = message.bodies
    stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
    names = [b.keypoint_set for b in bodies if b.keypoint_set]
    keypoint_set = names[0] if names else "blazepose33"
    return Tracks(
        bodies=_bodies(bodies, message.model, keypoint_set),
        ids=np.array([b.id for b in bodies], np.int64),
        states=np.array([b.tracking_state for b in bodies], np.uint8),
        ages_s=np.array([b.age for b in bodies], np.float32),
        stamp=stamp,
    )


def _bodies(bodies, model: str, keypoint_set: str) -> Bodies:
    if not bodies:
        return no_bodies(model, keypoint_set)
    n = len(bodies)
    quaternions = np.array([[(q.x, q.y, q.z, q.w) for q in b.rotations] for b in bodies])
    rotations = matrix_from_quaternion(quaternions).astype(np.float32)
    covariances = np.array([b.pelvis.covariance for b in bodies], np.float32).reshape(n, 6, 6)
    keypoints = [_keypoints(b, keypoint_set) for b in bodies]
    return replace(
        no_bodies(model, keypoint_set),
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:],
        betas=_rows(bodies, "betas"),
        transl=np.array([(b.transl.x, b.transl.y, b.transl.z) for b in bodies], np.float32),
        joints=np.array([[(p.x, p.y, p.z) for p in b.joints] for b in bodies], np.float32),
        joint_cov=_rows(bodies, "joint_covariances").reshape(n, 24, 3, 3),
        joint_tails=_rows(bodies, "joint_tails"),
        transl_cov=covariances[:, :3, :3],
        visibility=_rows(bodies, "visibility"),
        joints_2d=_rows(bodies, "joints_2d").reshape(n, 24, 2),
        keypoints_2d=np.stack(keypoints),
        boxes=_rows(bodies, "box"),
        scores=np.array([b.score for b in bodies], np.float32),
        found=np.array([k[:, 2].any() for k in keypoints]),
        metric=np.array([b.metric for b in bodies]),
    )


def _rows(bodies, field: str) -> np.ndarray:
    return np.array([getattr(b, field) for b in bodies], np.float32)


def _keypoints(body, keypoint_set: str) -> np.ndarray:
    points = np.array(body.keypoints_2d, np.float32).reshape(-1, 3)
    if body.keypoint_set != keypoint_set or not len(points):
        return np.zeros((KEYPOINT_SETS[keypoint_set], 3), np.float32)
    return points
