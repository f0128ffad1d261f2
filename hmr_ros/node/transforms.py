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
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.tracks import Tracks

PARENT = 16  # where the first frame_id begins: after the encapsulation, the count and the stamp
PELVIS = re.compile(rb"(^|/|_)body_\d+/pelvis$")


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
        self._parents, self._joint_names = body.parents, body.joint_names
        self._template = lru_cache(maxsize=2)(self._laid_out)

    def draft(self, header: Header, tracks: Tracks, quaternions: np.ndarray, prefix: str) -> Draft:
        """All joints of all people, N > 0, each with the stamp of the image.

        quaternions: [N, 24, 4] xyzw of ``tracks.bodies.rotations``.
        """
        b = tracks.bodies
        rotations, joints = b.rotations.astype(np.float64), b.joints.astype(np.float64)
        values = {
            **stamp_of(header, "transforms.header"),
            "transforms.transform.translation": _offsets(rotations, joints, self._parents),
            "transforms.transform.rotation": quaternions,
        }
        return Draft(self._template(header.frame_id, prefix, tuple(tracks.ids.tolist())), values)

    def _laid_out(self, frame_id: str, prefix: str, ids: tuple[int, ...]) -> Template:
        transforms = []
        for track_id in ids:
            names = [frame_name(prefix, track_id, joint) for joint in self._joint_names]
            for name, parent in zip(names, self._parents.tolist(), strict=True):
                header = Header(frame_id=frame_id if parent < 0 else names[parent])
                transforms.append(TransformStamped(header=header, child_frame_id=name))
        return Template(TFMessage(transforms=transforms))


def _offsets(rotations: np.ndarray, joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Position of each joint in its parent's frame [N, 24, 3]; of the pelvis in the camera's."""
    _, to_camera = forward_kinematics(rotations, joints, parents)
    step = joints[:, 1:] - joints[:, parents[1:]]
    local = np.einsum("njba,njb->nja", to_camera[:, parents[1:]], step)
    return np.concatenate([joints[:, :1], local], 1)
