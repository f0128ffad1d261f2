"""Films made for tests, and one person of whom everything is known."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.data.films import Film
from hmr_ros.geometry.camera_pose import LEVEL
from hmr_ros.training.followed_people import Followed, with_elapsed


def made_film(frames: int = 40, people: int = 2) -> Film:
    rng = np.random.default_rng(0)

    def turns(*shape):
        q, _ = np.linalg.qr(np.eye(3) + 0.3 * rng.normal(size=(*shape, 3, 3)))
        return (q * np.sign(np.diagonal(q, axis1=-2, axis2=-1))[..., None, :]).astype(np.float32)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    at = (frames, people)
    pelvis = [0, 0, 4] + 0.2 * normal(*at, 3)
    seen = rng.random(at) < 0.9
    camera = turns(frames) @ np.diag([1.0, -1, -1]).astype(np.float32)
    return Film(
        stamps=np.arange(frames) / 15,
        seen=seen,
        rotations=turns(*at, 24),
        betas=normal(*at, 10),
        pelvis=pelvis.astype(np.float32),
        joint_cov=np.tile(0.01 * np.eye(3, dtype=np.float32), (*at, 24, 1, 1)),
        transl_cov=np.tile(0.04 * np.eye(3, dtype=np.float32), (*at, 1, 1)),
        visibility=rng.random((*at, 24)).astype(np.float32),
        keypoints=rng.random((*at, 33, 3)).astype(np.float32),
        box=np.tile(np.array([-0.1, -0.3, 0.1, 0.3], np.float32), (*at, 1)),
        true_rotations=turns(*at, 24),
        true_betas=normal(people, 10),
        true_pelvis=pelvis.astype(np.float32),
        true_visibility=rng.integers(0, 3, (*at, 24)).astype(np.uint8),
        camera_rotations=camera,
        camera_positions=normal(frames, 3),
        odometry_rotations=camera,
        odometry_positions=normal(frames, 3),
    )


def swinging(body, frames: int = 12, fps: float = 10.0, speed: float = 0.5) -> Followed:
    """Somebody who tips over a foot that rests, at ``speed`` rad/s, seen exactly by a camera that
    turns; odometry faces another way than the world."""
    stamps = np.arange(frames) / fps

    def yaw(angle):
        return Rotation.from_euler("y", angle).as_matrix()

    # Looks down: without, its rotations would be their own inverses.
    down = Rotation.from_euler("x", 0.3).as_matrix()
    camera = np.array([down @ LEVEL @ yaw(0.4 * t) for t in stamps])
    upright = Rotation.from_euler("z", speed * (stamps - stamps.mean())[:, None]).as_matrix()
    rotations = np.tile(np.eye(3), (frames, 24, 1, 1))
    rotations[:, 0] = upright
    rest = np.tile(rest_joints(body, np.zeros((1, 10))), (frames, 1, 1))
    joints, _ = forward_kinematics(rotations, rest, body.parents)
    pelvis = [0.2, 0.1, -4.0] - (joints[:, 10] - joints[:, 0])
    rotations[:, 0] = camera @ upright
    seen = {
        "rotations": rotations,
        "betas": np.zeros((frames, 10)),
        "pelvis": np.einsum("tab,tb->ta", camera, pelvis),
    }
    return with_elapsed(
        seen
        | {f"true_{name}": value for name, value in seen.items()}
        | {
            "joint_std": np.full((frames, 24), 0.1),
            "distance_std": np.full(frames, 0.1),
            "visibility": np.ones((frames, 24)),
            "keypoints": np.zeros((frames, 33, 3)),
            "box": np.tile([-0.1, -0.3, 0.1, 0.3], (frames, 1)),
            "camera_rotation": camera @ yaw(1.0),
            "camera_position": np.zeros((frames, 3)),
            "stamps": stamps,
            "true_visibility": np.zeros((frames, 24), np.uint8),
            "true_camera": camera,
            "true_position": np.zeros((frames, 3)),
        }
    )
