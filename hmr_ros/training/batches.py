"""Batches made ahead of time in threads, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

Batch = dict[str, Tensor]


def batches(
    make: Callable[[int], Batch], first: int, device: torch.device, threads: int = 0
) -> Iterator[Batch]:
    """``make(first)``, ``make(first + 1)``, ... on ``device``, without an end.

    With threads, that many batches are made at the same time and twice as many wait; ``make`` must
    depend on its argument alone. Without, each is made when it is asked for.
    """
    step = first
    if threads == 0:
        while True:
            yield _moved(make(step), device)
            step += 1
    pool = ThreadPoolExecutor(threads, "batches")
    waiting: deque[Future] = deque()
    try:
        while True:
            while len(waiting) < 2 * threads:
                waiting.append(pool.submit(_pinned, make, step, device.type == "cuda"))
                step += 1
            yield _moved(waiting.popleft().result(), device)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pinned(make: Callable[[int], Batch], step: int, pin: bool) -> Batch:
    batch = make(step)
    return {k: v.pin_memory() for k, v in batch.items()} if pin else batch


def _moved(batch: Batch, device: torch.device) -> Batch:
    return {k: v.to(device, non_blocking=True) for k, v in batch.items()}
