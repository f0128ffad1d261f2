"""Normals of a soup's vertices, summed in the CPU's order."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Corners(NamedTuple):
    """The faces at each vertex, in rounds: round n holds the n-th face of all vertices that have
    one, so that a round adds to no vertex twice and sums keep their order on any device.

    vertex, face: [3 F] int64, round after round. ends: where each round ends.
    """

    vertex: Tensor
    face: Tensor
    ends: tuple[int, ...]


def corners_of(faces: Tensor, vertices: int) -> Corners:
    """Rounds of faces [F, 3]."""
    vertex, order = torch.sort(faces.flatten(), stable=True)
    face = torch.div(order, 3, rounding_mode="floor")
    # A vertex that a face names twice still takes one round a corner.
    counts = torch.zeros(vertices, dtype=torch.int64, device=faces.device)
    counts.index_add_(0, vertex, torch.ones_like(vertex))
    turn = torch.arange(len(vertex), device=faces.device) - (counts.cumsum(0) - counts)[vertex]
    turn, order = torch.sort(turn, stable=True)
    ends = torch.bincount(turn).cumsum(0).tolist() if len(turn) else []
    return Corners(vertex[order], face[order], tuple(ends))


def normals_of(vertices: Tensor, faces: Tensor, corners: Corners) -> Tensor:
    """[V, 3] float32 unit normals weighted by face area; zero where faces shrink to nothing."""
    places = vertices.double()
    a, b, c = (places[faces[:, k]] for k in range(3))
    ux, uy, uz = (b - a).unbind(1)
    wx, wy, wz = (c - a).unbind(1)
    area = torch.stack([uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx], 1)
    total = torch.zeros_like(places)
    start = 0
    for end in corners.ends:
        total.index_add_(0, corners.vertex[start:end], area[corners.face[start:end]])
        start = end
    x, y, z = total.unbind(1)
    length = (x * x + y * y + z * z).sqrt()[:, None]
    return torch.where(length > 0, total / length, 0.0).to(torch.float32)
