"""What knowing nothing but the box is worth: the mean body, upright, facing the camera."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.evaluation.synocc.answers import Answer
from hmr_ros.frame import Frame
from hmr_ros.geometry.rotations import matrix_from_axis_angle, nearest_rotation

# Body (Y up, facing +Z) to optical frame, upright and facing the camera.
FACING = np.diag([1.0, -1.0, -1.0])
FRAMES = 4000


class MeanPose:
    """Mean rotations and mean shape of the training clips, sized and placed to fill the box.

    Its covariance is how far the joints of the training clips are from it when people face
    anywhere, so it is a model that knows little and says so.
    """

    name = "mean-pose"

    def __init__(self, body: BodyModel, motions: Motions) -> None:
        rng = np.random.default_rng(0)
        rows = rng.choice(len(motions.poses), min(FRAMES, len(motions.poses)), replace=False)
        poses = matrix_from_axis_angle(motions.poses[np.sort(rows)].astype(np.float64))
        mean = nearest_rotation(poses.mean(0))
        mean[0] = FACING
        yaw = rng.uniform(-np.pi, np.pi, (len(poses), 1)) * [0.0, 1.0, 0.0]
        poses[:, 0] = FACING @ matrix_from_axis_angle(yaw) @ poses[:, 0]
        rest = rest_joints(body, np.zeros((1, 10)))
        joints, _ = forward_kinematics(mean[None], rest, body.parents)
        others, _ = forward_kinematics(poses, np.repeat(rest, len(poses), 0), body.parents)
        joints, others = joints[0] - joints[0, 0], others - others[:, :1]
        gap = others - joints
        self._rotations = mean.astype(np.float32)
        self._joints = joints
        self._covariance = np.einsum("nja,njb->jab", gap, gap).astype(np.float32) / len(gap)
        # From the soles to the crown: the box ends there, not at the outermost joints.
        self._low, self._high = joints[:, 1].max() + 0.08, joints[:, 1].min() - 0.15

    def given(self, frame: Frame, boxes: np.ndarray) -> Answer:
        """One row a box [N, 4]; the box's height is taken for the stature."""
        boxes = np.asarray(boxes, float)
        height = self._low - self._high
        depth = frame.camera.fy * height / np.maximum(boxes[:, 3], 1)
        middle = boxes[:, :2] + boxes[:, 2:] / 2
        place = np.append(frame.camera.rays(middle), np.ones((len(boxes), 1)), 1) * depth[:, None]
        place[:, 1] -= (self._low + self._high) / 2
        joints = self._joints + place[:, None]
        n = len(boxes)
        return Answer(
            found=np.ones(n, bool),
            answered=np.ones(n, bool),
            joints=joints.astype(np.float32),
            joints_2d=frame.camera.project(joints).astype(np.float32),
            rotations=np.tile(self._rotations, (n, 1, 1, 1)),
            betas=np.zeros((n, 10), np.float32),
            joint_cov=np.tile(self._covariance, (n, 1, 1, 1)),
        )

    def detected(self, frame: Frame) -> None:
        """It finds nobody."""
        return None
