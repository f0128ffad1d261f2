"""What the exported networks of the family answer, and how it becomes bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.body.kinematics import with_pelvis
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.body.shape_transfer import transfer_betas
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.calibration import Calibration, class_shares, with_calibration
from hmr_ros.runtime.graph_file import MEND, GraphFile, WeightsError

OUTPUTS = ("rotations", "betas", "pelvis", "joint_cov", "pelvis_cov", "visibility")
Opened = tuple[GraphFile, BackendOptions]  # a graph and how it is opened
DESCRIBED = {
    "rotations": "[N, 24, 3, 3] global orientation (camera frame), then local rotations",
    "betas": "[N, 10]",
    "pelvis": "[N, 3] metres, camera frame",
    "joint_cov": "[N, 24, 3, 3] m^2, joints about the pelvis, camera frame",
    "pelvis_cov": "[N, 3, 3] m^2, camera frame",
    "visibility": "[N, 24] probability",
}


def fingerprint(body: BodyModel) -> str:
    """sha256 of what the network's betas mean on this body: joints and their shape directions."""
    values = np.concatenate([body.joint_template.ravel(), body.joint_shapedirs.ravel()])
    return hashlib.sha256(np.round(values * 1e5).astype("<i4").tobytes()).hexdigest()


def check_serves(graph: GraphFile, inputs: Mapping[str, tuple], outputs: Sequence[str]) -> None:
    """Raises WeightsError for a graph that takes something else than ``inputs`` (shapes by name,
    None for the people; some may be missing), or that lacks one of ``outputs``."""
    for name, tensor in graph.inputs.items():
        if tensor.shape != inputs.get(name):
            known = ", ".join(f"{key} {shape}" for key, shape in inputs.items())
            raise WeightsError(
                f"{graph.path} takes {name} {tensor.shape}; this estimator gives {known}: {MEND}"
            )
    missing = set(outputs) - graph.outputs.keys()
    if missing:
        raise WeightsError(f"{graph.path} lacks the outputs {', '.join(sorted(missing))}: {MEND}")


def answered(found: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """``OUTPUTS`` of a backend as float32 arrays of their own: the next run overwrites its."""
    return [np.array(found[name], np.float32) for name in OUTPUTS]


def in_batches(
    people: People, most: int, body: BodyModel, estimate: Callable[[People], Bodies]
) -> Bodies:
    """``estimate`` of ``people``, at most so many at a time; bodies of ``body`` for nobody."""
    if len(people) == 0:
        return no_bodies(body.name, people.keypoint_set)
    starts = range(0, len(people), most)
    return concatenate([estimate(people[start : start + most]) for start in starts])


def native_body(path: Path, manifest: dict, body_model: BodyModel) -> BodyModel:
    """The body model that the network of ``path`` speaks: ``body_model`` or the shipped one.

    Raises WeightsError if the network was trained for neither.
    """
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
    return native


def bodies_of(
    outputs: list[np.ndarray],
    people: People,
    camera: Camera,
    native: BodyModel,
    target: BodyModel,
    calibration: Calibration,
    by_samples: np.ndarray | None = None,
) -> Bodies:
    """``OUTPUTS`` of a network, one row a person, as bodies.

    native: the body model the network speaks; target: the one the bodies are for. Rotations are
    shared between the two, betas are carried over by bone lengths. by_samples: see
    ``with_calibration``.
    """
    rotations, betas, pelvis, joint_cov, pelvis_cov, visibility = outputs
    visibility = visibility * people.found[:, None]
    if target is not native:
        betas = transfer_betas(native, target, betas).astype(np.float32)
    joints, transl = with_pelvis(target, rotations, betas, pelvis)
    shares = class_shares(visibility, joints, target)
    joint_cov, joint_tails = with_calibration(joint_cov, shares, calibration, by_samples)
    return Bodies(
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:],
        betas=betas,
        transl=transl,
        joints=joints,
        joint_cov=joint_cov,
        joint_tails=joint_tails,
        transl_cov=(pelvis_cov * calibration.place**2).astype(np.float32),
        visibility=visibility,
        joints_2d=camera.project(joints).astype(np.float32),
        keypoints_2d=people.keypoints,
        boxes=people.boxes,
        scores=people.scores,
        found=people.found,
        metric=np.full(len(people), camera.metric),
        body_model=target.name,
        keypoint_set=people.keypoint_set,
    )
