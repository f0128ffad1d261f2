"""FactorizedHMR at run time: the estimate, and samples of the limbs where they are wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.person_crops import PersonCrops
from hmr_ros.runtime.answers import OUTPUTS, native_body
from hmr_ros.runtime.baseline import Baseline, inputs_of
from hmr_ros.runtime.onnx_session import MEND, WeightsError, open_session, read_manifest
from hmr_ros.runtime.sampling import NO_SAMPLES, Field, Sampling, covariances, joints_of, sampled

NAME = "factorized"
TOLD = ("evidence", "anchor", "regressed")
FIELD_OUTPUTS = ("velocity",)


def field_path(path: Path) -> Path:
    """Where the velocity field lies beside the weights ``path``."""
    return path.with_name(f"{path.stem}_field.onnx")


def field_inputs(size: int, tokens: int, width: int) -> dict[str, tuple]:
    """Shapes of the field's inputs by name."""
    return {
        "state": (None, size),
        "t": (None,),
        "evidence": (None, tokens, width),
        "regressed": (None, size),
        "without": (None,),
    }


def load(
    body_model: BodyModel,
    weights_path: str = "",
    threads: int = 2,
    sampling: Sampling = NO_SAMPLES,
) -> Factorized:
    """Raises ``onnx_session.WeightsError`` for weights that are missing, damaged or foreign."""
    path = Path(weights_path) if weights_path else asset("weights", f"{NAME}.onnx")
    manifest = read_manifest(path, NAME)
    try:
        size, told = manifest["image_size"], manifest["field"]
        scale = np.asarray(told["noise_scale"], np.float32)
        factors = np.asarray(told["temperature"], np.float32)
        shapes = field_inputs(len(scale), told["tokens"], told["width"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path.with_suffix('.json')} lacks {error}: {MEND}") from error
    session = open_session(path, inputs_of(size), (*OUTPUTS, *TOLD), threads)
    field = Field(open_session(field_path(path), shapes, FIELD_OUTPUTS, threads), scale)
    native = native_body(path, manifest, body_model)
    without = tuple(manifest.get("config", {}).get("without", ()))
    base = session, size, native, body_model, without
    return Factorized(*base, field=field, factors=factors, sampling=sampling)


class Factorized(Baseline):
    """An estimator (see ``hmr_ros.runtime.estimators``) that can say where hidden limbs may be.

    Without samples it answers with the estimate and the regressor's own covariances; with some, the
    covariances of the joints are those of the samples. base: of ``Baseline``. factors: [2] on the
    standard deviations by samples, of a joint that is seen and of a hidden one.
    """

    def __init__(self, *base, field: Field, factors: np.ndarray, sampling: Sampling) -> None:
        super().__init__(*base)
        self._field, self._factors, self.sampling = field, factors, sampling

    def _answer(self, crops: PersonCrops) -> list[np.ndarray]:
        *outputs, evidence, anchor, regressed = self._session.run((*OUTPUTS, *TOLD), crops.inputs())
        if self.sampling.samples:
            states = sampled(self._field, evidence, anchor, regressed, self.sampling)
            outputs[OUTPUTS.index("joint_cov")] = self._covariances(states, outputs, crops.view)
        return outputs

    def _covariances(self, states: np.ndarray, outputs: list, view: np.ndarray) -> np.ndarray:
        """[N, 24, 3, 3] in the camera frame."""
        rotations, betas, _, joint_cov, _, visibility = outputs
        joints = joints_of(states, betas, self._native) @ view[:, None]
        rest = rest_joints(self._native, betas).astype(np.float32)
        posed, _ = forward_kinematics(rotations, rest, self._native.parents)
        seen, hidden = self._factors
        factor = np.sqrt(visibility * seen**2 + (1 - visibility) * hidden**2)
        return covariances(joints, posed - posed[:, :1], joint_cov, factor)
