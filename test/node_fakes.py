"""Stand-ins for the node's tests: people made of real poses, and message-like objects."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import guessed_camera
from hmr_ros.geometry.rotations import matrix_from_axis_angle
from hmr_ros.runtime.backends.backend import BackendError
from hmr_ros.runtime.serving import Served
from hmr_ros.tracks import Tracks, TrackState

FLIP = np.diag([1.0, -1.0, -1.0]).astype(np.float32)  # standing upright, facing the camera


def standing(count: int, seed: int = 0, camera=None, stamp: float = 1.0, body=None) -> Tracks:
    """``count`` people in random poses, 1 m apart, 4 m in front of the camera."""
    body = body or load_body_model()
    camera = camera or guessed_camera(640, 480)
    if count == 0:
        empty = np.zeros(0)
        return Tracks(
            no_bodies(body.name),
            empty.astype(np.int64),
            empty.astype(np.uint8),
            empty.astype(np.float32),
            stamp,
        )
    rng = np.random.default_rng(seed)
    pose = matrix_from_axis_angle(0.3 * rng.standard_normal((count, 23, 3))).astype(np.float32)
    orient = np.tile(FLIP, (count, 1, 1))
    betas = rng.standard_normal((count, 10)).astype(np.float32)
    transl = np.stack(
        [np.arange(count) - (count - 1) / 2, np.full(count, 0.2), np.full(count, 4)], -1
    )
    transl = transl.astype(np.float32)
    rotations = np.concatenate([orient[:, None], pose], 1)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    joints = (joints + transl[:, None]).astype(np.float32)
    spread = rng.standard_normal((count, 24, 3, 3)).astype(np.float32) * 0.05
    bodies = Bodies(
        global_orient=orient,
        body_pose=pose,
        betas=betas,
        transl=transl,
        joints=joints,
        joint_cov=spread @ np.swapaxes(spread, -1, -2),
        joint_tails=0.3 * rng.random((count, 24)).astype(np.float32),
        transl_cov=np.tile(np.diag([0.01, 0.02, 0.3]), (count, 1, 1)).astype(np.float32),
        visibility=rng.random((count, 24)).astype(np.float32),
        joints_2d=camera.project(joints).astype(np.float32),
        keypoints_2d=rng.random((count, 33, 3)).astype(np.float32),
        boxes=rng.random((count, 4)).astype(np.float32) * 100,
        scores=np.full(count, 0.9, np.float32),
        found=np.ones(count, bool),
        metric=np.full(count, camera.metric),
        body_model=body.name,
    )
    return Tracks(
        bodies=bodies,
        ids=np.arange(1, count + 1, dtype=np.int64),
        states=np.full(count, TrackState.TRACKED, np.uint8),
        ages_s=np.full(count, 2.5, np.float32),
        stamp=stamp,
        timings_ms={"total": 12.5},
    )


class FakePipeline:
    """Answers every frame with people, as many as the first pixel's blue value says (at most 5).

    Blue 255 raises, 254 takes a second, 253 is a device that fails, 252 one that does so late.
    """

    def __init__(self, settings: SimpleNamespace) -> None:
        if settings.weights_path == "missing.onnx":
            raise FileNotFoundError("weights_path: missing.onnx does not exist")
        self.settings = settings
        self.body = load_body_model()
        self.resets = 0
        self.closed = False
        self.serving = SimpleNamespace(served=Served("fake", "CPU", "made up", "float32"))
        self.finder = SimpleNamespace(search_problem="")
        self.calls: list[tuple] = []
        self.poses: list = []

    def warm_up(self) -> None:
        """Nothing is compiled here; the weights "broken.onnx" fail only now."""
        if self.settings.weights_path == "broken.onnx":
            raise ValueError("weights_path: broken.onnx gives no bodies")

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True

    def __call__(self, frame, people=None, boxes=None, pose=None) -> Tracks:
        import time

        self.calls.append((frame, people, boxes))
        self.poses.append(pose and pose())
        count = int(frame.image[0, 0, 0])
        if count == 255:
            raise RuntimeError("the backend broke")
        if count == 252:
            time.sleep(0.3)
        if count in (252, 253):
            raise BackendError("CUDA error: an illegal memory access was encountered")
        if count == 254:
            time.sleep(1.0)
        return standing(min(count, 5), camera=frame.camera, stamp=frame.stamp, body=self.body)


def stamp(seconds: float) -> SimpleNamespace:
    ns = round(seconds * 1e9)
    return SimpleNamespace(sec=ns // 1_000_000_000, nanosec=ns % 1_000_000_000)


def image_like(data: bytes, encoding: str, width: int, height: int, step: int, big=0):
    """An object with the fields of sensor_msgs/Image."""
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp(1.0), frame_id="camera_optical"),
        data=data,
        encoding=encoding,
        width=width,
        height=height,
        step=step,
        is_bigendian=big,
    )
