"""The keypoint lifter at run time: people and camera through the exported network to bodies.

The network takes rays and does all normalisation itself, so nothing of training is repeated here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.body.shape_transfer import transfer_betas
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.runtime.onnx_session import MEND, WeightsError, open_session, read_manifest

KEYPOINTS = 33
INPUTS = {"keypoints": (None, KEYPOINTS, 3), "box": (None, 4), "image": (None, 4)}
OUTPUTS = ("rotations", "betas", "pelvis", "joint_cov", "pelvis_cov", "visibility")
# Rays further out than this (84 degrees) come from a failed undistortion or a border at infinity.
FARTHEST_RAY = 10.0
# Where the network's BlazePose landmarks come from in each keypoint set.
LANDMARKS = {
    "blazepose33": np.arange(33),
    "coco17": np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]),
}


def fingerprint(body: BodyModel) -> str:
    """sha256 of what the network's betas mean on this body: joints and their shape directions."""
    values = np.concatenate([body.joint_template.ravel(), body.joint_shapedirs.ravel()])
    return hashlib.sha256(np.round(values * 1e5).astype("<i4").tobytes()).hexdigest()


def load(body_model: BodyModel, weights_path: str = "", threads: int = 2) -> Lifter:
    """Raises ``onnx_session.WeightsError`` for weights that are missing, damaged or foreign.

    threads is not used: reading the weights takes most of the 2 ms, and threads that wait for each
    other make it slower on a busy machine.
    """
    path = Path(weights_path) if weights_path else asset("weights", "lifter.onnx")
    session = open_session(path, INPUTS, OUTPUTS, threads=1)
    manifest = read_manifest(path, "lifter")
    trained_on = manifest["body_model"]
    native = body_model
    if body_model.name != trained_on["name"]:
        native = load_body_model()
    if native.name != trained_on["name"] or fingerprint(native) != trained_on["sha256"]:
        raise WeightsError(
            f"{path} was trained for body model {trained_on['name']!r} (joints "
            f"{trained_on['sha256'][:12]}), the one here is {native.name!r} (joints "
            f"{fingerprint(native)[:12]}), so its betas would be read wrongly: {MEND}"
        )
    return Lifter(session, native, body_model)


def open_network(path: Path, threads: int = 1):
    """The bare network: callable (keypoints, box, image) to its outputs, all float32 arrays."""
    session = open_session(path, INPUTS, OUTPUTS, threads)
    return lambda *inputs: session.run(OUTPUTS, dict(zip(INPUTS, inputs, strict=True)))


class Lifter:
    """Callable (People, Camera) -> Bodies, one row each in the same order.

    native: the body model the network speaks; target: the one the bodies are for. Rotations are
    shared between the two, betas are carried over by bone lengths.
    """

    def __init__(self, session, native: BodyModel, target: BodyModel) -> None:
        self._session, self._native, self._target = session, native, target

    def __call__(self, people: People, camera: Camera) -> Bodies:
        if len(people) == 0:
            return no_bodies(self._target.name, people.keypoint_set)
        outputs = self._session.run(OUTPUTS, network_inputs(people, camera))
        rotations, betas, pelvis, joint_cov, pelvis_cov, visibility = outputs
        if self._target is not self._native:
            betas = transfer_betas(self._native, self._target, betas).astype(np.float32)
        rest = rest_joints(self._target, betas).astype(np.float32)
        posed, _ = forward_kinematics(rotations, rest, self._target.parents)
        joints = (posed - posed[:, :1] + pelvis[:, None]).astype(np.float32)
        return Bodies(
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:],
            betas=betas,
            transl=pelvis - rest[:, 0],
            joints=joints,
            joint_cov=joint_cov,
            transl_cov=pelvis_cov,
            visibility=visibility * people.found[:, None],
            joints_2d=camera.project(joints).astype(np.float32),
            keypoints_2d=people.keypoints,
            boxes=people.boxes,
            scores=people.scores,
            found=people.found,
            metric=np.full(len(people), camera.metric),
            body_model=self._target.name,
            keypoint_set=people.keypoint_set,
        )


def network_inputs(people: People, camera: Camera) -> dict[str, np.ndarray]:
    """``keypoints`` [N, 33, 3], ``box`` [N, 4] and ``image`` [N, 4], all as rays, float32.

    Rays are x, y on the plane at z = 1 with distortion removed. Keypoints of people that were not
    found, and landmarks that the keypoint set lacks, have confidence 0. Raises ValueError for a
    keypoint set that has no place among the network's landmarks.
    """
    if people.keypoint_set not in LANDMARKS:
        known = ", ".join(LANDMARKS)
        raise ValueError(f"the lifter cannot read {people.keypoint_set!r} keypoints, only {known}")
    n = len(people)
    rays = _rays(camera, people.keypoints[..., :2])
    confidence = np.clip(np.nan_to_num(people.keypoints[..., 2]), 0, 1) * people.found[:, None]
    confidence = confidence * np.isfinite(camera.rays(people.keypoints[..., :2])).all(-1)
    keypoints = np.zeros((n, KEYPOINTS, 3), np.float32)
    keypoints[:, LANDMARKS[people.keypoint_set], :2] = rays
    keypoints[:, LANDMARKS[people.keypoint_set], 2] = confidence
    keypoints[keypoints[..., 2] == 0] = 0
    corners = people.boxes[:, [0, 1, 0, 1]] + people.boxes[:, [2, 3, 2, 3]] * [0, 0, 1, 1]
    box = _rays(camera, corners.reshape(n, 2, 2)).reshape(n, 4)
    right, bottom = camera.width - 0.5, camera.height - 0.5
    # Borders are read at the middle of each edge: distorted corners may have no ray.
    edges = _rays(
        camera,
        np.array([[-0.5, bottom / 2], [right, bottom / 2], [right / 2, -0.5], [right / 2, bottom]]),
    )
    image = np.array([edges[0, 0], edges[2, 1], edges[1, 0], edges[3, 1]])
    return {
        "keypoints": keypoints,
        "box": box.astype(np.float32),
        "image": np.tile(image.astype(np.float32), (n, 1)),
    }


def _rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    rays = camera.rays(pixels.astype(np.float64))
    # A place beyond the reach of the lens is as far out as can be, on its side.
    side = np.nan_to_num(np.sign(pixels - [camera.cx, camera.cy])) * FARTHEST_RAY
    return np.clip(np.where(np.isnan(rays), side, rays), -FARTHEST_RAY, FARTHEST_RAY)
