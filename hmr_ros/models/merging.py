"""Parts that train in one form and are used in another, such as convolutions of several branches.

Structural re-parameterisation (RepVGG, Ding et al. 2021): normalisation, identity and parallel
kernels of one layer are all linear once trained, so ``fused`` adds them up.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5


class Normed(nn.Module):
    """A convolution without bias and batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups=1):
        super().__init__()
        self.stride, self.groups = stride, groups
        self.kernel = nn.Parameter(torch.empty(outputs, inputs // groups, kernel, kernel))
        nn.init.kaiming_normal_(self.kernel, mode="fan_out" if groups == 1 else "fan_in")
        # Not nn.BatchNorm2d: its counter is no number that can be averaged or halved.
        self.weight = nn.Parameter(torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("variance", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.kernel, None, self.stride, self.kernel.shape[-1] // 2, 1, self.groups)
        return F.batch_norm(
            x, self.mean, self.variance, self.weight, self.bias, self.training, eps=EPSILON
        )

    def merged(self) -> nn.Conv2d:
        """The same without the normalisation, for evaluation."""
        gain = self.weight / (self.variance + EPSILON).sqrt()
        return plain(
            self.kernel * gain[:, None, None, None],
            self.bias - self.mean * gain,
            self.stride,
            self.groups,
        )


def plain(kernel: Tensor, bias: Tensor, stride: int, groups: int) -> nn.Conv2d:
    outputs, inputs, size, _ = kernel.shape
    conv = nn.Conv2d(inputs * groups, outputs, size, stride, size // 2, groups=groups)
    with torch.no_grad():
        conv.weight.copy_(kernel)
        conv.bias.copy_(bias)
    return conv


class Depthwise(nn.Module):
    """x + 3x3(x) + 1x1(x), channel by channel, as branches that ``merged`` adds up."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = Normed(width, width, 3, groups=width)
        self.point = nn.Parameter(torch.zeros(width, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        # In the precision of the rest, or everything after it would be in single precision.
        return self.wide(x) + x * (1 + self.point[:, 0]).to(x.dtype)

    def merged(self) -> nn.Conv2d:
        conv = self.wide.merged()
        with torch.no_grad():
            conv.weight[:, :, 1, 1] += 1 + self.point[:, :, 0, 0]
        return conv


class Patches(nn.Conv2d):
    """Square patches of maps [N, inputs, h, w], side by side, as tokens [N, T, outputs] row by
    row: a convolution, and one product of matrices once ``merged``."""

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__(inputs, outputs, side, side)

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps).flatten(2).transpose(1, 2)

    def merged(self) -> nn.Module:
        """The same for use."""
        return _MergedPatches(self)


class _MergedPatches(nn.Module):
    """Channels come last before the maps are cut: whole rows of a patch are moved, not cells."""

    def __init__(self, patches: Patches) -> None:
        super().__init__()
        self.side = patches.stride[0]
        kernel = patches.weight.permute(0, 2, 3, 1).flatten(1)
        self.layer = nn.Linear(kernel.shape[1], kernel.shape[0])
        with torch.no_grad():
            self.layer.weight.copy_(kernel)
            self.layer.bias.copy_(patches.bias)

    def forward(self, maps: Tensor) -> Tensor:
        _, channels, high, wide = maps.shape
        rows, columns = high // self.side, wide // self.side
        cells = maps.flatten(2).transpose(1, 2)
        cut = cells.reshape(-1, rows, self.side, columns, self.side * channels).transpose(2, 3)
        found = self.layer(cut.reshape(-1, self.layer.in_features))
        return found.reshape(-1, rows * columns, self.layer.out_features)


def fused(network: nn.Module) -> nn.Module:
    """A copy for use: parallel branches and normalisations merged, small operators folded into
    fewer large ones, each part by its own ``merged``. Equal but for rounding."""
    network = copy.deepcopy(network).eval()
    _merge(network)
    return network


def _merge(module: nn.Module) -> None:
    for name, part in module.named_children():
        if hasattr(part, "merged"):
            setattr(module, name, part.merged())
        else:
            _merge(part)
