"""How sure an estimator may be: what its manifest says of its network's uncertainty.

The section ``calibration`` is written by ``hmr train calibration``, which fits it to what is
published of people whose truth is known. A network without it is taken at its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.regions import HEAVIEST
from hmr_ros.runtime.graph_file import MEND, WeightsError, manifest_path

KEY = "calibration"


@dataclass(frozen=True)
class Calibration:
    """Factors on standard deviations: of joints about the pelvis, where they are seen and hidden
    (``joints``), and of the pelvis' place; and tails (``hmr_ros.regions``) of these errors. Joints
    whose covariances are by samples have factors and tails of their own."""

    joints: tuple[float, float] = (1.0, 1.0)
    joint_tails: tuple[float, float] = (0.0, 0.0)
    place: float = 1.0
    place_tail: float = 0.0
    samples: tuple[float, float] = (1.0, 1.0)
    sample_tails: tuple[float, float] = (0.0, 0.0)


def calibration_of(path: Path, manifest: Mapping) -> Calibration:
    """By the manifest of the network ``path``. Raises WeightsError for values that cannot be."""
    told, values = manifest.get(KEY, {}), {}
    for name, default in vars(Calibration()).items():
        highest = HEAVIEST if name.endswith(("tail", "tails")) else np.inf
        try:
            value = np.array(told.get(name, default), float)
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


def blended(of_seen_and_hidden: tuple[float, float], visibility: np.ndarray) -> np.ndarray:
    """Between the two for joints that are seen with probability ``visibility`` [...]."""
    seen, hidden = of_seen_and_hidden
    return visibility * seen + (1 - visibility) * hidden


def factor2(factors: tuple[float, float], visibility: np.ndarray) -> np.ndarray:
    """Factors [...] on covariances of joints that are seen with probability ``visibility`` [...]:
    squares are blended, as the variance of a mixture is."""
    seen, hidden = factors
    return blended((seen**2, hidden**2), visibility)


def calibrated(
    joint_cov: np.ndarray,
    visibility: np.ndarray,
    calibration: Calibration,
    by_samples: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Covariances [N, 24, 3, 3] as they may be published, and their tails [N, 24], of joint 0 the
    tail of the pelvis' place. by_samples: [N, 24] whose covariances are by samples; None: none."""
    factors, tails = (
        f(own, visibility)
        for f, own in ((factor2, calibration.joints), (blended, calibration.joint_tails))
    )
    if by_samples is not None:
        factors = np.where(by_samples, factor2(calibration.samples, visibility), factors)
        tails = np.where(by_samples, blended(calibration.sample_tails, visibility), tails)
    tails[:, 0] = calibration.place_tail
    return (joint_cov * factors[..., None, None]).astype(np.float32), tails.astype(np.float32)
