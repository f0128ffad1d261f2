"""Random cameras around posed bodies, vectorised: where people stand in a robot's image.

Bodies come in their world frame (Y up, pelvis at the origin); results are in the camera's optical
frame (x right, y down, z forward), in metres. Image coordinates are on the ideal plane at z = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

# World (Y up, facing +Z) to a camera that looks at the front of the body.
FLIP = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@dataclass
class Cameras:
    """rotation [N, 3, 3] world to camera, pelvis [N, 3], image border [N, 4] (l, t, r, b).

    pixel [N]: the width of one pixel on the plane at z = 1.
    """

    rotation: Tensor
    pelvis: Tensor
    image: Tensor
    pixel: Tensor


def about(axis: str, angle: Tensor) -> Tensor:
    """Rotations [N, 3, 3] by ``angle`` [N] about x, y or z."""
    c, s, o, i = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = {
        "x": [i, o, o, o, c, -s, o, s, c],
        "y": [c, o, s, o, i, o, -s, o, c],
        "z": [c, -s, o, s, c, o, o, o, i],
    }[axis]
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def uniform(n: int, low: float, high: float, rng: Generator) -> Tensor:
    return torch.rand(n, generator=rng) * (high - low) + low


def normal(n: int, std: float, rng: Generator) -> Tensor:
    return torch.randn(n, generator=rng) * std


def crop_cameras(joints: Tensor, rng: Generator) -> Cameras:
    """Cameras whose image is a square crop that the person fills to 62-112 %.

    joints [N, 24, 3]: in the world frame. Focal lengths are 0.9-2.2 crop widths.
    """
    n = len(joints)
    yaw = uniform(n, -math.pi, math.pi, rng)
    pitch, roll = normal(n, 0.2, rng) + 0.08, normal(n, 0.05, rng)
    rotation = FLIP @ about("z", roll) @ about("x", pitch) @ about("y", yaw)
    seen = (joints @ rotation.transpose(1, 2))[..., :2]
    extent = (seen.amax(1) - seen.amin(1)).amax(1) + 0.15
    focal = uniform(n, 0.9, 2.2, rng)
    depth = focal * extent / uniform(n, 0.62, 1.12, rng)
    across = torch.randn(n, 2, generator=rng) * 0.05 * extent[:, None]
    half = 0.5 / focal
    image = torch.stack([-half, -half, half, half], 1)
    return Cameras(rotation, torch.cat([across, depth[:, None]], 1), image, 1 / (256 * focal))


def robot_cameras(points: Tensor, rng: Generator) -> Cameras:
    """Cameras of robots and of people with phones, the person anywhere in the image.

    points [N, P, 3]: joints or landmarks in the world frame; the lowest stands on the ground.
    Heights 0.2-2.2 m, distances 1.2-15 m, 35-100 degrees along the longer side, pitch mostly
    within 25 degrees; some are rolled or look from far above.
    """
    n = len(points)
    yaw = uniform(n, -math.pi, math.pi, rng)
    distance = torch.exp(uniform(n, math.log(1.2), math.log(15), rng))
    height = uniform(n, 0.2, 2.2, rng)
    height = torch.where(torch.rand(n, generator=rng) < 0.05, height * 2.5, height)
    below = height + points[..., 1].amin(1)  # camera above the pelvis
    longer = torch.tan(torch.deg2rad(uniform(n, 35, 100, rng)) / 2)
    shapes = torch.tensor([3 / 4, 9 / 16, 1.0, 3 / 4])
    shorter = longer * shapes[torch.randint(len(shapes), (n,), generator=rng)]
    upright = torch.rand(n, generator=rng) < 0.2
    half_width = torch.where(upright, shorter, longer)
    half_height = torch.where(upright, longer, shorter)
    pan = torch.atan(half_width * uniform(n, -1, 1, rng))
    down = torch.atan2(below, distance)
    limit = math.radians(25)
    tilt = down - torch.atan(half_height * uniform(n, -0.9, 0.9, rng))
    free = torch.rand(n, generator=rng) < 0.1
    tilt = torch.where(free, tilt, tilt.clamp(-limit, limit))
    roll = normal(n, 0.06, rng)
    lying = torch.rand(n, generator=rng) < 0.03
    roll = torch.where(lying, uniform(n, -math.pi, math.pi, rng), roll)
    turn = about("z", roll) @ about("x", tilt) @ about("y", pan)
    pelvis = torch.stack([torch.zeros(n), below, distance], 1)
    pelvis = (turn @ pelvis[..., None])[..., 0]
    image = torch.stack([-half_width, -half_height, half_width, half_height], 1)
    widths = torch.tensor([320.0, 640.0, 768.0, 1280.0, 1920.0])
    pixels = widths[torch.randint(len(widths), (n,), generator=rng)]
    return Cameras(turn @ FLIP @ about("y", yaw), pelvis, image, 2 * longer / pixels)
