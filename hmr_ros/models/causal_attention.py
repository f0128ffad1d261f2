"""Causal attention over a window of frames: whole clips at once, or frame by frame from a cache.

Positions are times: queries and keys are turned by rotary codes (Su et al. 2021) of when their
frames were taken, so a dropped frame is a longer way and nothing depends on the rate. Only the age
of a key counts, so the millionth frame is treated like the tenth.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Wave lengths of the rotary codes, seconds: from two frames of a quick camera to a long memory.
SHORTEST, LONGEST = 0.1, 30.0
FAR = -1e4  # added to the scores of what must not be looked at


class Rotary(nn.Module):
    """Turns [..., d] by a time; d even."""

    def __init__(self, size: int) -> None:
        super().__init__()
        lengths = torch.logspace(math.log10(SHORTEST), math.log10(LONGEST), size // 2)
        self.register_buffer("rates", 2 * math.pi / lengths, persistent=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x [..., d], time [...] seconds."""
        angle = time[..., None] * self.rates
        c, s = angle.cos(), angle.sin()
        a, b = x.chunk(2, -1)
        return torch.cat([a * c - b * s, a * s + b * c], -1)


class CausalLayer(nn.Module):
    """A pre-normalised transformer layer. Keys are kept unturned, as their age changes."""

    def __init__(self, width: int, heads: int, expand: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.source, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, expand * width), nn.Linear(expand * width, width)
        self.rotary = Rotary(width // heads)

    def whole(self, x: Tensor, time: Tensor, blocked: Tensor) -> Tensor:
        """Clips x [N, T, width] taken at ``time`` [N, T]; blocked [N, T, T] is ``FAR`` where a
        frame (row) must not look at another, else 0."""
        q, k, v = self.source(self.norms[0](x)).chunk(3, -1)
        q, k = (self.rotary(self._split(part), time[:, None]) for part in (q, k))
        x = x + self._mixed(q, k, self._split(v), blocked)
        return self._thought(x)

    def step(
        self, x: Tensor, keys: Tensor, values: Tensor, ages: Tensor, blocked: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The newest frame x [N, width]; keys and values [N, W, width] of the window before it, the
        oldest first, ages [N, W + 1] and blocked [N, W + 1] with the newest last. Returns x and the
        window that ends with this frame."""
        q, k, v = self.source(self.norms[0](x)).chunk(3, -1)
        keys, values = (torch.cat([a, b[:, None]], 1) for a, b in ((keys, k), (values, v)))
        turned = self.rotary(self._split(keys), -ages[:, None])
        found = self._mixed(self._split(q[:, None]), turned, self._split(values), blocked[:, None])
        return self._thought(x + found[:, 0]), keys[:, 1:], values[:, 1:]

    def _mixed(self, q: Tensor, k: Tensor, v: Tensor, blocked: Tensor) -> Tensor:
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + blocked[:, None]
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    def _thought(self, x: Tensor) -> Tensor:
        return x + self.outer(F.gelu(self.inner(self.norms[1](x))))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
