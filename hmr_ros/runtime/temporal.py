"""FactorizedHMR over time at run time: bodies of one image, corrected by what came before.

Keeps for each person, by the tracker's id, what the exported network must remember: tensors of
fixed size, so that the ten thousandth image costs what the tenth does. With samples, the
covariances of the limbs' joints are theirs (``hmr_ros.runtime.limb_samples``). How sure a corrected
body may be, the network's own manifest says (``hmr_ros.runtime.calibration``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import with_pelvis
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import LEVEL, CameraPose
from hmr_ros.geometry.observed_rays import box_rays, joint_std, keypoint_rays, relative_std
from hmr_ros.geometry.rotations import nearest_rotation
from hmr_ros.runtime.answers import check_serves, native_body
from hmr_ros.runtime.backends.backend import BackendOptions, open_backend
from hmr_ros.runtime.calibration import (
    Calibration,
    calibration_of,
    class_shares,
    with_calibration,
)
from hmr_ros.runtime.graph_file import MEND, WeightsError, read_graph
from hmr_ros.runtime.limb_samples import LimbSamples
from hmr_ros.runtime.sampling import NO_SAMPLES, Sampling, moved, sampling_of
from hmr_ros.sighting_fields import ANSWER, GAP, OUTPUTS, SIGHTING, STATE, TOLD
from hmr_ros.walk import Walk

NAME = "temporal"
MOST = 1024  # people in one image
MOMENT = 1e-3  # seconds that an image with the stamp of the one before counts as later


@dataclass
class Remembered:
    """Of one person: when last seen, whether the camera's pose was known then, where the odometry
    frame is counted from, and the tensors."""

    stamp: float
    posed: bool
    origin: np.ndarray
    tensors: dict[str, np.ndarray]


def temporal_of(settings: SimpleNamespace, body: BodyModel) -> Temporal:
    """The shipped network, for the bodies that ``settings`` (``hmr_ros.parameters``) make.

    Raises ValueError where those are not what it has learned to correct, and as ``Temporal``. The
    estimator may have been exported or calibrated anew since: its bodies are the same, and the
    factors on its covariances go on from what these are now.
    """
    stage = Temporal(body, threads=settings.threads, sampling=sampling_of(settings))
    learned = stage.graph.manifest["corrects"]
    name, steps = learned["estimator"], learned["refine_steps"]
    wrong = []
    if settings.estimator != name:
        wrong.append(f"estimator is {settings.estimator!r}, not {name!r}")
    else:
        given = read_graph(Path(settings.weights_path or asset("weights", f"{name}.onnx")), name)
        if given.manifest.get("weights_sha256") != learned["weights_sha256"]:
            known = learned["weights_sha256"][:12]
            wrong.append(f"{given.path} is not of the weights of sha256 {known}")
    if settings.refine_steps != steps:
        wrong.append(f"refine_steps is {settings.refine_steps}, not {steps}")
    if wrong:
        raise ValueError(
            f"temporal has learned to correct other bodies than these ({'; '.join(wrong)}): switch "
            "it off, or leave estimator, weights_path and refine_steps at their defaults"
        )
    return stage


class Temporal:
    """See the module text; always on the CPU. calibration: instead of the manifest's. Raises
    WeightsError for files that cannot be used."""

    def __init__(
        self,
        body: BodyModel,
        weights: str = "",
        threads: int = 1,
        sampling: Sampling = NO_SAMPLES,
        calibration: Calibration | None = None,
    ) -> None:
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
        self.body, self.graph = body, graph
        self._calibration = calibration or calibration_of(graph.path, graph.manifest)
        options = BackendOptions(threads=threads, max_batch=MOST)
        self._backend = open_backend("onnxruntime", graph, options)
        self.samples = LimbSamples(graph, body, sampling, threads) if sampling.samples else None
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

        pose: of the camera; None where nobody knows, the camera is then taken to be at rest. What
        was seen with a pose and without is told in two frames: where that changes all are new.

        Who gets an answer that is not finite keeps the image's own body, rests nowhere, and is
        forgotten.
        """
        posed = pose is not None
        rotation, position = pose.y_up() if posed else (LEVEL, np.zeros(3))
        if len(bodies) == 0:
            return bodies, Walk(np.zeros((0, 3)), np.zeros((0, 6)), rotation, position, posed)
        remembered = [self._of(i, stamp, posed, position) for i in ids.tolist()]
        known, elapsed = zip(*remembered, strict=True)
        inputs = {
            "rotations": bodies.rotations,
            "betas": bodies.betas,
            "pelvis": bodies.joints[:, 0],
            "joint_std": joint_std(bodies.joint_cov),
            "distance_std": relative_std(bodies.transl_cov, bodies.joints[:, 0]),
            "visibility": bodies.visibility,
            "keypoints": keypoint_rays(camera, bodies.keypoints_2d, bodies.keypoint_set),
            "box": box_rays(camera, bodies.boxes),
            "camera_rotation": np.tile(rotation, (len(bodies), 1, 1)),
            "camera_position": np.stack([position - k.origin for k in known]),
            "odometry": np.full(len(bodies), float(posed)),
            "elapsed": np.array(elapsed),
        }
        for name in STATE:
            inputs[name] = np.stack([k.tensors[name] for k in known])
        inputs = {name: np.ascontiguousarray(v, np.float32) for name, v in inputs.items()}
        found = self._backend.run(inputs)
        finite = np.all([np.isfinite(v.reshape(len(v), -1)).all(1) for v in found.values()], 0)
        answer = {name: found[f"{name}_now"] for name in ANSWER + TOLD}
        for row, i in enumerate(ids.tolist()):
            self._people.pop(i, None)
            if finite[row]:
                own = {name: found[f"{name}_after"][row].copy() for name in STATE}
                self._people[i] = Remembered(stamp, posed, known[row].origin, own)
        velocity = np.where(finite[:, None], answer["velocity"], 0)
        rests = 1 / (1 + np.exp(-np.where(finite[:, None], answer["resting"], -np.inf)))
        walk = Walk(velocity, rests, rotation, position, posed)
        return self._corrected(bodies, answer, finite, camera), walk

    def _of(
        self, i: int, stamp: float, posed: bool, position: np.ndarray
    ) -> tuple[Remembered, float]:
        """What is remembered, and the seconds since. Somebody who is new is counted from where the
        camera is now, so that numbers stay small however far a robot drives."""
        known = self._people.get(i)
        if known is not None and known.posed == posed and 0 <= stamp - known.stamp <= GAP:
            return known, max(stamp - known.stamp, MOMENT)
        nothing = {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}
        return Remembered(stamp, posed, position, nothing), 0.0

    def _corrected(
        self, bodies: Bodies, answer: dict[str, np.ndarray], finite: np.ndarray, camera: Camera
    ) -> Bodies:
        rotations = np.where(finite[:, None, None, None], answer["rotations"], bodies.rotations)
        rotations = nearest_rotation(rotations.astype(np.float64)).astype(np.float32)
        betas = np.where(finite[:, None], answer["betas"], bodies.betas)
        pelvis = np.where(finite[:, None], answer["pelvis"], bodies.joints[:, 0])
        factor = np.where(finite[:, None], answer["joint_factor"], 1)
        joints, transl = with_pelvis(self.body, rotations, betas, pelvis)
        joint_cov = (bodies.joint_cov * factor[..., None, None] ** 2).astype(np.float32)
        by_samples = np.zeros(joint_cov.shape[:2], bool)
        if self.samples is not None and finite.any():
            at = np.flatnonzero(finite)
            told = (answer[name][at] for name in TOLD)
            drawn = self.samples.joints(*told, rotations[at], betas[at])
            about = joints[at] - joints[at, :1]
            joint_cov[at] = self.samples.covariances(
                drawn, about, joint_cov[at], bodies.visibility[at]
            )
            by_samples[at] = moved(drawn)
        shares = class_shares(bodies.visibility, joints, self.body)
        calibrated, tails = with_calibration(joint_cov, shares, self._calibration, by_samples)
        tails[:, 0] = bodies.joint_tails[:, 0]  # of the place, which is the image's own
        return bodies.replace(
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:],
            betas=betas.astype(np.float32),
            transl=transl,
            joints=joints,
            joint_cov=np.where(finite[:, None, None, None], calibrated, joint_cov),
            joint_tails=np.where(finite[:, None], tails, bodies.joint_tails),
            joints_2d=camera.project(joints).astype(np.float32),
        )
