"""What the camera does to the light of a batch: the rules of ``finish``, in torch.

Blur, smear, tone, flicker and noise give the CPU's numbers but for the last bit of exponentials.
JPEG is ``torch_jpeg``: the same loss of detail without the file.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from hmr_ros.data.render.finish import DROPPED, TONES, bell, normal_quantiles, smear
from hmr_ros.data.render.torch_jpeg import jpeg_loss
from hmr_ros.data.scenes.scene import Finish

_WORD = 0xFFFFFFFF


def finished(light: Tensor, finishes: tuple[Finish, ...], outside: Tensor | None) -> Tensor:
    """Light [B, H, W, 3] float32, 0..1, as it is delivered: uint8; black where ``outside``."""
    light = _blurred(light, finishes)
    light = _smeared(light, finishes)
    image = _developed(light, finishes)
    quality = torch.tensor([f.jpeg for f in finishes], device=light.device)
    some = [n for n, f in enumerate(finishes) if f.jpeg > 0]
    if some:
        image[some] = jpeg_loss(image[some], quality[some])
    if outside is not None:
        image = image.masked_fill(outside[..., None], 0)
    return image


def _blurred(light: Tensor, finishes: tuple[Finish, ...]) -> Tensor:
    """Rows, then columns, weighed with the neighbours; the border is repeated."""
    some = [n for n, f in enumerate(finishes) if f.blur > 0]
    if not some:
        return light
    bells = [bell(finishes[n].blur) for n in some]
    widest = max(reach for _, reach in bells)
    weights = np.zeros((len(some), 2 * widest + 1), np.float32)
    for row, (share, reach) in zip(weights, bells, strict=True):
        row[widest - reach : widest + reach + 1] = share
    weights = torch.from_numpy(weights).to(light.device)[..., None, None, None]
    swept = light[some]
    for axis in (2, 1):
        size = swept.shape[axis]
        place = torch.arange(size, device=light.device)
        out = torch.zeros_like(swept)
        for n in range(2 * widest + 1):
            out += weights[:, n] * swept.index_select(axis, (place + n - widest).clamp(0, size - 1))
        swept = out
    light = light.clone()
    light[some] = swept
    return light


def _smeared(light: Tensor, finishes: tuple[Finish, ...]) -> Tensor:
    some = [n for n, f in enumerate(finishes) if f.motion != (0.0, 0.0)]
    if not some:
        return light
    taps = [smear(finishes[n].motion) for n in some]
    most = max(len(weights) for _, weights in taps)
    steps = np.zeros((most, len(some), 2), np.int64)
    shares = np.zeros((most, len(some)), np.float32)
    for n, (places, weights) in enumerate(taps):
        steps[: len(places), n], shares[: len(places), n] = places, weights
    steps, shares = (torch.from_numpy(a).to(light.device) for a in (steps, shares))
    sharp = light[some]
    height, width = sharp.shape[1:3]
    row = torch.arange(len(some), device=light.device)[:, None, None]
    y = torch.arange(height, device=light.device)[None, :, None]
    x = torch.arange(width, device=light.device)[None, None, :]
    out = torch.zeros_like(sharp)
    for step, share in zip(steps, shares, strict=True):
        j = (y + step[:, 1, None, None]).clamp(0, height - 1)
        i = (x + step[:, 0, None, None]).clamp(0, width - 1)
        out += share[:, None, None, None] * sharp[row, j, i]
    light = light.clone()
    light[some] = out
    return light


def _developed(light: Tensor, finishes: tuple[Finish, ...]) -> Tensor:
    """Tone, flicker and noise, the same noise as the CPU's."""
    device, (count, height, width, _) = light.device, light.shape

    def each(values, kind=torch.float64) -> Tensor:
        return torch.tensor(list(values), dtype=kind, device=device)[:, None]

    steps = torch.arange(TONES, dtype=torch.float64, device=device) / (TONES - 1)
    tones = 255 * each(f.gain for f in finishes) * steps ** each(f.gamma for f in finishes)
    tones = tones.to(torch.float32)
    amplitude, period, phase = (each(f.rolling[n] for f in finishes) for n in range(3))
    turns = torch.arange(height, dtype=torch.float64, device=device) / period
    gains = (1 + amplitude * torch.sin(2 * np.pi * turns + phase)).to(torch.float32)
    level = (light.clamp(0.0, 1.0) * float(TONES - 1) + 0.5).to(torch.int64)
    value = tones.gather(1, level.view(count, -1)).view_as(light) * gains[:, :, None, None]
    deviation = each(max(0.0, f.noise) for f in finishes)
    quantiles = (deviation * _normal(device)).to(torch.float32)
    start = mixed_bits(each((f.seed & _WORD for f in finishes), torch.int64))
    bits = mixed_bits(torch.arange(height * width * 3, device=device) + start)
    value = value + quantiles.gather(1, bits >> DROPPED).view_as(light)
    return torch.floor(value.clamp(0.0, 255.0) + 0.5).to(torch.uint8)


@lru_cache(maxsize=8)
def _normal(device: torch.device) -> Tensor:
    """[N] float64 quantiles of the normal distribution, variance 1."""
    return torch.tensor(normal_quantiles(), dtype=torch.float64, device=device)


def mixed_bits(n: Tensor) -> Tensor:
    """Whole numbers to 32 well mixed bits, int64 (Wellons' lowbias32)."""
    n = n & _WORD
    n = n ^ (n >> 16)
    n = (n * 0x7FEB352D) & _WORD
    n = n ^ (n >> 15)
    n = (n * 0x846CA68B) & _WORD
    return n ^ (n >> 16)
