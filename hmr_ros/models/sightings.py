"""Sightings of one person over time, in a frame in which time can be compared.

A camera that turns makes a person who stands still turn. So everything is told in the *facing*
frame of each sighting: gravity-aligned, as odometry knows it, y up and z the horizontal direction
from the camera to the person (the gravity-view frame of GVHMR, Shen et al. 2024). Nothing depends
on where the odometry began or which way it faced.

What a sighting holds: ``hmr_ros.sighting_fields``; of N people, or of N clips of T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_ros.models.tokenizer import sixd_of
from hmr_ros.sighting_fields import GAP

MEMORIES = (0.3, 2.0)  # seconds over which what was seen is averaged
LEAST_WEIGHT = 0.05  # of a joint that is not seen, in those averages
SUMS = 24 * 7 + 11 + 4  # of one memory: rotations and weights, shape, way and time
HISTORY = len(MEMORIES) * SUMS + 3 + 9  # and the last pelvis and camera rotation
FEATURES = 144 + 10 + 3 + 24 + 1 + 24 + 99 + 4 + len(MEMORIES) * (144 + 24 + 10 + 3) + 3 + 3


@dataclass
class Sighting:
    """What one frame says. facing [..., 3, 3]: odometry to facing frame. root [..., 3, 3]: the body
    to the facing frame. world_sixd [..., 24, 6]: first two columns, root to the odometry frame.
    world_pelvis [..., 3]: there too."""

    inputs: dict[str, Tensor]
    facing: Tensor
    root: Tensor
    world_sixd: Tensor
    world_pelvis: Tensor


def sighting(inputs: dict[str, Tensor]) -> Sighting:
    """Inputs by name, see the module text."""
    turn = inputs["camera_rotation"].transpose(-1, -2)
    way = (turn @ inputs["pelvis"][..., None])[..., 0]
    world_pelvis = inputs["camera_position"] + way
    ahead = F.normalize(way[..., ::2] + torch.tensor([0.0, 1e-6], device=way.device), dim=-1)
    x, z = ahead.unbind(-1)
    none, one = torch.zeros_like(x), torch.ones_like(x)
    facing = torch.stack([z, none, -x, none, one, none, x, none, z], -1).unflatten(-1, (3, 3))
    root = turn @ inputs["rotations"][..., 0, :, :]
    local = sixd_of(inputs["rotations"][..., 1:, :, :])
    world = torch.cat([sixd_of(root)[..., None, :], local], -2)
    return Sighting(inputs, facing, facing @ root, world, world_pelvis)


def addends(seen: Sighting, before: Tensor) -> Tensor:
    """What a sighting adds to a memory's sums [..., SUMS]. before [..., 3]: the last pelvis."""
    elapsed = seen.inputs["elapsed"]
    weight = seen.inputs["visibility"].clamp(min=LEAST_WEIGHT)
    following = follows(elapsed)[..., None]
    return torch.cat(
        [
            (weight[..., None] * seen.world_sixd).flatten(-2),
            weight,
            seen.inputs["betas"],
            torch.ones_like(elapsed)[..., None],
            following * (seen.world_pelvis - before),
            following * elapsed[..., None],
        ],
        -1,
    )


def follows(elapsed: Tensor) -> Tensor:
    """[...] 1 where the sighting before still counts, else 0."""
    return ((elapsed > 0) & (elapsed <= GAP)).to(elapsed.dtype)


def kept(elapsed: Tensor) -> Tensor:
    """[..., memories] share of the sums that is left after ``elapsed`` seconds."""
    memories = torch.tensor(MEMORIES, device=elapsed.device)
    return torch.exp(-elapsed[..., None] / memories) * follows(elapsed)[..., None]


def features(seen: Sighting, sums: Tensor, camera_before: Tensor) -> tuple[Tensor, Tensor]:
    """What the network reads [..., FEATURES], and the way per second that the shorter memory has
    [..., 3], facing frame.

    sums [..., memories, SUMS] with this sighting in them. camera_before [..., 3, 3]: the camera's
    rotation at the sighting before.
    """
    inputs, facing = seen.inputs, seen.facing
    own = torch.cat([sixd_of(seen.root)[..., None, :], seen.world_sixd[..., 1:, :]], -2)
    depth = inputs["pelvis"][..., 2:].clamp(min=0.2)
    centre = inputs["pelvis"][..., :2] / depth
    present = (inputs["keypoints"][..., 2:] > 0).to(depth.dtype)
    marks = (inputs["keypoints"][..., :2] - centre[..., None, :]) * depth[..., None]
    marks = marks.clamp(-2, 2) * present
    box = ((inputs["box"] - torch.cat([centre, centre], -1)) * depth).clamp(-3, 3)
    up = (seen.world_pelvis - inputs["camera_position"])[..., 1:2]
    parts = [
        own.flatten(-2),
        inputs["betas"],
        torch.cat([depth.log(), up, centre[..., :1]], -1),
        inputs["joint_std"].clamp(1e-3, 2.0).log() + 2,
        inputs["distance_std"][..., None].clamp(1e-3, 1.0).log() + 2,
        inputs["visibility"],
        marks.flatten(-2),
        inputs["keypoints"][..., 2],
        box,
    ]
    ways = []
    for n in range(len(MEMORIES)):
        sixd, weight, betas, count, way, time = sums[..., n, :].split([144, 24, 10, 1, 3, 1], -1)
        mean = sixd.unflatten(-1, (24, 6)) / weight[..., None].clamp(min=1e-6)
        root = mean[..., 0, :].unflatten(-1, (2, 3)) @ facing.transpose(-1, -2)
        mean = torch.cat([root.flatten(-2)[..., None, :], mean[..., 1:, :]], -2)
        speed = way / (time + 0.05)
        ways.append((facing @ speed[..., None])[..., 0])
        parts += [(mean - own).flatten(-2), (0.2 * weight).tanh(), betas / count - inputs["betas"]]
        parts.append(ways[-1].clamp(-4, 4))
    following = follows(inputs["elapsed"])[..., None]
    elapsed = following * inputs["elapsed"][..., None]
    turned = inputs["camera_rotation"].transpose(-1, -2) @ camera_before
    rate = turned - turned.transpose(-1, -2)
    rate = torch.stack([rate[..., 2, 1], rate[..., 0, 2], rate[..., 1, 0]], -1) / 2
    rate = following * (facing @ (rate / (elapsed + 1e-3))[..., None])[..., 0]
    parts += [rate.clamp(-3, 3), elapsed, following, inputs["odometry"][..., None]]
    return torch.cat(parts, -1), ways[0]
