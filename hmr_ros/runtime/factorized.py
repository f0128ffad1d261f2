"""FactorizedHMR at run time: the estimate, and samples of the limbs where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.person_crops import PersonCrops
from hmr_ros.runtime.answers import OUTPUTS, Opened, answered, check_serves
from hmr_ros.runtime.backends.backend import Backend, BackendOptions
from hmr_ros.runtime.baseline import Baseline
from hmr_ros.runtime.calibration import factor2, seen_or_not
from hmr_ros.runtime.graph_file import (
    MEND,
    WeightsError,
    manifest_path,
    read_graph,
    variant_path,
)
from hmr_ros.runtime.precisions import FIELD, in_precision
from hmr_ros.runtime.sampling import Field, Sampling, covariances, joints_of, moved, sampled

NAME = "factorized"
TOLD = ("evidence", "anchor", "regressed")
FIELD_OUTPUTS = ("velocity",)
# Rows of the field in one run, by people in one run of the network: each has several samples, and
# rows that are run together are faster.
ROWS_A_PERSON = 8


def field_path(path: Path) -> Path:
    """Where the velocity field of the network ``path`` lies, in the same precision."""
    stem = variant_path(path, "float32").stem
    return path.with_name(f"{stem}{FIELD}{path.stem.removeprefix(stem)}.onnx")


def field_inputs(size: int, tokens: int, width: int) -> dict[str, tuple]:
    """Shapes of the field's inputs by name."""
    return {
        "state": (None, size),
        "t": (None,),
        "evidence": (None, tokens, width),
        "regressed": (None, size),
        "without": (None,),
    }


def graphs(path: Path, precision: str, options: BackendOptions, sampling: Sampling) -> list[Opened]:
    """See ``estimators.ESTIMATORS``. Where nobody samples, the velocity field is left out."""
    network = in_precision(read_graph(path, NAME), precision)
    if not sampling.samples:
        return [(network, options)]
    field = in_precision(read_graph(field_path(path), f"{NAME}{FIELD}"), precision)
    return [
        (network, options),
        (field, replace(options, max_batch=ROWS_A_PERSON * options.max_batch)),
    ]


def made(
    body_model: BodyModel,
    graphs: Sequence[Opened],
    backends: tuple[Backend, ...],
    sampling: Sampling,
) -> Factorized:
    """See ``estimators.ESTIMATORS``."""
    return Factorized(graphs, backends, body_model, sampling)


class Factorized(Baseline):
    """An estimator (see ``hmr_ros.runtime.estimators``) that can say where hidden limbs may be.

    Without samples it answers with the estimate and the regressor's own covariances; with some, the
    covariances of the joints are those of the samples. graphs, backends: the network and, for
    samples, its velocity field. Raises WeightsError as ``Baseline``.
    """

    def __init__(
        self,
        graphs: Sequence[Opened],
        backends: tuple[Backend, ...],
        target: BodyModel,
        sampling: Sampling,
    ) -> None:
        (network, options), *fields = graphs
        super().__init__(network, options, backends, target, TOLD)
        self.sampling = sampling
        if not fields:
            return
        ((graph, of_field),) = fields
        try:
            told = network.manifest["field"]
            scale = np.asarray(told["noise_scale"], np.float32)
            # Factors on the standard deviations by samples: of a joint that is seen, a hidden one.
            self._factors = np.asarray(told["temperature"], np.float32)
            shapes = field_inputs(len(scale), told["tokens"], told["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{manifest_path(network.path)} lacks {error}: {MEND}") from error
        check_serves(graph, shapes, FIELD_OUTPUTS)
        self._field = Field(backends[1], scale, of_field.max_batch)

    def _answer(self, crops: PersonCrops) -> tuple[list[np.ndarray], np.ndarray | None]:
        found = self.backends[0].run(self._inputs(crops))
        outputs, by_samples = answered(found), None
        if self.sampling.samples:
            told = (np.asarray(found[name], np.float32) for name in TOLD)
            states = sampled(self._field, *told, self.sampling)
            cov, by_samples = self._covariances(states, outputs, crops.view)
            outputs[OUTPUTS.index("joint_cov")] = cov
        return outputs, by_samples

    def _covariances(
        self, states: np.ndarray, outputs: list, view: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """[N, 24, 3, 3] in the camera frame, and [N, 24] whether they are by samples."""
        rotations, betas, _, joint_cov, _, visibility = outputs
        joints = joints_of(states, betas, self._native) @ view[:, None]
        rest = rest_joints(self._native, betas).astype(np.float32)
        posed, _ = forward_kinematics(rotations, rest, self._native.parents)
        factor = np.sqrt(factor2(self._factors, seen_or_not(visibility)))
        return covariances(joints, posed - posed[:, :1], joint_cov, factor), moved(joints)
