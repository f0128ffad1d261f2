"""One training in several processes, one a GPU, as ``torchrun`` starts them.

Every process has the whole network and a part of each batch. Gradients are averaged here and not
by ``DistributedDataParallel``: the network stays itself, so a task may call any of its methods.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Processes:
    """This process is ``rank`` of ``world`` and computes on ``device``; rank 0 writes files."""

    rank: int = 0
    world: int = 1
    device: torch.device = torch.device("cpu")

    def average(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their means over all processes, in place."""
        if self.world == 1 or not tensors:
            return
        joined = torch.cat([t.detach().float().flatten() for t in tensors])
        distributed.all_reduce(joined)
        joined /= self.world
        for tensor, mean in zip(tensors, joined.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def average_gradients(self, network: nn.Module) -> None:
        if self.world == 1:
            return
        trained = [p for p in network.parameters() if p.requires_grad]
        for p in trained:
            if p.grad is None:  # this part of the batch did not need it, another's may
                p.grad = torch.zeros_like(p)
        self.average([p.grad for p in trained])

    def average_buffers(self, network: nn.Module) -> None:
        """Running statistics and codebooks, which each process gathers from its own part."""
        self.average([b for b in network.buffers() if b.is_floating_point()])

    def any(self, flag: bool) -> bool:
        """Whether it is true in any process: all must stop at the same step."""
        if self.world == 1:
            return flag
        told = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(told, op=distributed.ReduceOp.MAX)
        return bool(told.item())


def join_processes() -> Processes:
    """By the variables that ``torchrun`` sets; without them one process. CUDA if there is one."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Processes(rank, world, device)


def leave_processes() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def end_process(status: int) -> NoReturn:
    """End one of several processes that is done. Torch's libraries sometimes abort while an
    interpreter is taken down, and ``torchrun`` then ends the others, which may still write."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
