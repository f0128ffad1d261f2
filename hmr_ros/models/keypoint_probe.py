"""A small network from pictures to 2D keypoints: it measures data, not people.

What it learns in ten minutes on one core depends on what it is shown, so that two kinds of training
pictures can be compared on photographs. No product path uses it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 96  # pixels of the square input
STRIDE = 4
CELLS = SIZE // STRIDE


class Block(nn.Module):
    """Inverted bottleneck with a depthwise 5x5 in front (as in ConvNeXt, Liu et al. 2022)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, 2 * width, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def down(width: int, wider: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(wider),
        nn.ReLU(inplace=True),
    )


class KeypointProbe(nn.Module):
    """Pictures [B, 3, SIZE, SIZE] in 0..1 to heat-map logits [B, K, CELLS, CELLS]."""

    def __init__(self, keypoints: int = 17) -> None:
        super().__init__()
        self.fine = nn.Sequential(down(3, 16), down(16, 32), Block(32), Block(32))
        self.middle = nn.Sequential(down(32, 64), *[Block(64) for _ in range(3)])
        self.coarse = nn.Sequential(down(64, 128), *[Block(128) for _ in range(4)])
        self.place = nn.Parameter(torch.zeros(1, 128, CELLS // 4, CELLS // 4))
        self.from_coarse = nn.Conv2d(128, 64, 1)
        self.from_middle = nn.Conv2d(64, 32, 1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.join = Block(64)
        self.last = nn.Sequential(Block(32), nn.Conv2d(32, keypoints, 1))

    def forward(self, image: Tensor) -> Tensor:
        fine = self.fine(image - 0.45)
        middle = self.middle(fine)
        coarse = self.coarse(middle) + self.place
        middle = self.join(middle + self.up(self.from_coarse(coarse)))
        return self.last(fine + self.up(self.from_middle(middle)))


def positions(logits: Tensor) -> Tensor:
    """Expected places [B, K, 2] (x, y) in pixels of the input, pixel centres at integers."""
    share = logits.flatten(2).softmax(-1).unflatten(-1, logits.shape[2:])
    cells = torch.arange(logits.shape[-1], device=logits.device, dtype=logits.dtype)
    x = (share.sum(2) * cells).sum(-1)
    y = (share.sum(3) * cells).sum(-1)
    return torch.stack([x, y], -1) * STRIDE + (STRIDE - 1) / 2
