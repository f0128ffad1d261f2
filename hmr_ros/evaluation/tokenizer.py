"""How well the pose tokenizer keeps poses it has never seen, and what wrong tokens do to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_limits import excess
from hmr_ros.data.motions import Motions, load_motions
from hmr_ros.evaluation.bootstrap import mean_interval
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_ros.models.tokenizer import Tokenizer

# Radians beyond the limits that still count as inside: what 99 % of captured frames need.
TOLERANCE = 0.1
LIMB_ENDS = [7, 8, 20, 21]  # ankles and wrists
CHUNK = 1000


@dataclass
class Poses:
    """rotations [N, 21, 3, 3] local, of joints 1 to 21; clip [N] which clip a pose is of."""

    rotations: np.ndarray
    clip: np.ndarray


def poses_of(motions: Motions) -> Poses:
    """Every frame of the clips."""
    clip = np.repeat(np.arange(len(motions)), np.diff(motions.starts))
    return Poses(matrix_from_axis_angle(motions.poses[:, 1:22]), clip)


def joints_of(rotations: np.ndarray, body: BodyModel) -> np.ndarray:
    """[N, 24, 3] metres about the pelvis: mean shape, root orientation removed, hands straight."""
    whole = np.broadcast_to(np.eye(3), (len(rotations), 24, 3, 3)).copy()
    whole[:, 1:22] = rotations
    rest = np.broadcast_to(body.joint_template.astype(np.float64), (len(rotations), 24, 3))
    joints, _ = forward_kinematics(whole, rest, body.parents)
    return joints - joints[:, :1]


def beyond_limits(rotations: np.ndarray) -> np.ndarray:
    """[N, 21] radians by which each joint is out of its limits."""
    pose = np.zeros((len(rotations), 24, 3))
    pose[:, 1:22] = axis_angle_from_matrix(rotations)
    return excess(pose)[:, 1:22]


def corrupted(tokens: np.ndarray, codes: int, share: float, seed: int) -> np.ndarray:
    """Tokens [N, T] of which each is replaced, with probability ``share``, by another of the
    ``codes``."""
    rng = np.random.default_rng(seed)
    other = (tokens + rng.integers(1, codes, tokens.shape)) % codes
    return np.where(rng.random(tokens.shape) < share, other, tokens)


def benchmark(
    network: Tokenizer,
    body: BodyModel,
    path: Path,
    split: str,
    share: float = 0.05,
    seed: int = 7,
) -> list[dict]:
    """Rows of the true poses, the decoded ones, and those decoded with a ``share`` of wrong tokens.

    joint_error_mm: over all 24 joints (``joints_of``), with the 95th percentile over joints.
    joints_inside, poses_inside: shares of the joints, and of the poses with all joints, inside
    their limits with ``TOLERANCE``; joints_strictly: with none. codes_used: of the codebook.
    ci95: intervals with clips drawn anew, because the frames of a clip err together.
    """
    poses = poses_of(load_motions(path).split(split))
    tokens = _in_chunks(network.tokens, torch.from_numpy(poses.rotations).float())
    wrong = corrupted(tokens.numpy(), network.config.codes, share, seed)
    rows = [_row("true", poses.rotations, poses, body)]
    rows.append(_row("decoded", _decoded(network, tokens), poses, body))
    rows[-1]["codes_used"] = len(tokens.unique()) / network.config.codes
    rows.append(
        _row(f"{share:.0%} wrong tokens", _decoded(network, torch.from_numpy(wrong)), poses, body)
    )
    rows[-1]["tokens_replaced"] = float((wrong != tokens.numpy()).mean())
    return [{"split": split, **row} for row in rows]


def _decoded(network: Tokenizer, tokens: torch.Tensor) -> np.ndarray:
    return _in_chunks(network.decode_tokens, tokens).double().numpy()


@torch.no_grad()
def _in_chunks(call, values: torch.Tensor) -> torch.Tensor:
    return torch.cat([call(part) for part in values.split(CHUNK)])


def _row(name: str, rotations: np.ndarray, poses: Poses, body: BodyModel) -> dict:
    true = joints_of(poses.rotations, body)
    error = 1e3 * np.linalg.norm(joints_of(rotations, body) - true, axis=-1)
    beyond = beyond_limits(rotations)
    inside = beyond <= TOLERANCE
    figures = {
        "joint_error_mm": error,
        "joints_inside": inside,
        "poses_inside": inside.all(1),
        "joints_strictly": beyond <= 1e-6,
    }
    row, intervals = {"poses": name, "n": len(rotations)}, {}
    for key, values in figures.items():
        found = mean_interval(values.astype(float), clusters=poses.clip, rounds=1000)
        row[key] = found.value
        intervals[key] = [found.low, found.high]
        if key == "joint_error_mm":
            row["joint_error_p95_mm"] = float(np.percentile(error, 95))
            row["limb_ends_mm"] = float(error[:, LIMB_ENDS].mean())
    return row | {"worst_degrees": float(np.degrees(beyond.max())), "ci95": intervals}
