"""Where the limbs of people followed over time may be: samples, and covariances from them.

The velocity field of the network over time (``hmr_ros.models.limb_flow``) is told each person's
token and body; every sample begins with the same noise in each image, so that it moves as smoothly
as the person does.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.runtime.answers import check_serves
from hmr_ros.runtime.backends.backend import BackendOptions, open_backend
from hmr_ros.runtime.calibration import factor2, seen_or_not
from hmr_ros.runtime.factorized import FIELD_OUTPUTS, field_inputs, field_path
from hmr_ros.runtime.graph_file import MEND, GraphFile, WeightsError, manifest_path, read_graph
from hmr_ros.runtime.precisions import FIELD
from hmr_ros.runtime.sampling import REST, Field, Sampling, covariances, rotations_of, sampled

AT_ONCE = 256  # rows of the field in one run


class LimbSamples:
    """network: the graph that tells tokens, with its manifest. Raises WeightsError for files that
    cannot be used."""

    def __init__(
        self, network: GraphFile, body: BodyModel, sampling: Sampling, threads: int = 1
    ) -> None:
        path = field_path(network.path)
        graph = read_graph(path, f"{network.manifest['estimator']}{FIELD}")
        try:
            told = network.manifest["field"]
            scale = np.asarray(told["noise_scale"], np.float32)
            self._factors = np.asarray(told["temperature"], np.float32)
            self.limbs = np.asarray(told["limbs"], int)
            pose, width = int(told["pose"]), int(told["width"])
            if not ((self.limbs > 0) & (self.limbs < 24)).all():
                raise ValueError("limbs from 1 to 23")
            if scale.shape != (6 * len(self.limbs),) or self._factors.shape != (2,):
                raise ValueError("6 values of noise_scale for each of the limbs, or 2 temperatures")
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{manifest_path(network.path)} lacks {error}: {MEND}") from error
        shapes = field_inputs(len(scale), 1, width) | {"regressed": (None, pose)}
        check_serves(graph, shapes, FIELD_OUTPUTS)
        options = BackendOptions(threads=threads, max_batch=AT_ONCE)
        self._field = Field(open_backend("onnxruntime", graph, options), scale, AT_ONCE)
        self.body, self.sampling = body, sampling

    def joints(
        self, token: np.ndarray, pose: np.ndarray, rotations: np.ndarray, betas: np.ndarray
    ) -> np.ndarray:
        """Joints [N, S, 24, 3] about the pelvis, camera frame, of S samples of N people.

        token [N, W], pose [N, P]: as the network tells them. rotations [N, 24, 3, 3] and betas
        [N, 10]: of the body whose limbs are turned.
        """
        nowhere = np.zeros((len(token), len(self._field.scale)), np.float32)
        states = sampled(self._field, token[:, None], nowhere, pose, self.sampling)
        n, s = states.shape[:2]
        turns = rotations_of((states + REST[: states.shape[2]]).reshape(n, s, -1, 2, 3))
        posed = np.repeat(rotations[:, None], s, 1).astype(np.float32)
        posed[:, :, self.limbs] = turns @ posed[:, :, self.limbs]
        rest = np.repeat(rest_joints(self.body, betas), s, 0).astype(np.float32)
        joints, _ = forward_kinematics(posed.reshape(n * s, 24, 3, 3), rest, self.body.parents)
        return (joints - joints[:, :1]).reshape(n, s, 24, 3)

    def covariances(
        self, samples: np.ndarray, joints: np.ndarray, own: np.ndarray, visibility: np.ndarray
    ) -> np.ndarray:
        """[N, 24, 3, 3] m^2, camera frame, by ``samples`` [N, S, 24, 3] of ``joints``; of the
        torso, which no sample moves, what is its ``own`` [N, 24, 3, 3].

        joints: [N, 24, 3] of the estimate, about the pelvis. visibility: [N, 24].
        """
        factor = np.sqrt(factor2(self._factors, seen_or_not(visibility)))
        return covariances(samples, joints, own, factor)
