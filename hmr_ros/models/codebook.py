"""A codebook that follows the mean of what falls to each code, and gives unused codes new work.

Van den Oord et al., "Neural Discrete Representation Learning" (2017), appendix A.1; unused codes
start anew at vectors of the current batch, as in Dhariwal et al., "Jukebox" (2020).
"""

from __future__ import annotations

import torch
import torch.distributed
from torch import Tensor, nn

DECAY = 0.97
DEAD = 0.05  # of the mean use: codes used less are dead


class Codebook(nn.Module):
    """``codes`` codes of ``width`` numbers; buffers only, no gradient trains them."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("code", torch.randn(codes, width))
        self.register_buffer("use", torch.zeros(codes))  # vectors a batch, smoothed
        self.register_buffer("total", torch.zeros(codes, width))  # their sum, smoothed
        self._seen: tuple[Tensor, Tensor] | None = None

    def nearest(self, latents: Tensor) -> Tensor:
        """Latents [N, T, width] to the numbers [N, T] of the nearest codes."""
        latents = latents.detach()
        far = self.code.square().sum(-1) - 2 * latents @ self.code.T
        return far.argmin(-1)

    def note(self, latents: Tensor, tokens: Tensor) -> None:
        """Keep latents [N, T, width] and their tokens [N, T] for ``follow``."""
        self._seen = latents.detach().float().flatten(0, 1), tokens.flatten()

    @torch.no_grad()
    def follow(self, step: int, restart: bool = False) -> None:
        """Move the codes after training step ``step`` (from 0) to what they stood for.

        restart: take vectors of this batch for codes, whatever the codes were.
        Processes of one training take in each other's batches and stay equal.
        """
        if self._seen is None:
            return
        latents, tokens = self._seen
        self._seen = None
        # Which latents replace dead codes is drawn from the step: a resumed training draws alike.
        rng = torch.Generator().manual_seed(step)
        drawn = torch.randint(len(latents), (len(self.code),), generator=rng)
        fresh = latents[drawn.to(latents.device)]
        use = torch.bincount(tokens, minlength=len(self.code)).float()
        total = torch.zeros_like(self.total).index_add_(0, tokens, latents)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast(fresh, 0)
            for part in (use, total):
                torch.distributed.all_reduce(part)
        mean_use = use.mean()
        if restart:
            self.use.fill_(mean_use)
            self.total.copy_(fresh * mean_use)
        else:
            self.use.lerp_(use, 1 - DECAY)
            self.total.lerp_(total, 1 - DECAY)
            dead = self.use < DEAD * mean_use
            self.use[dead] = mean_use
            self.total[dead] = fresh[dead] * mean_use
        self.code.copy_(self.total / self.use[:, None])
