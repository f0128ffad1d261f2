"""Is this a human skeleton in metres, in the order of its names?

Files of another release may hold millimetres or the joints in another order, with every shape as
expected. Bones tell: their lengths lie within narrow limits for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import JOINT_NAMES, load_body_model
from hmr_ros.data.datasets.fields import Fields
from hmr_ros.geometry.rotations import matrix_from_axis_angle

# Bone: ends, shortest and longest in metres, from a child of three to a very tall adult.
_BONES = {
    "thigh": ("hip", "knee", 0.16, 0.65),
    "shin": ("knee", "ankle", 0.16, 0.65),
    "upper arm": ("shoulder", "elbow", 0.10, 0.50),
    "forearm": ("elbow", "wrist", 0.09, 0.45),
}
FARTHEST = 200.0


def check_skeleton(fields: Fields, field: str, joints: np.ndarray, names: Sequence[str]) -> None:
    """Raises DatasetError unless ``joints`` [M, J, 3] have the limbs of people in metres.

    The median over M counts, so that a single wild frame is no reason to refuse a file.
    """
    for side in ("left", "right"):
        for bone, (upper, lower, shortest, longest) in _BONES.items():
            ends = [names.index(f"{side}_{joint}") for joint in (upper, lower)]
            length = float(
                np.median(np.linalg.norm(joints[:, ends[0]] - joints[:, ends[1]], axis=1))
            )
            if shortest <= length <= longest:
                continue
            if shortest <= length / 1000 <= longest:
                raise fields.error(
                    field,
                    f"the {side} {bone} is {length:.0f} long: millimetres, expected metres",
                    "divide by 1000",
                )
            if shortest <= length * 1000 <= longest:
                raise fields.error(
                    field,
                    f"the {side} {bone} is {length * 1000:.2g} mm long: metres where this data set "
                    "has millimetres",
                    "multiply by 1000",
                )
            raise fields.error(
                field,
                f"the {side} {bone} is {length:.3g} m long: the joints are in another order than "
                f"{', '.join(names[:4])}, ..., or not in metres",
                "put them into this order",
            )


def posed_skeleton(poses: np.ndarray) -> np.ndarray:
    """Joints [M, 24, 3] in metres about the pelvis, of an average person in SMPL ``poses``.

    poses: [M, 24, 3] axis-angle. The open body stands in for the person: its bones are within a
    few centimetres of anybody's, joints in another order are not.
    """
    rest, parents = _average_person()
    rest = np.repeat(rest, len(poses), axis=0)
    joints, _ = forward_kinematics(matrix_from_axis_angle(poses), rest, parents)
    return joints - joints[:, :1]


@lru_cache
def _average_person() -> tuple[np.ndarray, np.ndarray]:
    model = load_body_model()
    return rest_joints(model, np.zeros((1, 10))), model.parents


def check_poses(
    fields: Fields, field: str, found: np.ndarray, wanted: np.ndarray, share: float = 0.12
) -> None:
    """Raises DatasetError unless joints of the poses meet those of the file.

    found, wanted: [M, 24, 2 or 3], both about the pelvis. share: how far apart joints may lie in
    the mean, as a share of the person's extent; the median over M counts.
    """
    extent = np.linalg.norm(np.ptp(wanted, axis=1), axis=1)
    apart = np.linalg.norm(found - wanted, axis=-1).mean(1) / np.maximum(extent, 1e-9)
    if not np.median(apart) < share:
        raise fields.error(
            field,
            f"is {100 * np.median(apart):.0f} % of the person's extent away from where the poses "
            f"put the joints: another joint order than {', '.join(JOINT_NAMES[:4])}, ...?",
            "poses and joints in SMPL's order? download it again",
        )


def few(count: int, most: int = 50) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` frames, evenly spread: enough to check a file."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def check_depth(fields: Fields, field: str, depth: np.ndarray) -> None:
    """Raises DatasetError unless people stand before the camera, within 200 m."""
    middle = float(np.median(depth))
    if middle > FARTHEST:
        raise fields.error(
            field,
            f"people are {middle:.0f} m away: millimetres, expected metres",
            "divide by 1000",
        )
    if middle <= 0:
        raise fields.error(
            field,
            f"people are {-middle:.2f} m behind the camera",
            "the extrinsics must take the world into the camera: invert them",
        )
