"""How close the statistical stand-in comes to the real front end, on pictures it was not fitted to.

Both see the same people. For each class of joints and way of being seen: median and 95th percentile
of the error in units of the person's size, over people who were found and landmarks put into the
image, and the share of keypoints that are missed (nobody found, or confidence below ``MISSED``).
"""

from __future__ import annotations

import numpy as np
import torch

from hmr_ros.data.detections.fitting import KINDS, Observed, within
from hmr_ros.data.detections.stand_in import stand_in
from hmr_ros.data.measured_errors import CLASSES, MeasuredErrors

GROUPS = ("face", "shoulders and hips", "elbows and knees", "wrists and ankles", "hands and feet")
MISSED = 0.3
FEW = 100  # classes with fewer keypoints are left out: their 95th percentile is noise
ROUNDS = 20  # draws of the stand-in a person


def compared(seen: Observed, errors: MeasuredErrors) -> list[dict]:
    """Rows of ``hmr eval front-end``."""
    shift = np.einsum("nkij,kj->nki", seen.axes, errors.offsets)
    rng = torch.Generator().manual_seed(0)
    pixels = torch.tensor(seen.pixels + shift, dtype=torch.float32)
    state = torch.tensor(seen.state)
    image = torch.tensor(seen.image, dtype=torch.float32)
    drawn = [stand_in(pixels, state, image, errors, rng) for _ in range(ROUNDS)]
    scale = seen.size[:, None]
    real = np.linalg.norm(seen.keypoints[..., :2] - seen.pixels, axis=-1) / scale
    fake = np.stack(
        [np.linalg.norm(d.positions.numpy() - seen.pixels, axis=-1) / scale for d in drawn]
    )
    found = np.stack([d.found.numpy() for d in drawn])
    placed = within(seen.keypoints[..., :2], seen.image)
    drawn_inside = np.stack([within(d.positions.numpy(), seen.image) for d in drawn])
    sure = np.stack([d.confidence.numpy() for d in drawn]) >= MISSED
    rows = []
    for group, name in enumerate(GROUPS):
        for c, seen_as in enumerate(CLASSES):
            chosen = (seen.state == c) & np.equal(KINDS, group)
            if chosen.sum() < FEW:
                continue
            known = chosen & placed & seen.found[:, None]
            guessed = chosen[None] & drawn_inside & found[..., None]
            row = {"model": "stand-in", "subset": f"{name}, {seen_as}", "n": int(chosen.sum())}
            for label, q in (("median", 0.5), ("p95", 0.95)):
                a, b = np.quantile(real[known], q), np.quantile(fake[guessed], q)
                row |= {f"{label}_real": float(a), f"{label}_drawn": float(b)}
                row[f"{label}_ratio"] = float(b / a)
            given = seen.found[:, None] & (seen.keypoints[..., 2] >= MISSED)
            row |= {"missed_real": float(1 - given[chosen].mean())}
            row |= {"missed_drawn": float(1 - (sure & found[..., None])[:, chosen].mean())}
            rows.append(row)
    return rows
