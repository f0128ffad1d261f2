"""Joint orders of the published files."""

from __future__ import annotations

from hmr_ros.body.joint_sets import JOINT_SETS
from hmr_ros.body.model import JOINT_NAMES

SMPL24 = JOINT_NAMES
H36M17 = tuple(JOINT_SETS["h36m17"])
H36M14 = tuple(JOINT_SETS["h36m14"])
COCO17 = tuple(JOINT_SETS["coco17"])
# SMPL-X: the body's joints are SMPL's without the two hands.
SMPLX22 = JOINT_NAMES[:22]
# OpenPose's COCO model, 3DPW's poses2d.
OPENPOSE18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
CROWDPOSE14 = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head_top",
    "neck",
)  # fmt: skip
# Rows of J_regressor_h36m.npy that make the 14 joints, in H36M14's order.
H36M17_TO_14 = tuple(H36M17.index({"neck": "thorax"}.get(name, name)) for name in H36M14)
