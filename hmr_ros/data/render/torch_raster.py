"""Which face is in front at each sample of a batch: the rules of ``coverage``, in torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr_ros.data.render.coverage import EMPTY, SAMPLES
from hmr_ros.data.render.projection import GRID
from hmr_ros.data.render.torch_edges import (
    SHIFT,
    Box,
    Edges,
    boxes,
    edges,
    greatest,
    least,
    touched,
)
from hmr_ros.data.render.torch_lens import snapped
from hmr_ros.data.render.torch_ranges import blocks, expanded
from hmr_ros.data.render.torch_soup import Soup

_LAST = (1 << 31) - 1  # a key's lower half counts down from here: the lower face wins
_OUTER = int(SAMPLES.max())


@dataclass(frozen=True, eq=False)
class Fronts:
    """faces: [B, H, W, 5] int64 rows of ``Soup.faces`` or ``EMPTY``, centre and four samples.

    depth: [B, H, W] float32 at the centres, inf where nothing is. silhouettes: [B, P, H, W] bool,
    who covers the centre, seen or not. joint_face: [B, P, 24] int64 what is in front at a joint,
    ``EMPTY`` outside of the picture, joint_depth: its depth, float32.
    """

    faces: Tensor
    depth: Tensor
    silhouettes: Tensor
    joint_face: Tensor
    joint_depth: Tensor


@dataclass(frozen=True, eq=False)
class _Drawn:
    """N faces that can be seen: their rows in the soup, edges and inverse depths.

    inverse_z: [3, N] float64. inverse: [N], 1 / area. person: [N] row, NOBODY for things.
    """

    row: Tensor
    scene: Tensor
    person: Tensor
    lines: Edges
    x: Tensor
    y: Tensor
    inverse_z: Tensor
    inverse: Tensor


def rasterized(soup: Soup, budget: int, probe: bool = True) -> Fronts:
    """budget: pixels that are worked on at once; bounds the memory. probe: look at joints too."""
    t = soup.tables
    shape = (t.scenes, t.height, t.width)
    drawn = _drawn(soup)
    keys = torch.zeros(t.scenes * t.height * t.width * 5, dtype=torch.int64, device=t.device)
    silhouettes = torch.zeros(
        t.scenes * t.people * t.height * t.width, dtype=torch.bool, device=t.device
    )
    box = boxes(drawn.x, drawn.y, _OUTER, t.width, t.height)
    steps = _sample_steps(drawn)
    for face, x, y, weights in touched(drawn.lines, box, _OUTER, budget):
        place = y * t.width + x
        scene, lowest = drawn.scene[face], _LAST - drawn.row[face]
        middle = _inverse_depth(drawn, face, weights + drawn.lines.less[:, face])
        pixel = (scene * (t.height * t.width) + place) * 5
        _offer(keys, pixel, weights, middle, lowest)
        person = drawn.person[face]
        inside = _covered(weights) & (person >= 0)
        cell = (scene * t.people + person) * (t.height * t.width) + place
        silhouettes[cell[inside]] = True
        # Samples lie opposite each other: the same step with the other sign.
        for n, (step, step_q) in ((0, steps[0]), (1, steps[1])):
            off, off_q = step[:, face], step_q[face]
            _offer(keys, pixel + 1 + n, weights - off, middle - off_q, lowest)
            _offer(keys, pixel + 4 - n, weights + off, middle + off_q, lowest)
    faces = _winner(keys).view(*shape, 5)
    nearest = (keys.view(*shape, 5)[..., 0] >> 32).to(torch.int32).view(torch.float32)
    depth = (1 / nearest.double()).to(torch.float32)
    joint_face, joint_depth = _probed(soup, drawn, budget, probe)
    return Fronts(
        faces,
        depth,
        silhouettes.view(t.scenes, t.people, t.height, t.width),
        joint_face,
        joint_depth,
    )


def _drawn(soup: Soup) -> _Drawn:
    t = soup.tables
    corners = soup.faces.T
    x, y = soup.pixels[:, 0][corners], soup.pixels[:, 1][corners]
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    keep = soup.drawable & ((area < 0) | ((area > 0) & t.two_sided[soup.mesh]))
    # Half a pixel around the picture is its own as well: joints are looked up there.
    box = boxes(x, y, GRID // 2, t.width, t.height)
    keep &= (box.left <= box.right) & (box.top <= box.bottom)
    row = keep.nonzero()[:, 0]
    corners, x, y, turned = corners[:, row], x[:, row], y[:, row], area[row] < 0
    corners, x, y = (torch.where(turned, v[[0, 2, 1]], v) for v in (corners, x, y))
    lines = edges(x, y)
    mesh = soup.mesh[row]
    return _Drawn(
        row=row,
        scene=t.mesh_scene[mesh],
        person=t.person[mesh],
        lines=lines,
        x=x,
        y=y,
        inverse_z=1 / soup.vertices[:, 2].double()[corners],
        inverse=1 / lines.area.double(),
    )


def _sample_steps(drawn: _Drawn) -> list[tuple[Tensor, Tensor]]:
    """How weights [3, N] and inverse depth [N] change from a pixel's centre to its last two
    samples in reverse: ``_OUTER`` steps along (1, 1) and along (-1, 1)."""
    out = []
    for sign in (1, -1):
        off = _OUTER * (sign * drawn.lines.across + drawn.lines.down)
        q = off.double() * drawn.inverse_z
        out.append((off, (q[0] + q[1] + q[2]) * drawn.inverse))
    return out


def _covered(weights: Tensor) -> Tensor:
    return (weights[0] | weights[1] | weights[2]) >= 0


def _inverse_depth(drawn: _Drawn, face: Tensor, weights: Tensor) -> Tensor:
    q = weights.double() * drawn.inverse_z[:, face]
    return (q[0] + q[1] + q[2]) * drawn.inverse[face]


def _offer(keys: Tensor, place: Tensor, weights: Tensor, q: Tensor, lowest: Tensor) -> None:
    """Put faces in front where they are nearer than what is there, the lower of equals."""
    q = q.to(torch.float32)
    take = (_covered(weights) & (q > 0)).nonzero()[:, 0]
    key = (q[take].view(torch.int32).to(torch.int64) << 32) | lowest[take]
    keys.scatter_reduce_(0, place[take], key, "amax")


def _winner(keys: Tensor) -> Tensor:
    return torch.where(keys > 0, _LAST - (keys & 0xFFFFFFFF), EMPTY)


def depth_at(soup: Soup, face: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """float32 depth of faces at steps x, y, all of one shape; inf for ``EMPTY``."""
    corners = soup.faces[face.clamp(min=0).flatten()].T if len(soup.faces) else None
    if corners is None:
        return torch.full(face.shape, torch.inf, device=face.device)
    weights, area = corner_weights(soup, corners, x.reshape(-1), y.reshape(-1))
    sign = torch.where(area < 0, -1, 1)
    z = soup.vertices[:, 2].double()[corners]
    q = (sign * weights).double() * (1 / z)
    # As after the swap of b and c that makes a face's area positive.
    swapped = torch.where(area > 0, (q[0] + q[2]) + q[1], (q[0] + q[1]) + q[2])
    depth = 1 / (swapped * (1 / area.abs().double()))
    return torch.where(face < 0, torch.inf, depth.view(face.shape).to(torch.float32))


def corner_weights(soup: Soup, corners: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """int64 weights [3, n] of corners [3, n] at steps x, y [n], positive in a face seen from
    outside, and their sum [n]."""
    px, py = soup.pixels[:, 0][corners], soup.pixels[:, 1][corners]
    after, before = [1, 2, 0], [2, 0, 1]
    across, down = py[before] - py[after], px[before] - px[after]
    weights = across * (x - px[after]) - down * (y - py[after])
    return weights, weights[0] + weights[1] + weights[2]


def _probed(soup: Soup, drawn: _Drawn, budget: int, probe: bool) -> tuple[Tensor, Tensor]:
    """The face in front of each joint [B, P, 24] and its depth."""
    t = soup.tables
    shape = soup.places.shape[:-1]
    steps = snapped(soup.places).view(-1, 2)
    keys = torch.zeros(len(steps), dtype=torch.int64, device=t.device)
    if probe and len(steps) and len(drawn.row):
        for face, joint in _pairs(soup, drawn, steps, budget):
            x, y = steps[joint, 0], steps[joint, 1]
            weights = drawn.lines.at(face, x, y)
            q = _inverse_depth(drawn, face, weights + drawn.lines.less[:, face])
            _offer(keys, joint, weights, q, _LAST - drawn.row[face])
    face = _winner(keys).view(shape)
    return face, depth_at(soup, face, steps[:, 0].view(shape), steps[:, 1].view(shape))


def _pairs(soup: Soup, drawn: _Drawn, steps: Tensor, budget: int):
    """Faces and the joints in the pixels that their corners span.

    Joints are sorted by scene, row and column, so those in a row of a face's box are neighbours.
    """
    t = soup.tables
    high, wide = t.height + 1, t.width + 1
    per_scene = t.people * soup.places.shape[2]
    scene = torch.arange(len(steps), device=t.device) // per_scene
    column, row = ((steps + GRID // 2) >> SHIFT).unbind(1)
    inside = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
    order = torch.argsort(torch.where(inside, (scene * high + row) * wide + column, 1 << 60))
    cells = torch.where(inside, (scene * high + row) * wide + column, 1 << 60)[order]
    taken = torch.zeros(t.scenes * high * wide, dtype=torch.int32, device=t.device)
    taken.index_add_(0, cells.clamp(max=len(taken) - 1), (cells < 1 << 60).to(torch.int32))
    sums = torch.zeros(t.scenes, high + 1, wide + 1, dtype=torch.int32, device=t.device)
    sums[:, 1:, 1:] = taken.view(-1, high, wide).cumsum(1).cumsum(2).to(torch.int32)
    half = GRID // 2
    box = Box(
        ((least(drawn.x) + half) >> SHIFT).clamp(min=0),
        ((greatest(drawn.x) + half) >> SHIFT).clamp(max=wide - 1),
        ((least(drawn.y) + half) >> SHIFT).clamp(min=0),
        ((greatest(drawn.y) + half) >> SHIFT).clamp(max=high - 1),
    )
    some = (box.left <= box.right) & (box.top <= box.bottom)
    a, b = box.left.clamp(max=wide), (box.right + 1).clamp(min=0)
    c, d = box.top.clamp(max=high), (box.bottom + 1).clamp(min=0)
    s = drawn.scene
    some &= (sums[s, d, b] - sums[s, c, b] - sums[s, d, a] + sums[s, c, a]) > 0
    chosen = some.nonzero()[:, 0]
    rows = (box.bottom - box.top + 1)[chosen]
    for first, last, total in blocks(rows, budget):
        owner, down = expanded(rows[first:last], total)
        face = chosen[owner + first]
        line = (drawn.scene[face] * high + box.top[face] + down) * wide
        start = torch.searchsorted(cells, line + box.left[face])
        stop = torch.searchsorted(cells, line + box.right[face], right=True)
        for p, q, size in blocks(stop - start, budget):
            pair, number = expanded((stop - start)[p:q], size)
            yield face[p + pair], order[start[p + pair] + number]
