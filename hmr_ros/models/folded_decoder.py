"""The decoder (``hmr_ros.models.decoder``) for use: the same sums in fewer, larger products.

A small network on a processor waits for operators more than it computes. So keys and values of all
layers are one product of the tokens, queries, keys and values of queries among each other another,
and people and queries stay one axis, which makes every layer a plain matrix product.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FoldedDecoder(nn.Module):
    """A trained ``decoder.Decoder``; called as that."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        layers = list(decoder.layers)
        self.heads = layers[0].across.heads
        self.norm = decoder.norm
        self.source = joined(layer.across.source for layer in layers)
        self.layers = nn.ModuleList(FoldedLayer(layer) for layer in layers)

    def forward(self, queries: Tensor, groups: list[Tensor]) -> Tensor:
        tokens = self.norm(torch.cat(groups, 1))
        many = queries.shape[1]
        told = by_head(
            self.source(tokens.flatten(0, 1)), tokens.shape[1], tokens.shape[2], self.heads
        )
        told = told.split(self.heads, 1)
        x = queries.flatten(0, 1)
        for layer, keys, values in zip(self.layers, told[::2], told[1::2], strict=True):
            x = layer(x, many, keys, values)
        return x.unflatten(0, (-1, many))


class FoldedLayer(nn.Module):
    """A trained ``decoder.Layer``: queries [N x Q, width] of which each person has ``many``, keys
    and values [N, heads, T, width / heads]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.norms, self.inner, self.outer = layer.norms, layer.inner, layer.outer
        self.own = joined([layer.among.query, layer.among.source])
        self.query = layer.across.query
        self.among, self.across = (MixingAttention(a) for a in (layer.among, layer.across))

    def forward(self, x: Tensor, many: int, keys: Tensor, values: Tensor) -> Tensor:
        width, heads = x.shape[1], self.among.heads
        own = by_head(self.own(self.norms[0](x)), many, width, heads).split(heads, 1)
        x = x + self.among(*own)
        x = x + self.across(by_head(self.query(self.norms[1](x)), many, width, heads), keys, values)
        return x + self.outer(F.gelu(self.inner(self.norms[2](x))))


class MixingAttention(nn.Module):
    """What a trained ``decoder.Attention`` does with queries, keys and values [N, heads, T,
    width / heads]: [N x Q, width]."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.heads, self.out = attention.heads, attention.out

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.out(seen.reshape(-1, self.out.in_features))


def by_head(x: Tensor, many: int, width: int, heads: int) -> Tensor:
    """[N x ``many``, P x width] as [N, P x heads, many, width / heads]."""
    return x.reshape(-1, many, x.shape[1] * heads // width, width // heads).transpose(1, 2)


def joined(layers: Iterable[nn.Linear]) -> nn.Linear:
    """One layer with the outputs of several that read the same."""
    layers = list(layers)
    weight = torch.cat([layer.weight for layer in layers])
    whole = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        whole.weight.copy_(weight)
        whole.bias.copy_(torch.cat([layer.bias for layer in layers]))
    return whole
