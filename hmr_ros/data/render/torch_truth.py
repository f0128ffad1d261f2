"""What is true about a batch of pictures: the rules of ``truth``, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.render.torch_raster import Fronts
from hmr_ros.data.render.torch_soup import Soup
from hmr_ros.data.scenes.things import Thing


def maps(soup: Soup, centre: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``thing`` uint8, ``person_id`` int32 and ``part_id`` uint8 of the faces ``centre``, all
    [B, H, W]."""
    t = soup.tables
    if len(soup.faces) == 0:
        return (
            torch.zeros_like(centre, dtype=torch.uint8),
            torch.full_like(centre, NOBODY, dtype=torch.int32),
            torch.full_like(centre, NO_PART, dtype=torch.uint8),
        )
    shown, face = centre >= 0, centre.clamp(min=0)
    mesh = soup.mesh[face]
    thing = torch.where(shown, t.kind[mesh], 0)
    person = torch.where(shown, t.person[mesh], NOBODY)
    part = torch.where(shown, soup.part[soup.faces[:, 0]][face], NO_PART)
    return thing, person.to(torch.int32), part.to(torch.uint8)


def seen_joints(soup: Soup, fronts: Fronts) -> tuple[Tensor, Tensor]:
    """``visibility`` and ``occluder`` [B, P, 24] uint8; the rule is that of ``truth``."""
    t = soup.tables
    x, y = soup.places.to(torch.float32).double().unbind(-1)
    left, top, right, bottom = (v[:, None, None] for v in t.sensor.unbind(1))
    z = soup.joints[..., 2]
    inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom) & (z > 0)
    face = fronts.joint_face
    if len(soup.faces) == 0:
        none = torch.zeros_like(face, dtype=torch.uint8)
        return none, torch.full_like(none, Thing.BORDER)
    corner = soup.faces[face.clamp(min=0), 0]
    mesh = soup.mesh[face.clamp(min=0)]
    row = torch.arange(t.people, device=t.device)[:, None]
    own = t.person[mesh] == row
    part = torch.where(own, soup.part[corner], 0)
    joint = torch.arange(face.shape[2], device=t.device)
    flesh = t.allowed[joint, part] + soup.thickness[corner].double()
    nearest = z.double() - torch.where(own, flesh, 0.0)
    before = (face >= 0) & (fronts.joint_depth.double() < nearest)
    visibility = torch.where(before, torch.where(own, SELF_OCCLUDED, HIDDEN), VISIBLE)
    kind = torch.where(own, int(Thing.SELF), t.kind[mesh].to(torch.int64))
    occluder = torch.where(before, kind, int(Thing.NOTHING))
    visibility = torch.where(inside, visibility, HIDDEN)
    occluder = torch.where(inside, occluder, int(Thing.BORDER))
    return visibility.to(torch.uint8), occluder.to(torch.uint8)


def boxes_and_shares(silhouettes: Tensor, person_id: Tensor) -> tuple[Tensor, Tensor]:
    """``boxes`` [B, P, 4] and ``shown`` [B, P] float32 from silhouettes [B, P, H, W] bool."""
    height, width = silhouettes.shape[2:]
    columns, rows = silhouettes.any(2), silhouettes.any(3)
    left, right = _ends(columns, width)
    top, bottom = _ends(rows, height)
    # A pixel covers half a unit to either side of its centre.
    box = torch.stack([left - 0.5, top - 0.5, right - left + 1, bottom - top + 1], -1)
    total = silhouettes.sum((2, 3))
    row = torch.arange(silhouettes.shape[1], device=silhouettes.device)[:, None, None]
    seen = (silhouettes & (person_id[:, None] == row)).sum((2, 3))
    shown = seen.double() / total.clamp(min=1).double()
    return torch.where((total > 0)[..., None], box, 0.0), shown.to(torch.float32)


def _ends(taken: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """First and last place [B, P] float32 of [B, P, N] bool."""
    place = torch.arange(size, device=taken.device, dtype=torch.float32)
    first = torch.where(taken, place, float(size)).amin(2)
    return first, torch.where(taken, place, -1.0).amax(2)
