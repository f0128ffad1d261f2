"""Colours of a batch from what covers its samples: the rules of ``shading``, in torch.

Every step is one operation in float32, in the order of the CPU's, so both give the same numbers
where the device rounds as IEEE 754 asks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hmr_ros.data.render.floor import CELL
from hmr_ros.data.render.noise import TINY
from hmr_ros.data.render.torch_edges import SHIFT
from hmr_ros.data.render.torch_noise import crisp, mixed, value_noise
from hmr_ros.data.render.torch_raster import Fronts, corner_weights
from hmr_ros.data.render.torch_shadow import Shadows
from hmr_ros.data.render.torch_soup import Soup

_BYTE = 1 / 255
_TINY = float(TINY)


def shaded(soup: Soup, fronts: Fronts, shadows: Shadows, budget: int) -> Tensor:
    """Light [B, H, W, 3] float32 BGR, 0..1 and beyond. budget: pixels shaded at once."""
    t = soup.tables
    faces = fronts.faces.view(-1, 5)
    light = torch.empty(len(faces), 3, device=t.device)
    key = soup.mesh * 256 + soup.part[soup.faces[:, 0]]
    vertex = torch.cat([soup.normals, soup.texture, soup.vertices, soup.levels], 1)
    for first in range(0, len(faces), budget):
        some = faces[first : first + budget]
        slot, face, place, count = _groups(some, key)
        pixel = first + torch.div(slot, 4, rounding_mode="floor")
        colour = torch.zeros(len(some) * 4, 3, device=t.device)
        behind = torch.zeros(len(some), 3, device=t.device)
        empty, full = (face < 0).nonzero()[:, 0], (face >= 0).nonzero()[:, 0]
        share = 0.25 * count.to(torch.float32)[:, None]
        behind[pixel[empty] - first] = share[empty] * _behind(soup, shadows, pixel[empty])
        colour[slot[full]] = share[full] * _surface(
            soup, shadows, vertex, pixel[full], face[full], place[full]
        )
        a, b, c, d = colour.view(-1, 4, 3).unbind(1)
        light[first : first + budget] = behind + a + b + c + d
    return light.view(t.scenes, t.height, t.width, 3)


def _groups(faces: Tensor, key: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Samples [n, 5] grouped by what they show: slot (4 times the pixel, plus the number of the
    group's first sample), face, place (0 centre, 1..4 sample) and number of samples."""
    shown = torch.where(faces < 0, -1, key[faces.clamp(min=0)]) if len(key) else faces
    outer = shown[:, 1:]
    same = outer[:, :, None] == outer[:, None, :]
    fresh = ~torch.tril(same, -1).any(2)
    slot = fresh.flatten().nonzero()[:, 0]
    row, sample = torch.div(slot, 4, rounding_mode="floor"), slot % 4
    place = torch.where(shown[row, 0] == outer[row, sample], 0, sample + 1)
    return slot, faces[row, place], place, same.sum(2).flatten()[slot]


def _behind(soup: Soup, shadows: Shadows, pixel: Tensor) -> Tensor:
    """[n, 3] background at pixels [n] of the batch, with shadows on a photographed floor."""
    t = soup.tables
    out = t.background.view(-1, 3)[pixel].to(torch.float32) * _BYTE
    scene = torch.div(pixel, t.height * t.width, rounding_mode="floor")
    catches = t.catcher & shadows.valid & (soup.floor > 0)
    some = catches[scene].nonzero()[:, 0]
    scene, rest = scene[some], pixel[some] % (t.height * t.width)
    y, x = torch.div(rest, t.width, rounding_mode="floor"), rest % t.width
    i, j = torch.div(x, CELL, rounding_mode="floor"), torch.div(y, CELL, rounding_mode="floor")
    s = ((x - i * CELL).to(torch.float32) * (1 / CELL))[:, None]
    v = ((y - j * CELL).to(torch.float32) * (1 / CELL))[:, None]
    p = t.rays[scene, j, i]
    p = p + s * (t.rays[scene, j, i + 1] - p)
    q = t.rays[scene, j + 1, i]
    q = q + s * (t.rays[scene, j + 1, i + 1] - q)
    ray = p + v * (q - p)
    up, towards, lamp = soup.up[scene], soup.towards[scene], shadows.lamp[scene]
    sinking = -(up[:, 0] * ray[:, 0] + up[:, 1] * ray[:, 1] + up[:, 2])
    lit = up[:, 0] * towards[:, 0] + up[:, 1] * towards[:, 1] + up[:, 2] * towards[:, 2]
    reached = (sinking > _TINY) & (lit > 0)
    z = soup.floor[scene] / torch.where(reached, sinking, 1.0)
    lift = lamp[:, 14]
    place = (
        ray[:, 0] * z + up[:, 0] * lift,
        ray[:, 1] * z + up[:, 1] * lift,
        z + up[:, 2] * lift,
    )
    dim = torch.where(reached, _shade(shadows, scene, lamp, *place), 0.0)
    colour = t.colour[scene]
    bright = t.ambient[scene] * 1.1 + colour * lit[:, None]
    dark = bright - colour * lit[:, None] * lamp[:, 15:] * dim[:, None]
    darker = out[some] * (dark / (bright + _TINY))
    out[some] = torch.where((dim > 0)[:, None], darker, out[some])
    return out


def _shade(
    shadows: Shadows, scene: Tensor, lamp: Tensor, x: Tensor, y: Tensor, z: Tensor
) -> Tensor:
    """[n] share of 3 x 3 texels of the shadow map around places that are above them."""
    right = (lamp[:, 0] * x + lamp[:, 1] * y + lamp[:, 2] * z - lamp[:, 9]) * lamp[:, 12]
    up = (lamp[:, 3] * x + lamp[:, 4] * y + lamp[:, 5] * z - lamp[:, 10]) * lamp[:, 12]
    level = lamp[:, 6] * x + lamp[:, 7] * y + lamp[:, 8] * z - lamp[:, 11] + 1.0
    level = level.clamp(min=0.0)
    spacing, rows, columns = lamp[:, 13], shadows.rows[scene], shadows.columns[scene]
    side = shadows.height.shape[-1]
    heights = shadows.height.view(-1)
    total = torch.zeros_like(x)
    for j in (-1.0, 0.0, 1.0):
        v = torch.floor(up + j * spacing + 0.5)
        tall = (v >= 0) & (v < rows)
        line = (scene * side + torch.where(tall, v, 0.0).to(torch.int64)) * side
        for i in (-1.0, 0.0, 1.0):
            u = torch.floor(right + i * spacing + 0.5)
            inside = tall & (u >= 0) & (u < columns)
            height = heights[line + torch.where(inside, u, 0.0).to(torch.int64)]
            total += (inside & (height > level)).to(torch.float32)
    return torch.where(shadows.valid[scene], total * (1 / 9), 0.0)


def _surface(
    soup: Soup, shadows: Shadows, vertex: Tensor, pixel: Tensor, face: Tensor, place: Tensor
) -> Tensor:
    """[n, 3] light of faces at places of pixels of the batch."""
    t = soup.tables
    if len(pixel) == 0:
        return torch.zeros(0, 3, device=t.device)
    corners, area, shares = _corner_shares(soup, pixel, face, place)
    values = (shares[0] * vertex[corners[0]] + shares[1] * vertex[corners[1]]) + shares[2] * vertex[
        corners[2]
    ]
    nx, ny, nz, x, y, z, vx, vy, vz, *levels = values.unbind(1)
    length = 1.0 / ((nx * nx + ny * ny + nz * nz).sqrt() + _TINY)
    length = torch.where(area < 0, -length, length)
    nx, ny, nz = nx * length, ny * length, nz * length
    mesh = soup.mesh[face]
    scene = t.mesh_scene[mesh]
    footprint = vz * t.per_pixel[scene]
    out, crease = _painted(soup, mesh, (x, y, z), levels, footprint)
    out = _featured(soup, mesh, (x, y, z), footprint, out)

    fold = torch.ones_like(x)
    some = (crease > 0).nonzero()[:, 0]
    noise = value_noise(x[some] * 11.0, y[some] * 7.0, z[some] * 11.0, t.seed[mesh[some]] + 7)
    fold[some] = 1.0 + crease[some] * (noise - 0.5)
    towards, up, lamp = soup.towards[scene], soup.up[scene], shadows.lamp[scene]
    lit = (nx * towards[:, 0] + ny * towards[:, 1] + nz * towards[:, 2]).clamp(min=0.0)
    lift = lamp[:, 14]
    dim = _shade(shadows, scene, lamp, vx + nx * lift, vy + ny * lift, vz + nz * lift)
    shadow = shadows.valid[scene] & (lit > 0)
    lit = torch.where(shadow, lit * (1.0 - lamp[:, 15] * dim), lit)
    sky = 0.25 * (nx * up[:, 0] + ny * up[:, 1] + nz * up[:, 2]) + 0.85
    light = t.ambient[scene] * sky[:, None] + t.colour[scene] * lit[:, None]
    return out * fold[:, None] * light


def _corner_shares(
    soup: Soup, pixel: Tensor, face: Tensor, place: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Corners [3, n], sum of their weights [n] and perspective shares [3, n, 1] float32."""
    t = soup.tables
    rest = pixel % (t.height * t.width)
    x, y = (rest % t.width) << SHIFT, torch.div(rest, t.width, rounding_mode="floor") << SHIFT
    outer = place > 0
    x = x + torch.where(outer, torch.where(place % 2 == 0, 64, -64), 0)
    y = y + torch.where(outer, torch.where(place > 2, 64, -64), 0)
    corners = soup.faces[face].T
    weights, area = corner_weights(soup, corners, x, y)
    q = weights.double() * (1 / soup.vertices[:, 2].double())[corners]
    shares = (q * (1 / (q[0] + q[1] + q[2]))).to(torch.float32)
    return corners, area, shares[..., None]


def _painted(
    soup: Soup, mesh: Tensor, place: tuple[Tensor, Tensor, Tensor], levels: list, footprint: Tensor
) -> tuple[Tensor, Tensor]:
    """Colour [n, 3] of ground, photographs and layers, and depth of the folds [n]."""
    t = soup.tables
    seed, crease = t.seed[mesh], t.creases[mesh, 0]
    palette, patterns = t.palette[mesh], t.patterns[mesh]
    mix = mixed(patterns[:, 0], *place, seed, footprint)[:, None]
    first = palette[:, 0, 0]
    out = first + mix * (palette[:, 0, 1] - first)
    some = (t.photo_size[mesh, 0] > 0).nonzero()[:, 0]
    out[some] = _texels(soup, mesh[some], place[0][some], place[1][some])
    for n, level in enumerate(levels, 1):
        cover = crisp(level, footprint)
        some = (cover > 0).nonzero()[:, 0]
        cover, colours = cover[some], palette[some, n]
        where = (v[some] for v in place)
        mix = mixed(patterns[some, n], *where, seed[some], footprint[some])[:, None]
        old = crease[some]
        crease[some] = old + cover * (t.creases[mesh[some], n] - old)
        paint = colours[:, 0] + mix * (colours[:, 1] - colours[:, 0])
        below = out[some]
        out[some] = below + cover[:, None] * (paint - below)
    return out, crease


def _texels(soup: Soup, mesh: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """[n, 3] photographs, bilinear, held at the borders."""
    t = soup.tables
    rows, columns = t.photo_size[mesh].unbind(1)
    right, low = columns.to(torch.float32), rows.to(torch.float32)
    u = torch.minimum((u * right - 0.5).clamp(min=0.0), right - 1.0)
    v = torch.minimum((v * low - 0.5).clamp(min=0.0), low - 1.0)
    i, j = u.to(torch.int64), v.to(torch.int64)
    s, w = (u - i.to(torch.float32))[:, None], (v - j.to(torch.float32))[:, None]
    i1, j1 = torch.minimum(i + 1, columns - 1), torch.minimum(j + 1, rows - 1)
    start = t.photo_start[mesh]
    channel = torch.arange(3, device=t.device)

    def texel(j: Tensor, i: Tensor) -> Tensor:
        byte = start + 3 * (j * columns + i)
        return t.photos[byte[:, None] + channel].to(torch.float32)

    p, q = texel(j, i), texel(j, i1)
    above = p + s * (q - p)
    p, q = texel(j1, i), texel(j1, i1)
    below = p + s * (q - p)
    return (above + w * (below - above)) * _BYTE


def _featured(
    soup: Soup, mesh: Tensor, place: tuple[Tensor, Tensor, Tensor], footprint: Tensor, out: Tensor
) -> Tensor:
    """Paint eyes, brows and the like over colours [n, 3], one after the other."""
    t = soup.tables
    kept = (t.feature_count[mesh] > 0).nonzero()[:, 0]
    start, count = t.feature_start[mesh[kept]], t.feature_count[mesh[kept]]
    x, y, z, footprint = (v[kept] for v in (*place, footprint))
    for n in range(t.most_features):
        feature = t.features[torch.where(n < count, start + n, len(t.features) - 1)]
        least = feature[:, 3:6].amin(1)
        # Too far in one direction already: nothing would be covered.
        near = (y - feature[:, 1]).abs() * least <= feature[:, 4] * (least + footprint)
        some = (near & (n < count)).nonzero()[:, 0]
        feature, least = feature[some], least[some]
        dx = (x[some] - feature[:, 0]) / feature[:, 3]
        dy = (y[some] - feature[:, 1]) / feature[:, 4]
        dz = (z[some] - feature[:, 2]) / feature[:, 5]
        reach = (dx * dx + dy * dy + dz * dz).sqrt()
        cover = crisp((1.0 - reach) * least, footprint[some])[:, None]
        below = out[kept[some]]
        out[kept[some]] = below + cover * (feature[:, 6:] - below)
    return out
