"""Exponential moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import nn


class Average:
    """Averaged copies of all parameters and buffers; young averages forget faster."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` (from 0) steps."""
        keep = min(self.decay, (1 + step) / (20 + step))
        current = network.state_dict()
        values = [current[k] for k in self.state]
        torch._foreach_lerp_(list(self.state.values()), values, 1 - keep)
