"""Lists of lists as flat tensors: the step from faces to rows and from rows to pixels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def expanded(counts: Tensor, total: int | None = None) -> tuple[Tensor, Tensor]:
    """Repeat row n ``counts[n]`` times: (row, number within the row), [sum of counts] int64.

    total: the sum, if it is known; saves a wait for the device.
    """
    ends = counts.cumsum(0)
    if total is None:
        total = int(ends[-1]) if len(ends) else 0
    rows = torch.arange(len(counts), device=counts.device)
    owner = torch.repeat_interleave(rows, counts, output_size=total)
    return owner, torch.arange(total, device=counts.device) - (ends - counts)[owner]


def blocks(counts: Tensor, budget: int) -> Iterator[tuple[int, int, int]]:
    """Cut rows into runs (first, last, sum of counts) of about ``budget`` items, at least a row.

    A run is never longer than the budget by more than one row.
    """
    if len(counts) == 0:
        return
    ends = counts.cumsum(0)
    total = int(ends[-1])
    if total == 0:
        return
    marks = torch.arange(budget, max(total, budget), budget, device=counts.device)
    cuts = torch.searchsorted(ends, marks) + 1
    sums = ends[(cuts - 1).clamp(max=len(counts) - 1)]
    first = before = 0
    for last, reached in zip([*cuts.tolist(), len(counts)], [*sums.tolist(), total], strict=True):
        if last > first and reached > before:
            yield first, last, reached - before
        first, before = max(first, last), max(before, reached)
