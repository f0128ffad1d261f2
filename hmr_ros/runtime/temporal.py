"""FactorizedHMR over time at run time: bodies of one image, corrected by what came before.

Keeps for each person, by the tracker's id, what the exported network must remember: tensors of
fixed size, so that the ten thousandth image costs what the tenth does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose
from hmr_ros.geometry.observed_rays import box_rays, joint_std, keypoint_rays, relative_std
from hmr_ros.geometry.rotations import nearest_rotation
from hmr_ros.runtime.answers import check_serves, native_body
from hmr_ros.runtime.backends.backend import BackendOptions, open_backend
from hmr_ros.runtime.graph_file import MEND, WeightsError, read_graph
from hmr_ros.sighting_fields import ANSWER, GAP, OUTPUTS, SIGHTING, STATE
from hmr_ros.walk import Walk

NAME = "temporal"
MOST = 1024  # people in one image
LEVEL = np.diag([1.0, -1.0, -1.0])  # a level camera, Y up, where nothing is known


@dataclass
class Remembered:
    """Of one person: when last seen, where the odometry frame is counted from, and the tensors."""

    stamp: float
    origin: np.ndarray
    tensors: dict[str, np.ndarray]


class Temporal:
    """See the module text. Raises WeightsError for files that cannot be used."""

    def __init__(self, body: BodyModel, weights: str = "", threads: int = 1) -> None:
        graph = read_graph(Path(weights or asset("weights", f"{NAME}.onnx")), NAME)
        missing = {*SIGHTING, *STATE} - graph.inputs.keys()
        if missing:
            raise WeightsError(f"{graph.path} does not take {', '.join(sorted(missing))}: {MEND}")
        self.shapes = {name: graph.inputs[name].shape[1:] for name in STATE}
        expected = {name: (None, *shape) for name, shape in (SIGHTING | self.shapes).items()}
        check_serves(graph, expected, OUTPUTS)
        if native_body(graph.path, graph.manifest, body) is not body:
            raise WeightsError(
                f"{graph.path} does not speak of the body model {body.name!r}: leave "
                "body_model_path empty, or switch temporal off"
            )
        self.body = body
        # It is small: a processor is done before a GPU has been told.
        options = BackendOptions(threads=threads, max_batch=MOST)
        self._backend = open_backend("onnxruntime", graph, options)
        self._people: dict[int, Remembered] = {}

    def reset(self) -> None:
        """Forget everybody."""
        self._people = {}

    def keep_only(self, ids: np.ndarray) -> None:
        """Forget all but ``ids``."""
        wanted = {int(i) for i in ids}
        self._people = {i: kept for i, kept in self._people.items() if i in wanted}

    def __call__(
        self,
        bodies: Bodies,
        ids: np.ndarray,
        camera: Camera,
        stamp: float,
        pose: CameraPose | None = None,
    ) -> tuple[Bodies, Walk]:
        """Bodies [N] of the image taken at ``stamp`` seconds, whose people have the ids [N].

        pose: of the camera; None where nobody knows, the camera is then taken to be at rest.
        """
        rotation, position = (LEVEL, np.zeros(3)) if pose is None else pose.y_up()
        if len(bodies) == 0:
            return bodies, Walk(
                np.zeros((0, 3)), np.zeros((0, 6)), rotation, position, pose is not None
            )
        known = [self._of(int(i), stamp, position) for i in ids]
        inputs = {
            "rotations": bodies.rotations,
            "betas": bodies.betas,
            "pelvis": bodies.joints[:, 0],
            "joint_std": joint_std(bodies.joint_cov),
            "distance_std": relative_std(bodies.transl_cov, bodies.joints[:, 0]),
            "visibility": bodies.visibility,
            "keypoints": keypoint_rays(camera, bodies.keypoints_2d),
            "box": box_rays(camera, bodies.boxes),
            "camera_rotation": np.tile(rotation, (len(bodies), 1, 1)),
            "camera_position": np.stack([position - k.origin for k in known]),
            "odometry": np.full(len(bodies), float(pose is not None)),
            "elapsed": np.array([stamp - k.stamp for k in known]),
        }
        for name in STATE:
            inputs[name] = np.stack([k.tensors[name] for k in known])
        inputs = {name: np.ascontiguousarray(v, np.float32) for name, v in inputs.items()}
        found = self._backend.run(inputs)
        answer = {name: found[f"{name}_now"] for name in ANSWER}
        after = {name: found[f"{name}_after"] for name in STATE}
        for row, i in enumerate(ids):
            own = {name: value[row].copy() for name, value in after.items()}
            self._people[int(i)] = Remembered(stamp, known[row].origin, own)
        rests = 1 / (1 + np.exp(-answer["resting"]))
        walk = Walk(answer["velocity"], rests, rotation, position, pose is not None)
        return self._corrected(bodies, answer, camera), walk

    def _of(self, i: int, stamp: float, position: np.ndarray) -> Remembered:
        """Somebody who is new is counted from where the camera is now, so that numbers stay
        small however far a robot drives."""
        known = self._people.get(i)
        if known is not None and stamp - known.stamp <= GAP:
            return known
        nothing = {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}
        return Remembered(stamp, position, nothing)

    def _corrected(self, bodies: Bodies, answer: dict[str, np.ndarray], camera: Camera) -> Bodies:
        finite = np.all([np.isfinite(v).reshape(len(v), -1).all(1) for v in answer.values()], 0)
        rotations = np.where(finite[:, None, None, None], answer["rotations"], bodies.rotations)
        rotations = nearest_rotation(rotations.astype(np.float64)).astype(np.float32)
        betas = np.where(finite[:, None], answer["betas"], bodies.betas)
        pelvis = np.where(finite[:, None], answer["pelvis"], bodies.joints[:, 0])
        factor = np.where(finite[:, None], answer["joint_factor"], 1)
        far = np.where(finite, answer["distance_factor"], 1)
        rest = rest_joints(self.body, betas).astype(np.float32)
        joints, _ = forward_kinematics(rotations, rest, self.body.parents)
        joints = (joints - joints[:, :1] + pelvis[:, None]).astype(np.float32)
        return bodies.replace(
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:],
            betas=betas.astype(np.float32),
            transl=(pelvis - rest[:, 0]).astype(np.float32),
            joints=joints,
            joint_cov=(bodies.joint_cov * factor[..., None, None] ** 2).astype(np.float32),
            transl_cov=(bodies.transl_cov * far[:, None, None] ** 2).astype(np.float32),
            joints_2d=camera.project(joints).astype(np.float32),
        )
