"""Training of the keypoint probe on a fixed set of pictures held in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hmr_ros.models.keypoint_probe import CELLS, SIZE, STRIDE, KeypointProbe, positions

# Left and right of COCO's 17 keypoints.
MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
SPREAD = 1.0  # standard deviation of the target's bump, cells
PEAK_RATE = 2e-3


def train_probe(
    images: np.ndarray,
    keypoints: np.ndarray,
    steps: int,
    batch: int = 64,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> KeypointProbe:
    """Learn COCO's keypoints, hidden ones as well as seen ones.

    images: [N, SIZE, SIZE, 3] uint8 BGR. keypoints: [N, 17, 2] pixels; those outside of the picture
    are not learned. Mirrored half of the time, with other colours and small shifts. The same input
    gives the same network. Raises ValueError for arrays of other shapes.
    """
    if images.shape[1:] != (SIZE, SIZE, 3) or keypoints.shape != (len(images), 17, 2):
        raise ValueError(
            f"images {images.shape} and keypoints {keypoints.shape} must be "
            f"[N, {SIZE}, {SIZE}, 3] and [N, 17, 2]"
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = KeypointProbe().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for step in range(steps):
        rows = rng.integers(0, len(images), batch)
        picture, points = varied(images[rows], keypoints[rows], rng)
        loss = probe_loss(network(picture), points)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        rate.step()
        report(step, float(loss.detach()))
    return network.eval()


def probe_loss(logits: Tensor, points: Tensor) -> Tensor:
    """Cross-entropy with a bump around each keypoint [B, 17, 2] inside, and the mean distance."""
    inside = ((points >= 0) & (points <= SIZE - 1)).all(-1)
    cell = (points - (STRIDE - 1) / 2) / STRIDE
    cells = torch.arange(CELLS, dtype=points.dtype)
    bump = [torch.exp(-((cells - cell[..., d, None]) ** 2) / (2 * SPREAD**2)) for d in range(2)]
    target = (bump[1][..., :, None] * bump[0][..., None, :]).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-9)
    entropy = -(target * logits.flatten(2).log_softmax(-1)).sum(-1)
    distance = (positions(logits) - points).abs().sum(-1) / SIZE
    return ((entropy + 2 * distance) * inside).sum() / inside.sum().clamp(min=1)


def varied(
    images: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Mirror, recolour and shift a batch: pictures [B, 3, SIZE, SIZE] in 0..1 and their points."""
    picture = torch.from_numpy(images).float().permute(0, 3, 1, 2) / 255
    points = torch.from_numpy(keypoints.astype(np.float32))
    flip = torch.from_numpy(rng.random(len(images)) < 0.5)
    picture = torch.where(flip[:, None, None, None], picture.flip(3), picture)
    mirror = points[:, MIRRORED] * torch.tensor([-1.0, 1.0]) + torch.tensor([SIZE - 1.0, 0.0])
    points = torch.where(flip[:, None, None], mirror, points)
    number = len(images)
    contrast = torch.from_numpy(rng.uniform(0.6, 1.4, (number, 1, 1, 1))).float()
    tint = torch.from_numpy(rng.uniform(-0.12, 0.12, (number, 3, 1, 1))).float()
    picture = ((picture - 0.45) * contrast + 0.45 + tint).clamp(0, 1)
    shift = rng.integers(-6, 7, 2)
    picture = torch.roll(picture, (int(shift[1]), int(shift[0])), (2, 3))
    points = points + torch.from_numpy(shift).float()
    return picture.contiguous(memory_format=torch.channels_last), points
