"""How sure an estimator may be: what its manifest says of its network's uncertainty.

The section ``calibration`` is written by ``hmr train calibration``, which fits it to what is
published of people whose truth is known. A network without it is taken at its word.

Joints are of three classes: seen, behind their own body, hidden by something else or the image's
border. Networks tell how probable it is that a joint is seen; of those that are not, the estimated
body itself says which lie behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.self_occlusion import behind_itself
from hmr_ros.regions import HEAVIEST
from hmr_ros.runtime.graph_file import MEND, WeightsError, manifest_path

KEY = "calibration"
CLASSES = ("seen", "behind its own body", "hidden")
PerClass = tuple[float, float, float]


@dataclass(frozen=True)
class Calibration:
    """Factors on standard deviations: of joints about the pelvis, by class (``joints``), and of the
    pelvis' place; and tails (``hmr_ros.regions``) of these errors. Joints whose covariances are by
    samples have factors and tails of their own."""

    joints: PerClass = (1.0, 1.0, 1.0)
    joint_tails: PerClass = (0.0, 0.0, 0.0)
    place: float = 1.0
    place_tail: float = 0.0
    samples: PerClass = (1.0, 1.0, 1.0)
    sample_tails: PerClass = (0.0, 0.0, 0.0)


AT_ITS_WORD = Calibration()  # of a network that has none


def calibration_of(path: Path, manifest: Mapping) -> Calibration:
    """By the manifest of the network ``path``. One that was written before joints behind their own
    body were a class has two values, of seen joints and of all others. Raises WeightsError for
    values that cannot be."""
    told, values = manifest.get(KEY, {}), {}
    for name, default in vars(AT_ITS_WORD).items():
        highest = HEAVIEST if name.endswith(("tail", "tails")) else np.inf
        try:
            value = np.array(told.get(name, default), float)
            if np.ndim(default) and value.shape == (2,):
                value = value[[0, 1, 1]]
            possible = np.isfinite(value) & (value >= 0) & (value <= highest)
            if value.shape != np.shape(default) or not possible.all():
                raise ValueError
        except (AttributeError, TypeError, ValueError):
            raise WeightsError(
                f"{manifest_path(path)}: {KEY} has an impossible {name}, expected "
                f"{np.size(default)} from 0 to {highest}: {MEND}"
            ) from None
        values[name] = tuple(value.tolist()) if value.ndim else value.item()
    return Calibration(**values)


def seen_or_not(visibility: np.ndarray) -> np.ndarray:
    """Shares [..., 2] of two classes, seen and not, in joints that are seen with probability
    ``visibility`` [...]: what a network tells alone."""
    return np.stack([visibility, 1 - visibility], -1)


def class_shares(visibility: np.ndarray, joints: np.ndarray, body: BodyModel) -> np.ndarray:
    """Shares [N, 24, 3] of ``CLASSES`` in joints [N, 24, 3] (camera frame, metres), which a network
    says are seen with probability ``visibility`` [N, 24]. They sum to 1."""
    behind = behind_itself(joints, body)
    unseen = 1 - visibility
    return np.stack([visibility, unseen * behind, unseen * (1 - behind)], -1)


def blended(by_class: Sequence[float], shares: np.ndarray) -> np.ndarray:
    """Mean [...] of values of C classes by their ``shares`` [..., C]."""
    return shares @ np.asarray(by_class, float)


def factor2(factors: Sequence[float], shares: np.ndarray) -> np.ndarray:
    """Factors [...] on covariances of joints with ``shares`` [..., C] of C classes: squares are
    blended, as the variance of a mixture is."""
    return blended(np.square(factors), shares)


def with_calibration(
    joint_cov: np.ndarray,
    shares: np.ndarray,
    calibration: Calibration,
    by_samples: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Covariances [N, 24, 3, 3] as they may be published, and their tails [N, 24], of joint 0 the
    tail of the pelvis' place. shares: [N, 24, 3] of ``class_shares``. by_samples: [N, 24] whose
    covariances are by samples; None: none."""
    factors = factor2(calibration.joints, shares)
    tails = blended(calibration.joint_tails, shares)
    if by_samples is not None:
        factors = np.where(by_samples, factor2(calibration.samples, shares), factors)
        tails = np.where(by_samples, blended(calibration.sample_tails, shares), tails)
    tails[:, 0] = calibration.place_tail
    return (joint_cov * factors[..., None, None]).astype(np.float32), tails.astype(np.float32)
