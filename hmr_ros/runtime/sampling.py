"""Samples of FactorizedHMR's limbs at run time, and the covariances that they give the joints.

The exported velocity field is followed from noise in the steps of ``hmr_ros.models.flow``; the
anchor's coordinates are put back after every step, so that no sample moves the torso.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.runtime.backends.backend import Backend

# Layout of a state: 6D rotations as differences to rest, then what no body is made of.
ROTATIONS = 24 * 6
REST = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), 24)
# The estimate's own covariance counts as much as so many samples: a few samples alone may miss a
# direction, and regions from them would be too flat there.
PRIOR = 4.0


@dataclass(frozen=True)
class Sampling:
    """How a generative estimator samples. samples: a person; 0 for the estimate alone. steps: of
    the flow. guidance: how far evidence counts; 1 is as trained. seed: of the noise, which is the
    same for every image, so that a person who stands still has samples that stand still."""

    samples: int = 0
    steps: int = 4
    guidance: float = 1.0
    seed: int = 0


NO_SAMPLES = Sampling()


def sampling_of(settings: SimpleNamespace) -> Sampling:
    """As the parameters say (``hmr_ros.parameters``)."""
    return Sampling(settings.n_samples, settings.sample_steps, settings.guidance)


class Field:
    """An exported velocity field. scale: [SIZE] standard deviation of the noise, 0 at coordinates
    of the anchor. at_once: most rows in one run."""

    def __init__(self, backend: Backend, scale: np.ndarray, at_once: int) -> None:
        self._backend, self.scale, self.at_once = backend, scale, at_once

    def velocity(self, state, t, evidence, regressed, without: bool) -> np.ndarray:
        """[N, SIZE] at states [N, SIZE] and the same time t for all; valid until the next call."""
        n = len(state)
        inputs = {
            "state": state,
            "t": np.full(n, t, np.float32),
            "evidence": evidence,
            "regressed": regressed,
            "without": np.full(n, without, np.float32),
        }
        return self._backend.run(inputs)["velocity"]


def sampled(
    field: Field,
    evidence: np.ndarray,
    anchor: np.ndarray,
    regressed: np.ndarray,
    how: Sampling,
) -> np.ndarray:
    """States [N, S, SIZE] of S samples for each of N people.

    evidence [N, T, W], anchor and regressed [N, SIZE]: what stage one tells (``Told``).
    """
    n, size = anchor.shape
    unknown = field.scale > 0
    noise = np.random.default_rng(how.seed).standard_normal((how.samples, size), np.float32)
    states = np.where(unknown, noise * field.scale, anchor[:, None]).reshape(-1, size)
    person = np.repeat(np.arange(n), how.samples)
    for start in range(0, len(states), field.at_once):
        rows = slice(start, start + field.at_once)
        about, before = (evidence[person[rows]], regressed[person[rows]]), None
        for step in range(how.steps):
            t, state = step / how.steps, states[rows]
            now = field.velocity(state, t, *about, without=False).copy()
            if how.guidance != 1.0:
                free = field.velocity(state, t, *about, without=True)
                now = free + how.guidance * (now - free)
            along = now if before is None else 1.5 * now - 0.5 * before
            states[rows] = np.where(unknown, state + along / how.steps, anchor[person[rows]])
            before = now
    return states.reshape(n, how.samples, size)


def joints_of(states: np.ndarray, betas: np.ndarray, body: BodyModel) -> np.ndarray:
    """Joints [N, S, 24, 3] about the pelvis, in the states' own frame.

    states: [N, S, SIZE]; betas: [N, 10] of the body model that the network speaks.
    """
    n, s = states.shape[:2]
    sixd = (states[..., :ROTATIONS] + REST).reshape(n * s, 24, 2, 3)
    rest = np.repeat(rest_joints(body, betas), s, 0).astype(np.float32)
    joints, _ = forward_kinematics(rotations_of(sixd), rest, body.parents)
    return (joints - joints[:, :1]).reshape(n, s, 24, 3)


def rotations_of(sixd: np.ndarray) -> np.ndarray:
    """Rotations [..., 3, 3] whose first two columns are nearest to ``sixd`` [..., 2, 3], the first
    exactly in direction (Zhou et al. 2019)."""
    a, b = sixd[..., 0, :], sixd[..., 1, :]
    x = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-8)
    b = b - (x * b).sum(-1, keepdims=True) * x
    y = b / np.maximum(np.linalg.norm(b, axis=-1, keepdims=True), 1e-8)
    return np.stack([x, y, np.cross(x, y)], -1).astype(np.float32)


def covariances(
    joints: np.ndarray, estimate: np.ndarray, own: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Covariances [N, 24, 3, 3] (m^2) of joints by samples [N, S, 24, 3] about the estimate
    [N, 24, 3], joined with the estimate's own [N, 24, 3, 3] as if that were ``PRIOR`` samples.

    factor: [N, 24] on the standard deviation. Joints that no sample moves keep what is their own.
    """
    off = joints - estimate[:, None]
    count = joints.shape[1]
    moments = np.einsum("nsja,nsjb->njab", off, off)
    joined = (moments + PRIOR * own) / (count + PRIOR) * np.square(factor)[..., None, None]
    return np.where(moved(joints)[..., None, None], joined, own).astype(np.float32)


def moved(joints: np.ndarray) -> np.ndarray:
    """[N, 24] whether samples [N, S, 24, 3] put a joint at different places."""
    return np.abs(joints - joints[:, :1]).max((1, 3)) > 1e-6
