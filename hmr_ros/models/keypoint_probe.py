"""A small network from person crops to 2D keypoints: it measures data, not people.

It sees what every network of the family sees of a person, the picture and BlazePose's heat-maps and
mask, and says where COCO's keypoints are. What it learns in minutes on one core depends on what it
is shown, so that two kinds of training pictures can be compared on photographs. No product path
uses it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 128  # pixels of the square picture
CELLS = 32  # of a side of the maps
LANDMARKS = 33
# COCO's 17 keypoints among BlazePose's 33.
COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
FAINT = 0.03  # added to heat-maps before the logarithm


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
    """Crops to heat-map logits [B, 17, CELLS, CELLS].

    image [B, 3, SIZE, SIZE], heatmaps [B, 33, CELLS, CELLS] and mask [B, 1, CELLS, CELLS], all in
    0..1. It starts from BlazePose's own heat-maps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(down(3, 16), down(16, 40), Block(40))
        self.maps = nn.Conv2d(LANDMARKS + 1, 40, 1)
        self.fine = Block(40)
        self.middle = nn.Sequential(down(40, 80), *[Block(80) for _ in range(2)])
        self.coarse = nn.Sequential(down(80, 128), *[Block(128) for _ in range(3)])
        self.place = nn.Parameter(torch.zeros(1, 128, CELLS // 4, CELLS // 4))
        self.from_coarse = nn.Conv2d(128, 80, 1)
        self.from_middle = nn.Conv2d(80, 40, 1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.join = Block(80)
        self.last = nn.Sequential(Block(40), nn.Conv2d(40, len(COCO), 1))
        self.trust = nn.Parameter(torch.ones(len(COCO), 1, 1))

    def forward(self, image: Tensor, heatmaps: Tensor, mask: Tensor) -> Tensor:
        fine = self.image(image - 0.45) + self.maps(torch.cat([heatmaps, mask], 1))
        fine = self.fine(fine)
        middle = self.middle(fine)
        coarse = self.coarse(middle) + self.place
        middle = self.join(middle + self.up(self.from_coarse(coarse)))
        given = self.trust * (heatmaps[:, COCO] + FAINT).log()
        return given + self.last(fine + self.up(self.from_middle(middle)))


def positions(logits: Tensor) -> Tensor:
    """Expected places [B, K, 2] (x, y): -1 and 1 are the borders of the crop."""
    share = logits.flatten(2).softmax(-1).unflatten(-1, logits.shape[2:])
    cells = centres(logits)
    return torch.stack([(share.sum(2) * cells).sum(-1), (share.sum(3) * cells).sum(-1)], -1)


def centres(logits: Tensor) -> Tensor:
    """[CELLS] places of the cells' centres in -1..1."""
    cells = torch.arange(logits.shape[-1], device=logits.device, dtype=logits.dtype)
    return (2 * cells + 1) / logits.shape[-1] - 1
