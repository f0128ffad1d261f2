"""The state of FactorizedHMR: a certain anchor, and limbs that flow (paper, "composite target").

Anchor, known: rotations of the root, the spine, the neck, the collars and the head, shape, place.
Unknown: the rotations of the limbs, which define the body, and beside them the positions of the
joints that these move, as an auxiliary view of the same limbs.

Coordinates are differences to the neutral body, the anchor with limbs at rest: zero is that body in
both views at once.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_ros.models import flow
from hmr_ros.models.lifter import Lifted, matrix_from_6d
from hmr_ros.models.skeleton import Skeleton

TORSO = (0, 3, 6, 9, 12, 13, 14, 15)  # root, spine, neck, collars, head
LIMBS = (
    1,
    2,
    4,
    5,
    7,
    8,
    10,
    11,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
)  # hips to feet, shoulders to hands
DISTAL = (4, 5, 7, 8, 10, 11, 18, 19, 20, 21, 22, 23)  # the joints that limb rotations move
PARENT_OF = (1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21)  # of each distal joint
ROTATIONS, POSITIONS, SHAPE, PLACE = 24 * 6, 3 * len(DISTAL), 10, 3
SIZE = ROTATIONS + POSITIONS + SHAPE + PLACE
NEAR = 0.02  # of the end of a path: no velocity is told that would reach it sooner


def unknown_mask(anchored: bool = True, positions: bool = True) -> Tensor:
    """[SIZE] float32: 1 at limb rotations and distal positions. Without ``anchored`` at all
    rotations, without ``positions`` at none of those (for ablations)."""
    rotations = torch.zeros(24, 6)
    rotations[list(LIMBS if anchored else range(24))] = 1
    distal = torch.full((POSITIONS,), float(positions))
    return torch.cat([rotations.flatten(), distal, torch.zeros(SHAPE + PLACE)])


def at_rest() -> Tensor:
    """[144] 6D of no rotation, 24 times."""
    return torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(24)


def split(state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """6D [N, 24, 6] (differences to rest), positions [N, 12, 3] (to the neutral body), betas
    [N, 10], place [N, 3]."""
    rotations, positions, betas, place = state.split([ROTATIONS, POSITIONS, SHAPE, PLACE], 1)
    return rotations.reshape(-1, 24, 6), positions.reshape(-1, len(DISTAL), 3), betas, place


def neutral_distal(skeleton: Skeleton, state: Tensor) -> Tensor:
    """Distal joints [N, 12, 3] about the pelvis of the anchor with its limbs at rest."""
    mask = unknown_mask().to(state.device)
    return body_of(skeleton, state * (1 - mask)).joints[:, list(DISTAL)]


def state_of(
    skeleton: Skeleton, rotations: Tensor, betas: Tensor, place: Tensor, joints: Tensor
) -> Tensor:
    """The state [N, SIZE] of bodies: rotations [N, 24, 3, 3] (root to the view frame), joints
    [N, 24, 3] about the pelvis."""
    sixd = rotations[..., :2].transpose(-1, -2).flatten(1) - at_rest().to(rotations.device)
    state = torch.cat([sixd, torch.zeros_like(sixd[:, :POSITIONS]), betas, place], 1)
    distal = joints[:, list(DISTAL)] - neutral_distal(skeleton, state)
    return torch.cat([sixd, distal.flatten(1), betas, place], 1)


def body_of(skeleton: Skeleton, state: Tensor) -> Lifted:
    """The body of a state: that of its rotations."""
    # In single precision: a rotation needs more digits than bfloat16 has.
    with torch.autocast(state.device.type, enabled=False):
        state = state.float()
        sixd = state[:, :ROTATIONS] + at_rest().to(state.device)
        betas, place = state[:, -SHAPE - PLACE : -PLACE], state[:, -PLACE:]
        rotations = matrix_from_6d(sixd.reshape(-1, 24, 6))
        joints, landmarks = skeleton(rotations, betas.detach())  # as heads.body_of
    return Lifted(sixd, rotations, betas, place, joints, landmarks)


def positions_of(skeleton: Skeleton, state: Tensor) -> Tensor:
    """Distal joints [N, 12, 3] about the pelvis as the auxiliary view has them."""
    return neutral_distal(skeleton, state) + split(state)[1]


def following(
    skeleton: Skeleton, state: Tensor, velocity: Tensor, t: Tensor, mask: Tensor
) -> Tensor:
    """[N, SIZE] velocity of distal positions that leads them to where the limbs will be by their
    rotations, and 0 at all other coordinates: so both views end as one limb.

    ``state`` [N, SIZE] moves by ``velocity`` [N, SIZE] from time t [N] on; mask: [SIZE] of
    ``unknown_mask``. In single precision, as ``body_of``.
    """
    with torch.autocast(state.device.type, enabled=False):
        state, t = state.float(), t.float()
        end = flow.reached(state, velocity.float(), t, mask)
        led = body_of(skeleton, end).joints[:, list(DISTAL)] - neutral_distal(skeleton, end)
        gap = (led - split(state)[1]).flatten(1) / (1 - t)[:, None].clamp(min=NEAR)
        return F.pad(gap, (ROTATIONS, SHAPE + PLACE))


def noise_scale(skeleton: Skeleton, mask: Tensor, sixd: float = 0.6, draws: int = 2000) -> Tensor:
    """[SIZE] standard deviation of the noise: ``sixd`` for rotations, and for each distal joint
    what that noise moves it by, so that both views begin equally blurred; 0 where ``mask`` [SIZE]
    is, at known ones."""
    rng = torch.Generator().manual_seed(0)
    scale = sixd * mask
    noise = torch.randn(draws, SIZE, generator=rng) * scale
    noise[:, ROTATIONS : ROTATIONS + POSITIONS] = 0
    moved = body_of(skeleton, noise).joints[:, list(DISTAL)] - neutral_distal(skeleton, noise)
    spread = moved.square().mean((0, 2)).sqrt()
    scale[ROTATIONS : ROTATIONS + POSITIONS] = spread.repeat_interleave(3)
    return scale * mask
