"""The heads (``hmr_ros.models.heads``) for use: the maps of all queries as one product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.decoder import JOINTS
from hmr_ros.models.lifter import LOG_STD_RANGE


class EachQuery(nn.Module):
    """Queries [N, Q, width] through ``norm`` and a linear map each: of all outputs, query by query,
    those of ``order``, [N, P]. maps: weight [width, C] and bias [C] of each query."""

    def __init__(
        self, norm: nn.LayerNorm, maps: list[tuple[Tensor, Tensor]], order: list[int]
    ) -> None:
        super().__init__()
        self.norm = norm
        most = max(weight.shape[1] for weight, _ in maps)
        maps = [_padded(weight, bias, most) for weight, bias in maps]
        self.weight = nn.Parameter(torch.stack([weight for weight, _ in maps]).detach())
        self.bias = nn.Parameter(torch.cat([bias for _, bias in maps]).detach()[order])
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def forward(self, queries: Tensor) -> Tensor:
        with torch.autocast(queries.device.type, enabled=False):
            # Query by query, all people at once: fewer and larger products.
            x = (self.norm(queries.float()).transpose(0, 1) @ self.weight).transpose(0, 1)
            return x.flatten(1).index_select(1, self.order) + self.bias


class FoldedBodyHead(EachQuery):
    """A trained ``heads.BodyHead``; called as that."""

    def __init__(self, head: nn.Module) -> None:
        rotations, betas, place = head.rotations, head.betas, head.place
        maps = [*zip(rotations.weight, rotations.bias, strict=True)]
        maps += [(part.weight.T, part.bias) for part in (betas, place)]
        order = [10 * joint + n for joint in range(JOINTS) for n in range(6)]
        order += [10 * JOINTS + n for n in range(10)] + [10 * (JOINTS + 1) + n for n in range(3)]
        super().__init__(head.norm, maps, order)


class FoldedSpreadHead(EachQuery):
    """A trained ``heads.SpreadHead``; called as that."""

    def __init__(self, head: nn.Module) -> None:
        joints, place = head.joints, head.place
        maps = [*zip(joints.weight, joints.bias, strict=True)]
        # The query of the shape says nothing here.
        maps += [(place.weight.T[:, :0], place.bias[:0]), (place.weight.T, place.bias)]
        order = [4 * joint + n for joint in range(JOINTS) for n in range(3)]
        order += [4 * (JOINTS + 1) + n for n in range(3)] + [
            4 * joint + 3 for joint in range(JOINTS)
        ]
        super().__init__(head.norm, maps, order)

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joints, place, seen = super().forward(queries).split([3 * JOINTS, 3, JOINTS], 1)
        low, high = LOG_STD_RANGE
        return (joints.reshape(-1, JOINTS, 3).clamp(low, high), place.clamp(low, high), seen)


def _padded(weight: Tensor, bias: Tensor, outputs: int) -> tuple[Tensor, Tensor]:
    """With zeros for outputs that a query does not have."""
    short = (0, outputs - weight.shape[1])
    return F.pad(weight, short), F.pad(bias, short)
