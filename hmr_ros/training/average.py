"""Exponential moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import nn

EVERY = 4


class Average:
    """Averaged copies of all parameters and buffers; young averages forget faster.

    The average moves once in ``EVERY`` steps by as much as in all of them. Whole numbers (counters)
    are those of the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` (from 0) steps."""
        if step % EVERY:
            return
        keep = min(self.decay, (1 + step) / (20 + step)) ** EVERY
        current = network.state_dict()
        moving = [k for k, v in self.state.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [self.state[k] for k in moving], [current[k] for k in moving], 1 - keep
        )
        for name in self.state.keys() - moving:
            self.state[name].copy_(current[name])
