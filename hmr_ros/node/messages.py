"""``Tracks`` to ``hmr_ros/SmplBodyArray``."""

from __future__ import annotations

import array

import numpy as np
from std_msgs.msg import Header

from hmr_ros.geometry.rotations import quaternion_from_matrix
from hmr_ros.msg import SmplBody, SmplBodyArray
from hmr_ros.tracks import Tracks

# Variance of a rotation that is not estimated: one that could be anything.
UNKNOWN_ROTATION_VARIANCE = np.pi**2


def smpl_body_array(
    header: Header,
    tracks: Tracks,
    image_size: tuple[int, int],
    estimator: str,
    vertices: np.ndarray | None = None,
) -> SmplBodyArray:
    """The message for one image of ``image_size`` (width, height).

    vertices: [N, V, 3] float32 metres to be carried along, or None.
    ``latency_ms`` is left to the moment of publishing.
    """
    bodies = tracks.bodies
    message = SmplBodyArray(header=header, model=bodies.body_model, estimator=estimator)
    message.image_width, message.image_height = image_size
    message.processing_ms = float(tracks.timings_ms.get("total", 0.0))
    message.bodies = [
        _body(tracks, n, None if vertices is None else vertices[n]) for n in range(len(tracks))
    ]
    return message


def _body(tracks: Tracks, n: int, vertices: np.ndarray | None) -> SmplBody:
    b = tracks.bodies
    message = SmplBody(
        id=int(tracks.ids[n]),
        tracking_state=int(tracks.states[n]),
        age=float(tracks.ages_s[n]),
        score=float(b.scores[n]),
        model=b.body_model,
        keypoint_set=b.keypoint_set,
        metric=bool(b.metric[n]),
    )
    message.betas = _fixed(b.betas[n])
    rotations = np.concatenate([b.global_orient[n][None], b.body_pose[n]])
    quaternions = quaternion_from_matrix(rotations.astype(np.float64))
    for target, (x, y, z, w) in zip(message.rotations, quaternions.tolist(), strict=True):
        target.x, target.y, target.z, target.w = x, y, z, w
    for target, (x, y, z) in zip(message.joints, b.joints[n].tolist(), strict=True):
        target.x, target.y, target.z = x, y, z
    t = message.transl
    t.x, t.y, t.z = b.transl[n].tolist()

    pelvis = message.pelvis.pose
    pelvis.position.x, pelvis.position.y, pelvis.position.z = b.joints[n, 0].tolist()
    q = pelvis.orientation
    q.x, q.y, q.z, q.w = quaternions[0].tolist()
    covariance = np.diag([0.0] * 3 + [UNKNOWN_ROTATION_VARIANCE] * 3)
    covariance[:3, :3] = b.transl_cov[n]
    message.pelvis.covariance = covariance.ravel()

    message.joint_covariances = _fixed(b.joint_cov[n])
    message.joint_tails = _fixed(b.joint_tails[n])
    message.visibility = _fixed(b.visibility[n])
    message.joints_2d = _fixed(b.joints_2d[n])
    message.keypoints_2d = _sequence(b.keypoints_2d[n])
    message.box = _fixed(b.boxes[n])
    if vertices is not None:
        message.vertices = _sequence(vertices)
    return message


def _fixed(values: np.ndarray) -> np.ndarray:
    """For a ``float32[K]`` field: flat float32, a copy, as the message keeps the array."""
    return np.array(values, np.float32).ravel()


def _sequence(values: np.ndarray) -> array.array:
    """For a ``float32[]`` field; from bytes, a hundred times faster than from a list."""
    return array.array("f", np.ascontiguousarray(values, np.float32).tobytes())
