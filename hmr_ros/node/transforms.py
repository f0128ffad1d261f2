"""The skeletons of one image as one message on /tf."""

from __future__ import annotations

import re
import struct
from functools import lru_cache

import numpy as np
from geometry_msgs.msg import TransformStamped
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.rotations import quaternion_from_matrix
from hmr_ros.tracks import Tracks

PARENT = 16  # where the first frame_id begins: after the encapsulation, the count and the stamp
PELVIS = re.compile(rb"(^|/|_)body_\d+/pelvis$")


@lru_cache(maxsize=4096)
def frame_name(prefix: str, track_id: int, joint: str) -> str:
    """``<prefix>body_<id>/<joint>``, with nothing in it that tf2 or a URDF would refuse.

    tf2 names hold letters, digits, '_', '-', '/' and do not start with a slash.
    """
    clean = re.sub(r"[^A-Za-z0-9_/-]", "_", prefix).lstrip("/")
    return f"{clean}body_{track_id}/{joint}"


def tells_of_people(data: bytes) -> bool:
    """Whether a serialised TFMessage (CDR) begins with somebody's pelvis: then it is a message of
    ``Skeletons``, this node's or another's, and nothing else is in it."""
    try:
        order = "<" if data[1] & 1 else ">"
        (length,) = struct.unpack_from(f"{order}I", data, PARENT)
        child = PARENT + 4 + length + -length % 4
        (length,) = struct.unpack_from(f"{order}I", data, child)
    except (IndexError, struct.error):
        return False
    return PELVIS.search(bytes(data[child + 4 : child + 3 + length])) is not None


class Skeletons:
    """Writes TFMessages. Each joint is a child of its parent joint, as in SMPL, so that a viewer
    draws the skeleton and the rotation of each transform is the joint's SMPL rotation; the pelvis
    is a child of the camera's optical frame."""

    def __init__(self, body: BodyModel) -> None:
        self._body = body
        self._pool: list[TransformStamped] = []  # building these anew costs more than filling them

    def message(self, header: Header, tracks: Tracks, prefix: str) -> TFMessage:
        """All joints of all people, each with the stamp of the image. The message is valid until
        the next call."""
        b, parents = tracks.bodies, self._body.parents
        rotations = b.rotations.astype(np.float64)
        quaternions = quaternion_from_matrix(rotations).reshape(-1, 4).tolist()
        offsets = _offsets(rotations, b.joints.astype(np.float64), parents).reshape(-1, 3).tolist()
        names = [
            frame_name(prefix, track_id, joint)
            for track_id in tracks.ids.tolist()
            for joint in self._body.joint_names
        ]
        joints = len(parents)
        while len(self._pool) < len(names):
            self._pool.append(TransformStamped())
        for k, name in enumerate(names):
            t = self._pool[k]
            person, joint = divmod(k, joints)
            t.header.stamp = header.stamp
            t.header.frame_id = (
                header.frame_id if joint == 0 else names[person * joints + int(parents[joint])]
            )
            t.child_frame_id = name
            p, q = t.transform.translation, t.transform.rotation
            p.x, p.y, p.z = offsets[k]
            q.x, q.y, q.z, q.w = quaternions[k]
        return TFMessage(transforms=self._pool[: len(names)])


def _offsets(rotations: np.ndarray, joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Position of each joint in its parent's frame [N, 24, 3]; of the pelvis in the camera's."""
    _, to_camera = forward_kinematics(rotations, joints, parents)
    step = joints[:, 1:] - joints[:, parents[1:]]
    local = np.einsum("njba,njb->nja", to_camera[:, parents[1:]], step)
    return np.concatenate([joints[:, :1], local], 1)
