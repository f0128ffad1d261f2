"""Shadow maps of a batch: the rules of ``shadow``, in torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr_ros.data.render.projection import GRID
from hmr_ros.data.render.shadow import FINEST, LARGEST
from hmr_ros.data.render.torch_edges import boxes, edges, touched
from hmr_ros.data.render.torch_soup import Soup

_SIDE = LARGEST + 2  # texels of every map's tensor; rounding may add one to the largest


@dataclass(frozen=True, eq=False)
class Shadows:
    """height: [B, S, S] float32, maps in their lower left corner. rows, columns: [B] float32 used.
    valid: [B] bool, whether the scene has shadows. lamp: [B, 16] float32 as in ``shading``."""

    height: Tensor
    rows: Tensor
    columns: Tensor
    valid: Tensor
    lamp: Tensor


def shadow_maps(soup: Soup, budget: int) -> Shadows:
    """The lamps' views of all that casts. budget: texels that are worked on at once."""
    t = soup.tables
    corners = soup.faces.T
    casting = t.casts[soup.mesh] & (t.shadow > 0)[t.mesh_scene[soup.mesh]]
    axes = lamp_axes(soup.towards.double())
    place = _along(axes, soup.vertices, soup.vertex_scene)
    low, high = _bounds(soup, place, casting)
    extent = high - low
    valid = torch.isfinite(low).all(1)
    extent = torch.where(valid[:, None], extent, 0.0)
    low = torch.where(valid[:, None], low, 0.0)
    texel = (extent[:, :2].amax(1) / (LARGEST - 4)).clamp(min=FINEST)
    # Two texels of margin on each side.
    low[:, :2] -= 2 * texel[:, None]
    size = torch.ceil(extent[:, :2] / texel[:, None]) + 4

    scene = soup.vertex_scene
    steps = (place[:, :2] - low[scene, :2]) * (GRID / texel)[scene, None] + 0.5
    steps = torch.floor(steps).to(torch.int64)
    level = 1 + (place[:, 2] - low[scene, 2])
    x, y = steps[:, 0][corners], steps[:, 1][corners]
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    # The second axis points up here, not down: seen from the lamp's side means area > 0.
    row = (casting & ((area > 0) | ((area < 0) & t.two_sided[soup.mesh]))).nonzero()[:, 0]
    corners, x, y, turned = corners[:, row], x[:, row], y[:, row], area[row] < 0
    corners, x, y = (torch.where(turned, v[[0, 2, 1]], v) for v in (corners, x, y))
    lines = edges(x, y)
    heights, inverse = level[corners], 1 / lines.area.double()
    scene = t.mesh_scene[soup.mesh[row]]
    out = torch.zeros(t.scenes * _SIDE * _SIDE, device=t.device)
    for face, u, v, weights in touched(lines, boxes(x, y, 0, _SIDE, _SIDE), 0, budget):
        # A row's span at texel centres is exactly what is covered.
        h = (weights + lines.less[:, face]).double() * heights[:, face]
        h = ((h[0] + h[1] + h[2]) * inverse[face]).to(torch.float32)
        out.scatter_reduce_(0, (scene[face] * _SIDE + v) * _SIDE + u, h, "amax")
    spacing = (t.softness / (2 * texel)).clamp(min=1.0)
    lift = t.softness + 2 * texel
    lamp = torch.cat(
        [axes.flatten(1), low, torch.stack([1 / texel, spacing, lift, t.shadow], 1)], 1
    )
    return Shadows(
        height=out.view(t.scenes, _SIDE, _SIDE),
        rows=size[:, 1].to(torch.float32),
        columns=size[:, 0].to(torch.float32),
        valid=valid,
        lamp=lamp.to(torch.float32),
    )


def lamp_axes(towards: Tensor) -> Tensor:
    """[B, 3, 3] float64 rows right, up and towards the lamp of [B, 3]; right x up = towards."""
    towards = towards / (
        towards[:, 0] ** 2 + towards[:, 1] ** 2 + towards[:, 2] ** 2
    ).sqrt().unsqueeze(1)
    x, y, z = towards.unbind(1)
    none = torch.zeros_like(x)
    # Around the axis of the smallest component, which is never parallel.
    around_y = (y.abs() <= x.abs()) & (y.abs() <= z.abs())
    around_x = ~around_y & (x.abs() <= z.abs())
    right = torch.where(
        around_y[:, None],
        torch.stack([z, none, -x], 1),
        torch.where(
            around_x[:, None], torch.stack([none, -z, y], 1), torch.stack([-y, x, none], 1)
        ),
    )
    right = right / (right[:, 0] ** 2 + right[:, 1] ** 2 + right[:, 2] ** 2).sqrt().unsqueeze(1)
    a, b, c = right.unbind(1)
    up = torch.stack([y * c - z * b, z * a - x * c, x * b - y * a], 1)
    return torch.stack([right, up, towards], 1)


def _along(axes: Tensor, vertices: Tensor, scene: Tensor) -> Tensor:
    """[V, 3] float64 places of vertices along the axes of their scenes."""
    x, y, z = (v[:, None] for v in vertices.double().unbind(1))
    turn = axes[scene]
    return turn[:, :, 0] * x + turn[:, :, 1] * y + turn[:, :, 2] * z


def _bounds(soup: Soup, place: Tensor, casting: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest place [B, 3] of the vertices of casting faces; infinite for none."""
    scenes = soup.tables.scenes
    used = torch.zeros(len(place), dtype=torch.bool, device=place.device)
    used[soup.faces[casting].flatten()] = True
    index = soup.vertex_scene[:, None].expand(-1, 3)
    low = torch.full((scenes, 3), torch.inf, dtype=torch.float64, device=place.device)
    least = torch.where(used[:, None], place, torch.inf)
    greatest = torch.where(used[:, None], place, -torch.inf)
    return (
        low.scatter_reduce(0, index, least, "amin"),
        (-low).scatter_reduce(0, index, greatest, "amax"),
    )
