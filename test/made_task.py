"""A small task for tests of the training loop: a straight line through noise."""

import torch
from torch import nn


class Line:
    """y = 3 x0 - 2 x1 + 1. part: of a whole batch of ``batch`` that this process gets; poisoned:
    step whose loss is not finite; huge: step that asks for more memory than there is."""

    name = "line"

    def __init__(self, batch=16, part=slice(None), seed=0, poisoned=None, huge=None, dropout=0.2):
        self.size, self.part, self.seed = batch, part, seed
        self.poisoned, self.huge, self.dropout = poisoned, huge, dropout

    def network(self):
        # Statistics of a whole batch differ from those of its parts.
        noisy = [nn.BatchNorm1d(8), nn.Dropout(self.dropout)] if self.dropout else []
        return nn.Sequential(nn.Linear(2, 8), *noisy, nn.Linear(8, 1))

    def batch(self, step):
        rng = torch.Generator().manual_seed(1000 * self.seed + step)
        x = torch.randn(self.size, 2, generator=rng)
        y = x @ torch.tensor([[3.0], [-2.0]]) + 1 + 0.1 * torch.randn(self.size, 1, generator=rng)
        return {"x": x[self.part], "y": y[self.part]}

    def losses(self, network, batch, step):
        if step == self.huge:
            torch.empty(1 << 50)
        gap = (network(batch["x"]) - batch["y"]).square().mean()
        if step == self.poisoned:
            gap = gap * float("nan")
        weights = sum(p.square().sum() for p in network.parameters())
        return {"gap": gap, "weights": 1e-3 * weights}

    def after_step(self, network, step):
        pass

    def validate(self, network):
        assert not network.training
        batch = self.batch(10**6)
        with torch.no_grad():
            return {"gap": (network(batch["x"]) - batch["y"]).square().mean().item()}

    def identity(self):
        return {"noise": 0.1, "size": self.size}
