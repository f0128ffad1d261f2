"""Heat-maps and person masks as the landmark network would give them, from drawn keypoints.

Height and width of the heat-maps' bumps are measured. How masks err (``STRAY``, ``MASK_BLUR``, the
level of their border) is assumed: nothing here was fitted to BlazePose's own masks.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

HEATMAP = 64  # cells of a side, as BlazePose's
STRAY = 0.25  # chance that a mask takes in a piece of what hides the person
MASK_BLUR = 2.0  # cells


def heatmaps(places: Tensor, peak: Tensor, spread: Tensor, present: Tensor) -> Tensor:
    """[N, K, 64, 64] in 0..1: a bump of the drawn height and width for each keypoint.

    places: [N, K, 2] in units of the crop, 0 (left, top) to 1. peak, spread (cells): [N, K] of
    ``StandIn``. present: [N, K]; maps of absent keypoints are empty.
    """
    cells = torch.arange(HEATMAP, device=places.device, dtype=places.dtype) + 0.5
    at = places * HEATMAP
    width = 2 * spread.clamp(min=0.7)[..., None] ** 2
    x = torch.exp(-((cells - at[..., :1]) ** 2) / width)
    y = torch.exp(-((cells - at[..., 1:]) ** 2) / width)
    height = torch.where(present, peak, torch.zeros_like(peak))
    return height[..., None, None] * y[..., :, None] * x[..., None, :]


def mask(person: Tensor, whole: Tensor, rng: Generator) -> Tensor:
    """[N, h, w] soft person mask from the visible silhouette, with a network's mistakes.

    person: [N, h, w] bool, pixels where the person is in front; whole: the same as if nothing hid
    it. The border is blurred and shifted by a cell or two, and sometimes the mask goes on over a
    piece of what hides the person.
    """
    n = len(person)
    device = person.device
    coarse = torch.rand(n, 1, 5, 5, generator=rng, device=device)
    patches = F.interpolate(coarse, person.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    leaks = torch.rand(n, 1, 1, generator=rng, device=device) < STRAY
    shown = person | (leaks & whole & (patches > 0.6))
    radius = int(3 * MASK_BLUR)
    at = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    kernel = torch.exp(-(at**2) / (2 * MASK_BLUR**2))
    kernel = kernel / kernel.sum()
    soft = shown.float()[:, None]
    soft = F.conv2d(soft, kernel[None, None, :, None], padding=(radius, 0))
    soft = F.conv2d(soft, kernel[None, None, None, :], padding=(0, radius))[:, 0]
    level = 0.5 + 0.15 * torch.randn(n, 1, 1, generator=rng, device=device)
    return torch.sigmoid((soft - level.clamp(0.15, 0.85)) * 14)
