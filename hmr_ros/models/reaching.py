"""The true limbs on a torso that is not the true one: what stage two of FactorizedHMR can reach.

A shoulder that turns as the true one does, on a torso that leans another way, leads the arm
elsewhere: the two views of the limbs would contradict each other in the data itself, and what is
seen of an arm would not tell its rotations. So limbs keep the orientation that they truly have in
the view, and the bones of arms and legs then point from where they begin to where they truly end.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_ros.models.factorized_state import TORSO
from hmr_ros.models.skeleton import Skeleton

# Joint to the end of its bone: of thighs and upper arms, then of shanks and forearms.
BONES = {1: 4, 2: 5, 16: 18, 17: 19}, {4: 7, 5: 8, 18: 20, 19: 21}


def reaching(
    skeleton: Skeleton, anchor: Tensor, betas: Tensor, rotations: Tensor, joints: Tensor
) -> Tensor:
    """Rotations [N, 24, 3, 3]: the torso of ``anchor`` [N, 24, 3, 3], and limbs on it that reach
    for the true ones, which are ``rotations`` and ``joints`` [N, 24, 3] about the pelvis.

    betas: [N, 10] of the body that reaches. In single precision, whatever autocast says: it is what
    networks learn, and a rotation needs more digits than bfloat16 has.
    """
    with torch.autocast(anchor.device.type, enabled=False):
        parents = skeleton.parents
        turned, torso = (list(in_view(r, parents).unbind(1)) for r in (rotations, anchor))
        for joint in TORSO:
            turned[joint] = torso[joint]
        for bones in BONES:
            own, _ = skeleton(at_joints(turned, parents), betas)
            for joint, end in bones.items():
                aim = least_turn(own[:, end] - own[:, joint], joints[:, end] - own[:, joint])
                turned[joint] = aim @ turned[joint]
        return at_joints(turned, parents)


def in_view(rotations: Tensor, parents: Sequence[int]) -> Tensor:
    """Local rotations [N, 24, 3, 3] as orientations in the root's frame."""
    turned = [rotations[:, 0]]
    for joint in range(1, 24):
        turned.append(turned[parents[joint]] @ rotations[:, joint])
    return torch.stack(turned, 1)


def at_joints(turned: list[Tensor], parents: Sequence[int]) -> Tensor:
    """The reverse of ``in_view``, of 24 orientations [N, 3, 3]."""
    local = [turned[parents[j]].transpose(1, 2) @ turned[j] for j in range(1, 24)]
    return torch.stack([turned[0], *local], 1)


def least_turn(start: Tensor, end: Tensor) -> Tensor:
    """Smallest rotations [N, 3, 3] that bring the direction of ``start`` [N, 3] onto that of
    ``end``, which must not be opposite."""
    start, end = F.normalize(start, dim=-1), F.normalize(end, dim=-1)
    x, y, z = torch.linalg.cross(start, end).unbind(-1)
    nought = torch.zeros_like(x)
    across = torch.stack([nought, -z, y, z, nought, -x, -y, x, nought], -1).reshape(-1, 3, 3)
    along = (1 + (start * end).sum(-1)).clamp(min=1e-6)[:, None, None]
    return torch.eye(3, device=start.device) + across + across @ across / along
