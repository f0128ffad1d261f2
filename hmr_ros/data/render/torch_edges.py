"""Triangles as edge functions in whole numbers, and the pixels that they may touch.

The rules are those of ``coverage``: corners in steps of 1/``GRID`` pixel, int64 weights, edges
that own their points or not. A weight here has 1 taken off where its edge does not own its points,
so that covered means that none of the three is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hmr_ros.data.render.projection import GRID
from hmr_ros.data.render.torch_ranges import blocks, expanded

SHIFT = GRID.bit_length() - 1
_FAR = 1 << 40  # more pixels than any picture has


class Edges(NamedTuple):
    """The weights of N triangles at (x, y) steps are x * across + y * down + start, [3, N] each.

    less: [3, N] what was taken off. area: [N], > 0; the sum of the weights without that.
    """

    across: Tensor
    down: Tensor
    start: Tensor
    less: Tensor
    area: Tensor

    def at(self, row: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """[3, n] weights of triangles ``row`` at steps x, y [n]."""
        return x * self.across[:, row] + y * self.down[:, row] + self.start[:, row]


def edges(x: Tensor, y: Tensor) -> Edges:
    """Edge functions of corners x, y [3, N] int64 steps that turn so that the area is positive."""
    after, before = [1, 2, 0], [2, 0, 1]
    across, down = y[after] - y[before], x[before] - x[after]
    owns = (across > 0) | ((across == 0) & (down > 0))
    less = (~owns).to(torch.int64)
    start = -(across * x[after] + down * y[after]) - less
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    return Edges(across, down, start, less, area)


class Box(NamedTuple):
    """Pixels left..right and top..bottom, both included, [N] each; empty if left > right."""

    left: Tensor
    right: Tensor
    top: Tensor
    bottom: Tensor


def boxes(x: Tensor, y: Tensor, margin: int, width: int, height: int) -> Box:
    """Pixels of a picture whose centres lie within ``margin`` steps of corners x, y [3, N]."""
    return Box(
        ((least(x) - margin + GRID - 1) >> SHIFT).clamp(min=0),
        ((greatest(x) + margin) >> SHIFT).clamp(max=width - 1),
        ((least(y) - margin + GRID - 1) >> SHIFT).clamp(min=0),
        ((greatest(y) + margin) >> SHIFT).clamp(max=height - 1),
    )


def least(rows: Tensor) -> Tensor:
    """[N] of [3, N]; several times as fast as a reduction over so few."""
    return torch.minimum(torch.minimum(rows[0], rows[1]), rows[2])


def greatest(rows: Tensor) -> Tensor:
    """[N] of [3, N]."""
    return torch.maximum(torch.maximum(rows[0], rows[1]), rows[2])


def touched(
    lines: Edges, box: Box, margin: int, budget: int
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """(triangle [n], x [n], y [n] pixels, weights [3, n] at their centres), about ``budget`` each.

    Every pixel of the boxes is named from which some place ``margin`` steps away in x and y is
    covered, once a triangle; some others as well.
    """
    rows = torch.where(box.right >= box.left, box.bottom - box.top + 1, 0).clamp(min=0)
    for first, last, total in blocks(rows, budget):
        face, down = expanded(rows[first:last], total)
        face = face + first
        y = box.top[face] + down
        left = box.left[face]
        across = lines.across[:, face]
        weights = lines.at(face, left << SHIFT, y << SHIFT)
        reach = weights + margin * (across.abs() + lines.down[:, face].abs())
        step = across << SHIFT
        start, stop = _spans(reach, step, box.right[face] - left)
        count = (stop - start + 1).clamp(min=0)
        weights = weights + start * step
        left = left + start
        for a, b, size in blocks(count, budget):
            row, along = expanded(count[a:b], size)
            row = row + a
            yield face[row], left[row] + along, y[row], weights[:, row] + along * step[:, row]


def _spans(reach: Tensor, step: Tensor, widest: Tensor) -> tuple[Tensor, Tensor]:
    """First and last number k in 0..widest with ``reach + k * step`` >= 0 for all three edges."""
    rising, falling = step > 0, step < 0
    above = torch.where(rising, step - 1 - reach, reach)
    limit = torch.div(above, step.abs().clamp(min=1), rounding_mode="floor")
    start = greatest(torch.where(rising, limit, 0)).clamp(min=0)
    never = (step == 0) & (reach < 0)
    stop = least(torch.where(falling, limit, torch.where(never, -1, _FAR)))
    return start, torch.minimum(stop, widest)
