"""Bodies made for tests, of which everything is known."""

import numpy as np
from scipy.spatial.transform import Rotation

from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.geometry.camera import Camera

CAMERA = Camera(640, 480, 600, 600, 319.5, 239.5)


def somebody(body, x: float, z: float, facing_rad: float = 0.0) -> Bodies:
    """One upright body in rest pose at (x, 0, z) of the camera frame."""
    flip = np.diag([1.0, -1.0, -1.0]) @ Rotation.from_euler("y", facing_rad).as_matrix()
    rotations = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    rotations[0, 0] = flip
    betas = np.zeros((1, 10), np.float32)
    transl = np.array([[x, 0, z]], np.float32)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    joints = (joints + transl[:, None]).astype(np.float32)
    return Bodies(
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:],
        betas=betas,
        transl=transl,
        joints=joints,
        joint_cov=np.tile(0.01 * np.eye(3, dtype=np.float32), (1, 24, 1, 1)),
        joint_tails=np.zeros((1, 24), np.float32),
        transl_cov=np.tile(0.01 * np.eye(3, dtype=np.float32), (1, 1, 1)),
        visibility=np.ones((1, 24), np.float32),
        joints_2d=CAMERA.project(joints),
        keypoints_2d=np.zeros((1, 33, 3), np.float32),
        boxes=np.zeros((1, 4), np.float32),
        scores=np.ones(1, np.float32),
        found=np.ones(1, bool),
        metric=np.ones(1, bool),
    )
