"""What JPEG loses, for a batch: colours at half size, and rounded cosines of blocks of 8 x 8.

ITU-T T.81 with the tables of its annex K, scaled by quality as the IJG's library does, and 4:2:0
sub-sampled colours that are smoothed when they are enlarged. Nothing is encoded: that loses
nothing. Cosines are floats where the library has whole numbers, so a few values differ by one or
two grey levels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)


def jpeg_loss(image: Tensor, quality: Tensor) -> Tensor:
    """Images [B, H, W, 3] uint8 BGR after JPEG of quality [B], 1..100."""
    height, width = image.shape[1:3]
    blue, green, red = image.to(torch.float32).unbind(-1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    colours = torch.stack([(blue - luma) / 1.772 + 128, (red - luma) / 1.402 + 128], 1)
    planes = torch.round(torch.cat([luma[:, None], colours], 1))
    # Whole blocks of 16 x 16, filled by repeating the border.
    planes = pad(planes, (0, -width % 16, 0, -height % 16), mode="replicate")
    quality = quality.clamp(1, 100).to(torch.float32)
    scale = torch.where(quality < 50, torch.floor(5000 / quality), 200 - 2 * quality)
    luma = _rounded(planes[:, :1], scale, _LUMA)
    small = _rounded(_halved(planes[:, 1:]), scale, _CHROMA)
    luma = luma[:, 0, :height, :width]
    crop = small[:, :, : (height + 1) // 2, : (width + 1) // 2]
    blueness, redness = (_doubled(crop)[:, :, :height, :width] - 128).unbind(1)
    green = luma - 0.344136 * blueness - 0.714136 * redness
    out = torch.stack([luma + 1.772 * blueness, green, luma + 1.402 * redness], -1)
    return torch.round(out).clamp(0, 255).to(torch.uint8)


def _halved(planes: Tensor) -> Tensor:
    """Means of 2 x 2, rounded down and up in turns along a row as the library does."""
    total = (planes[..., ::2, ::2] + planes[..., 1::2, ::2] + planes[..., ::2, 1::2]) + planes[
        ..., 1::2, 1::2
    ]
    bias = 1.0 + torch.arange(total.shape[-1], device=planes.device) % 2
    return torch.floor((total + bias) / 4)


def _doubled(planes: Tensor) -> Tensor:
    """Twice the size; each value three parts of the nearer and one of the farther neighbour."""
    for axis in (-2, -1):
        size = planes.shape[axis]
        place = torch.arange(size, device=planes.device)
        before = planes.index_select(axis, (place - 1).clamp(min=0))
        after = planes.index_select(axis, (place + 1).clamp(max=size - 1))
        pair = torch.stack([3 * planes + before, 3 * planes + after], axis if axis == -1 else -2)
        planes = pair.flatten(-2) if axis == -1 else pair.flatten(-3, -2)
    # Sixteenths, rounded up and down in turns.
    bias = 8.0 - torch.arange(planes.shape[-1], device=planes.device) % 2
    return torch.floor((planes + bias) / 16)


def _rounded(planes: Tensor, scale: Tensor, table: tuple) -> Tensor:
    """Planes [B, C, H, W] with the cosines of their blocks rounded to the table's steps."""
    steps = torch.tensor(table, dtype=torch.float32, device=planes.device)
    steps = torch.floor((steps * scale[:, None, None] + 50) / 100).clamp(1, 255)
    steps = steps[:, None, None, :, None, :]
    batch, channels, height, width = planes.shape
    cosines = _cosines(planes.device)
    blocks = planes.view(batch, channels, height // 8, 8, width // 8, 8) - 128
    wave = torch.einsum("ui,bcriqj,vj->bcruqv", cosines, blocks, cosines)
    wave = torch.round(wave / steps) * steps
    blocks = torch.einsum("ui,bcruqv,vj->bcriqj", cosines, wave, cosines)
    return torch.round(blocks + 128).clamp(0, 255).reshape(batch, channels, height, width)


@lru_cache(maxsize=8)
def _cosines(device: torch.device) -> Tensor:
    """[8, 8] orthonormal cosine transform: row u holds the wave of frequency u."""
    place, frequency = np.arange(8), np.arange(8)[:, None]
    rows = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    rows[0] /= np.sqrt(2)
    return torch.from_numpy(rows.astype(np.float32)).to(device)
