"""The lifter on synthetic people from motion clips it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.model import BodyModel
from hmr_ros.data import lifting
from hmr_ros.data.measured_errors import load_measured
from hmr_ros.evaluation.bootstrap import mean_interval
from hmr_ros.evaluation.pose_metrics import aligned_errors, joint_errors, spread_ratio
from hmr_ros.evaluation.subsets import LIMB, TORSO
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.runtime.answers import OUTPUTS
from hmr_ros.runtime.backends.backend import BackendOptions, open_backend
from hmr_ros.runtime.graph_file import read_graph
from hmr_ros.runtime.lifter import INPUTS

DISTRIBUTIONS = ("crop", "robot")
CHUNK = 2000


@dataclass
class Answers:
    """What the network said about N people and what is true; metres.

    Joints [N, 24, 3] are about the pelvis, the pelvis [N, 3] is in the camera frame.
    """

    joints: np.ndarray
    covariance: np.ndarray
    visibility: np.ndarray
    true_joints: np.ndarray
    visible: np.ndarray
    pelvis: np.ndarray
    true_pelvis: np.ndarray


def answers(
    network, body: BodyModel, motions: Path, split: str, distribution: str, samples: int, seed: int
) -> Answers:
    """Run ``network`` on ``samples`` people of ``distribution`` with poses of ``split``.

    network: callable (keypoints, box, image), float32 numpy, to the outputs of
    ``hmr_ros.models.lifter.Lifter.forward``.
    """
    skeleton, errors = skeleton_of(body), load_measured()
    blazepose = lifting.Blazepose(skeleton_of(body, errors.offsets), errors)
    source = lifting.PoseSource(motions, split)
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, samples, CHUNK):
        with torch.no_grad():
            poses = lifting.varied(source, min(CHUNK, samples - start), rng)
            if distribution == "crop":
                drawn = lifting.crop_samples(poses, skeleton, rng)
            else:
                drawn = lifting.robot_samples(poses, skeleton, blazepose, rng)
            inputs = [v.numpy() for v in (drawn.keypoints, drawn.box, drawn.image)]
            rotations, betas, pelvis, covariance, _, visibility = network(*inputs)
            joints, _ = skeleton(torch.tensor(rotations), torch.tensor(betas))
            true = drawn.joints - drawn.joints[:, :1]
        found = (joints.numpy(), covariance, visibility, true.numpy(), drawn.visible.numpy())
        parts.append((*found, pelvis, drawn.joints[:, 0].numpy()))
    return Answers(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def rows(answer: Answers, name: str, distribution: str, split: str) -> list[dict]:
    """Figures of ``hmr eval``: 12 limb joints by visibility, then torso joints.

    PA-MPJPE aligns the 12 limb joints of a person (the torso rows: the torso joints). std_ratio
    is the predicted over the true root mean square 3D error, distance_error the median error of
    the pelvis' distance from the camera as a fraction of it.
    """
    everything = np.ones_like(answer.visible)
    subsets = {
        "all": (LIMB, everything),
        "visible": (LIMB, answer.visible),
        "hidden": (LIMB, ~answer.visible),
        "torso": (TORSO, everything),
        "limb": (LIMB, everything),
    }
    found = []
    error = joint_errors(answer.joints, answer.true_joints)
    for subset, (joints, counted) in subsets.items():
        counted = counted[:, joints]
        absolute = error[:, joints]
        shaped = aligned_errors(answer.joints[:, joints], answer.true_joints[:, joints])
        found.append(
            {
                "model": name,
                "distribution": distribution,
                "split": split,
                "subset": subset,
                "n": int(counted.sum()),
                "mpjpe_mm": 1e3 * float(absolute[counted].mean()),
                "pa_mpjpe_mm": 1e3 * float(shaped[counted].mean()),
                "std_ratio": spread_ratio(answer.covariance[:, joints][counted], absolute[counted]),
                "ci95": {
                    "mpjpe_mm": _interval(absolute, counted),
                    "pa_mpjpe_mm": _interval(shaped, counted),
                },
            }
        )
    distance = [np.linalg.norm(p, axis=-1) for p in (answer.pelvis, answer.true_pelvis)]
    found[0]["distance_error"] = float(np.median(np.abs(distance[0] / distance[1] - 1)))
    return found


def _interval(errors: np.ndarray, counted: np.ndarray) -> list[float]:
    """95 % interval of the mean (mm) when people are drawn anew."""
    ends = mean_interval(1e3 * errors, counted, rounds=500)[1:3]
    return [round(v, 2) for v in ends]


def benchmark(
    weights: Path, body: BodyModel, motions: Path, split: str, samples: int, seed: int = 7
) -> list[dict]:
    """Rows of the exported network at ``weights`` on both distributions."""
    options = BackendOptions(threads=1, max_batch=CHUNK)
    backend = open_backend("onnxruntime", read_graph(weights, "lifter"), options)

    def network(*inputs: np.ndarray) -> list[np.ndarray]:
        found = backend.run(dict(zip(INPUTS, inputs, strict=True)))
        return [found[name] for name in OUTPUTS]

    found = []
    for distribution in DISTRIBUTIONS:
        answer = answers(network, body, motions, split, distribution, samples, seed)
        found += rows(answer, weights.stem, distribution, split)
    return found
