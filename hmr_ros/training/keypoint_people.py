"""Simulated keypoints as person crops without a picture, at thousands a second.

A body seen through keypoints alone teaches a network on person crops most of what it must know of
bodies, cameras and the front end's errors, at a hundredth of the cost of a rendered person. The
crop that BlazePose would have cut is imitated: about the box, a little off, turned with the person.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from hmr_ros.crop_views import FARTHEST, MARGIN
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.data.lifting import Samples
from hmr_ros.models.lifter import edge_middles, turn_to, turned

SHIFTED = 0.08  # of the box's longer side, standard deviation of the crop's middle
RESIZED = 0.15  # standard deviation of the log of its side
ROLLED = 0.2  # radians; one in ten is turned by anything
LOST = 0.03  # share of people of whom no keypoint is found


def keypoint_people(samples: Samples, rng: Generator) -> dict[str, Tensor]:
    """The fields of ``PersonCrops`` that need no picture, those of ``Truth`` but the occluder (who
    hides himself counts as hidden), and ``landmarks`` [N, K, 3] about the pelvis."""
    view, scale = crops(samples.box, rng)
    unit = scale[:, None, None]
    points, ahead = turned(samples.keypoints[..., :2], view)
    found = torch.rand(len(samples), 1, generator=rng) >= LOST
    confidence = samples.keypoints[..., 2] * ahead * found
    places = (points / unit).clamp(-FARTHEST, FARTHEST) * (confidence > 0)[..., None]
    edges = turned(edge_middles(samples.box), view)[0] / unit
    joints = samples.joints @ view.transpose(1, 2)
    flat = joints[..., :2] / joints[..., 2:].clamp(min=0.1) / unit
    rotations = samples.rotations.clone()
    rotations[:, 0] = view @ rotations[:, 0]
    pelvis = joints[:, 0]
    return {
        "keypoints": torch.cat([places, confidence[..., None]], -1),
        "scale": scale,
        "box": torch.cat([edges.amin(1), edges.amax(1)], 1).clamp(-FARTHEST, FARTHEST),
        "view": view,
        "rotations": rotations,
        "betas": samples.betas,
        "pelvis": pelvis,
        "joints": joints - pelvis[:, None],
        "joints_2d": flat.clamp(-FARTHEST, FARTHEST),
        "landmarks": samples.landmarks @ view.transpose(1, 2) - pelvis[:, None],
        "visibility": torch.where(samples.visible, VISIBLE, HIDDEN),
    }


def crops(box: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """Views [N, 3, 3] and scales [N] (see ``PersonCrops``) of crops about boxes [N, 4], which are
    left, top, right, bottom on the plane at z = 1."""
    n = len(box)
    side = (box[:, 2:] - box[:, :2]).amax(1)
    middle = (box[:, :2] + box[:, 2:]) / 2
    middle = middle + SHIFTED * side[:, None] * torch.randn(n, 2, generator=rng)
    side = MARGIN * side * (RESIZED * torch.randn(n, generator=rng)).exp()
    roll = ROLLED * torch.randn(n, generator=rng)
    anything = torch.rand(n, generator=rng) < 0.1
    roll = torch.where(anything, math.pi * (2 * torch.rand(n, generator=rng) - 1), roll)
    c, s, zero, one = roll.cos(), roll.sin(), torch.zeros(n), torch.ones(n)
    turn = torch.stack([c, s, zero, -s, c, zero, zero, zero, one], -1).reshape(n, 3, 3)
    # A small area on the plane, seen from straight ahead, shrinks by the cosine cubed.
    cosine = (1 + middle.square().sum(1)).rsqrt()
    return turn @ turn_to(middle), side / 2 * cosine**1.5
