"""Joint queries that gather what they need from tokens (DETR, Carion et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.folded_decoder import FoldedDecoder

JOINTS = 24
# After the joints: one query for the shape and one for the place.
QUERIES = JOINTS + 2


class Attention(nn.Module):
    """Multi-head attention of queries [N, Q, width] on values [N, T, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.source = nn.Linear(width, 2 * width)

    def forward(self, queries: Tensor, values: Tensor) -> Tensor:
        q = self._split(self.query(queries))
        k, v = (self._split(part) for part in self.source(values).chunk(2, -1))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """Queries look at each other, at the tokens, and think it over; normalised before each."""

    def __init__(self, width: int, heads: int, expand: int = 4) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.among, self.across = Attention(width, heads), Attention(width, heads)
        self.inner, self.outer = nn.Linear(width, expand * width), nn.Linear(expand * width, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        own = self.norms[0](queries)
        queries = queries + self.among(own, own)
        queries = queries + self.across(self.norms[1](queries), tokens)
        return queries + self.outer(F.gelu(self.inner(self.norms[2](queries))))


class Decoder(nn.Module):
    """``layers`` layers over queries [N, Q, width] and groups of tokens, joined and normalised."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def forward(self, queries: Tensor, groups: list[Tensor]) -> Tensor:
        tokens = self.norm(torch.cat(groups, 1))
        for layer in self.layers:
            queries = layer(queries, tokens)
        return queries

    def merged(self) -> FoldedDecoder:
        """The same for use, see ``hmr_ros.models.merging.fused``."""
        return FoldedDecoder(self)
