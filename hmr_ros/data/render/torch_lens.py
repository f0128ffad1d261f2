"""Points of a batch to pixels, and faces cut at the near plane, as the CPU does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hmr_ros.data.render.projection import GRID, NEAR, REACH, polynomial, projected, widest
from hmr_ros.geometry.camera import Camera


class Lenses:
    """The cameras of a batch on a device.

    Pinholes and lenses with up to eight coefficients are worked out there; others (fisheye, tilted
    sensors) through the host, whose formula is OpenCV's.
    """

    def __init__(self, cameras: Sequence[Camera], device: torch.device | str) -> None:
        rows, self._hosted = [], []
        for n, c in enumerate(cameras):
            bent = polynomial(c)
            if len(bent) == 0:
                self._hosted.append((n, c))
                bent = [0.0] * 8
            reach = widest(c) if c.distorted else torch.inf
            rows.append([c.fx, c.fy, c.cx, c.cy, *bent, reach])
        self._rows = torch.tensor(rows, dtype=torch.float64).to(device)
        self.distorted = torch.tensor([c.distorted for c in cameras]).to(device)

    def pixels(self, points: Tensor, scene: Tensor) -> Tensor:
        """[N, 2] float64 pixels of points [N, 3] float32, seen by the cameras of scenes [N]; NaN
        where ``projected`` says so."""
        fx, fy, cx, cy, *d, reach = self._rows[scene].unbind(1)
        x, y, z = points.double().unbind(1)
        front = z > 1e-6
        u, v = x / torch.where(front, z, 1.0), y / torch.where(front, z, 1.0)
        r2 = u * u + v * v
        scale = r2 * (d[0] + r2 * (d[1] + r2 * d[4])) + 1.0
        scale = scale / (r2 * (d[5] + r2 * (d[6] + r2 * d[7])) + 1.0)
        uv = u * v
        bent_u = u * scale + 2.0 * d[2] * uv + d[3] * (r2 + 2.0 * u * u)
        bent_v = v * scale + d[2] * (r2 + 2.0 * v * v) + 2.0 * d[3] * uv
        # Coefficients of zero change nothing, not even a last bit, but far out they overflow.
        bent = self.distorted[scene]
        u, v = torch.where(bent, bent_u, u), torch.where(bent, bent_v, v)
        out = torch.stack([fx * u + cx, fy * v + cy], 1)
        for n, camera in self._hosted:
            mine = (scene == n).nonzero()[:, 0]
            found = projected(points[mine].cpu().numpy(), camera)
            out[mine] = torch.from_numpy(found).to(out.device)
        seen = front & ~(x * x + y * y > (reach * z) * (reach * z))
        return torch.where(seen[:, None], out, torch.nan)


def snapped(pixels: Tensor) -> Tensor:
    """Pixels to int64 steps of 1/``GRID`` pixel, NaN to ``-REACH``."""
    steps = torch.floor(pixels * GRID + 0.5).clamp(-REACH, REACH)
    return steps.nan_to_num(nan=-REACH).to(torch.int64)


# What is left of a face by which of its corners (bits 1, 2, 4) are before the plane: corners of the
# polygon, 0..2 old ones, 3 and 4 the two cuts in the order of the edges; -1 beyond a triangle.
_POLYGONS = {
    1: (0, 3, 4, -1),
    2: (3, 1, 4, -1),
    4: (3, 2, 4, -1),
    3: (0, 1, 3, 4),
    5: (0, 3, 4, 2),
    6: (3, 1, 2, 4),
}


def cut_at_near(
    per_vertex: dict[str, Tensor], faces: Tensor, mesh: Tensor, allowed: Tensor
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Append what is left before ``NEAR`` of faces that cross it; the rules of ``near_plane``.

    per_vertex: tensors of V rows, among them ``vertices``. allowed: [F] bool, faces to cut.
    """
    z = per_vertex["vertices"][:, 2]
    if len(z) == 0:
        return per_vertex, faces, mesh
    before = z[faces] >= NEAR
    crossing = (before.any(1) & ~before.all(1) & allowed).nonzero()[:, 0]
    if len(crossing) == 0:
        return per_vertex, faces, mesh
    device = faces.device
    corner, ahead = faces[crossing], before[crossing]
    code = ahead[:, 0] * 1 + ahead[:, 1] * 2 + ahead[:, 2] * 4
    # The two edges, named by their first corners, whose ends lie on different sides.
    across = ahead != ahead[:, [1, 2, 0]]
    first = torch.where(across[:, 0], 0, 1)
    second = torch.where(across[:, 2], 2, 1)
    edge = torch.stack([first, second], 1)
    starts, stops = corner.gather(1, edge).flatten(), corner.gather(1, (edge + 1) % 3).flatten()
    near = z[starts].double()
    share = (NEAR - near) / (z[stops].double() - near)
    longer = {}
    for name, rows in per_vertex.items():
        added = rows[starts]
        if rows.dtype.is_floating_point:
            t = share.view(-1, *[1] * (rows.dim() - 1))
            added = added.double() + t * (rows[stops].double() - added.double())
        longer[name] = torch.cat([rows, added.to(rows.dtype)])
    longer["vertices"][len(z) :, 2] = NEAR
    table = torch.full((8, 4), -1, device=device)
    for bits, row in _POLYGONS.items():
        table[bits] = torch.tensor(row, device=device)
    cuts = len(z) + torch.arange(2 * len(crossing), device=device).view(-1, 2)
    choice = torch.cat([corner, cuts], 1)
    polygon = choice.gather(1, table[code].clamp(min=0))
    fans = torch.stack([polygon[:, [0, 1, 2]], polygon[:, [0, 2, 3]]], 1).view(-1, 3)
    whole = torch.stack([torch.ones_like(crossing, dtype=torch.bool), table[code][:, 3] >= 0], 1)
    kept = whole.flatten().nonzero()[:, 0]
    owner = crossing[torch.div(kept, 2, rounding_mode="floor")]
    return longer, torch.cat([faces, fans[kept]]), torch.cat([mesh, mesh[owner]])
