"""The lifter: 2D keypoints, box and camera of a person to SMPL rotations, shape and position.

A residual MLP predicts a first body; its landmarks are projected and what they miss in the image
goes, with the features, into a second MLP that corrects it (one step of learned fitting). Every
quantity is seen from a camera turned towards the person, at the person's own scale, so one
network serves any focal length and any place in the image (the idea of CLIFF, Li et al. 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.skeleton import Skeleton

# Face landmarks crowd in one place: together they weigh like one limb in centre and scale.
FACE = range(0, 11)
MEAN_LOG_DISTANCE = 0.1  # of log(distance * angular size), about what a standing adult gives
LOG_STD_RANGE = (-7.0, 1.0)


@dataclass(frozen=True)
class LifterConfig:
    """Sizes of the network; stored with its weights."""

    keypoints: int = 33
    width: int = 1024
    blocks: int = 2
    refine_width: int = 768
    refine_blocks: int = 2


@dataclass
class View:
    """The camera turned to the person: rotation [N, 3, 3] (camera to view) and scale [N].

    ``keypoints`` [N, K, 2] are in units of ``scale`` around the person's centre, ``confidence``
    [N, K] is 0 where missing, ``context`` [N, C] holds what the turning removed.
    """

    rotation: Tensor
    scale: Tensor
    keypoints: Tensor
    confidence: Tensor
    context: Tensor


@dataclass
class Lifted:
    """A body in the view frame. joints and landmarks are in metres relative to the pelvis.

    place [N, 3]: pelvis as (x / z / scale, y / z / scale, log(z * scale)).
    log_std [N, 24, 3]: natural log of the standard deviation (metres) of each joint about the
    pelvis, along the view axes. place_log_std [N, 3]: the same for ``place``.
    """

    sixd: Tensor
    rotations: Tensor
    betas: Tensor
    place: Tensor
    joints: Tensor
    landmarks: Tensor
    log_std: Tensor | None = None
    place_log_std: Tensor | None = None
    visibility_logit: Tensor | None = None


def matrix_from_6d(columns: Tensor) -> Tensor:
    """6D [..., 6] (first two columns, stacked) to matrices [..., 3, 3] by Gram-Schmidt."""
    a, b = columns.split(3, -1)
    a = _unit(a)
    b = _unit(b - (a * b).sum(-1, keepdim=True) * a)
    # The cross product of all rows, and the columns as rows: few operators once exported.
    aa, bb = torch.cat([a, a], -1), torch.cat([b, b], -1)
    c = aa[..., 1:4] * bb[..., 2:5] - aa[..., 2:5] * bb[..., 1:4]
    return torch.cat([a, b, c], -1).unflatten(-1, (3, 3)).transpose(-1, -2)


def _unit(x: Tensor) -> Tensor:
    """x [..., 3] of length 1, or zeros."""
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def turn_to(ray: Tensor) -> Tensor:
    """Smallest rotations [N, 3, 3] that bring the directions ``ray`` [N, 2] (z = 1) onto +z."""
    x, y = ray.unbind(-1)
    z = (1 + x * x + y * y).rsqrt()
    x, y = x * z, y * z
    k = 1 / (1 + z)
    rows = [1 - x * x * k, -x * y * k, -x, -x * y * k, 1 - y * y * k, -y, x, y, z]
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def turned(rays: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Rays [N, P, 2] (z = 1) after rotation: [N, P, 2] and whether they still lie in front."""
    points = torch.cat([rays, torch.ones_like(rays[..., :1])], -1) @ rotation.transpose(1, 2)
    depth = points[..., 2:]
    return points[..., :2] / depth.clamp(min=0.1), depth[..., 0] > 0.1


def edge_middles(box: Tensor) -> Tensor:
    """Box [N, 4] (left, top, right, bottom) to the middles of its edges [N, 4, 2]."""
    left, top, right, bottom = box.unbind(-1)
    x, y = (left + right) / 2, (top + bottom) / 2
    flat = [left, y, right, y, x, top, x, bottom]
    return torch.stack(flat, -1).reshape(-1, 4, 2)


def project(points: Tensor, place: Tensor, scale: Tensor) -> Tensor:
    """Points [N, P, 3] about the pelvis to view coordinates [N, P, 2] in units of ``scale``."""
    depth = torch.exp(place[:, 2]) / scale
    z = (depth[:, None] + points[..., 2]).clamp(min=0.2)[..., None]
    pelvis = place[:, None, :2] * (depth * scale)[:, None, None]
    return (points[..., :2] + pelvis) / z / scale[:, None, None]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.gelu(self.inner(self.norm(x))))


def trunk(inputs: int, width: int, blocks: int) -> nn.Sequential:
    parts = [nn.Linear(inputs, width), *[Residual(width) for _ in range(blocks)]]
    return nn.Sequential(*parts, nn.LayerNorm(width))


class Lifter(nn.Module):
    """See the module text. ``skeleton`` belongs to the body model whose betas are predicted."""

    def __init__(self, skeleton: Skeleton, config: LifterConfig = LifterConfig()) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        k = config.keypoints
        weight = torch.ones(k)
        weight[list(FACE)] = 0.2
        self.register_buffer("landmark_weight", weight, persistent=False)
        # What replaces the position of a missing keypoint.
        self.missing = nn.Parameter(torch.zeros(k, 2))
        features = 4 * k + 11
        self.first = trunk(features, config.width, config.blocks)
        self.first_head = nn.Linear(config.width, 157)
        self.bridge = nn.Linear(config.width, config.refine_width // 2)
        refine_inputs = config.refine_width // 2 + features + 157 + 5 * k
        self.second = trunk(refine_inputs, config.refine_width, config.refine_blocks)
        self.second_head = nn.Linear(config.refine_width, 157 + 72 + 3 + 24)
        # Standard deviations are multiplied by these: for a joint that is seen, and a hidden one.
        self.register_buffer("temperature", torch.ones(2))
        self._start_from_rest_pose()

    def _start_from_rest_pose(self) -> None:
        sixd = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(24)
        sixd[4] = -1  # the body's Y up is the camera's -y
        with torch.no_grad():
            for head in (self.first_head, self.second_head):
                head.weight.mul_(0.1)
                head.bias.zero_()
            self.first_head.bias[:144] = sixd
            self.first_head.bias[156] = MEAN_LOG_DISTANCE
            self.second_head.bias[157:229] = math.log(0.1)
            self.second_head.bias[229:232] = math.log(0.1)

    def view(self, keypoints: Tensor, box: Tensor, image: Tensor) -> View:
        """Turn the camera to the person; arguments as for ``forward``."""
        rays, confidence = keypoints[..., :2], keypoints[..., 2]
        weight = confidence * self.landmark_weight
        middle = (box[:, :2] + box[:, 2:]) / 2
        # The box counts a little, so that a person without keypoints still has a centre.
        total = weight.sum(1, keepdim=True) + 0.05
        centre = ((weight[..., None] * rays).sum(1) + 0.05 * middle) / total
        rotation = turn_to(centre)
        points, front = turned(rays, rotation)
        confidence = confidence * front
        weight = confidence * self.landmark_weight
        box_edges, _ = turned(edge_middles(box), rotation)
        image_edges, _ = turned(edge_middles(image), rotation)
        side = (box_edges.amax(1) - box_edges.amin(1)).amax(1)
        spread = (weight * points.square().sum(-1)).sum(1) / total[:, 0]
        # 2.5 rms radii are about a person's height; a tenth of the box, and what an adult spans at
        # 300 m, bound it from below.
        scale = (6.25 * spread + 0.01 * side.square() + 2.5e-5).sqrt()
        unit = scale[:, None, None]
        present = (confidence > 0).to(rays.dtype)[..., None]
        points = (points / unit).clamp(-4, 4)
        points = present * points + (1 - present) * self.missing
        context = [scale.log()[:, None], centre.clamp(-2, 2)]
        for edges in (box_edges, image_edges):
            across = torch.cat([edges[:, :2, 0], edges[:, 2:, 1]], 1)
            context.append((across / scale[:, None]).clamp(-4, 4))
        return View(rotation, scale, points, confidence, torch.cat(context, 1))

    def lift(self, view: View) -> tuple[Lifted, Lifted]:
        """First guess and final body, both in the view frame."""
        present = (view.confidence > 0).to(view.context.dtype)
        points = view.keypoints.flatten(1)
        features = torch.cat([points, view.confidence, present, view.context], 1)
        hidden = self.first(features)
        guess = self.body(self.first_head(hidden).float())
        seen = project(guess.landmarks, guess.place, view.scale).clamp(-4, 4)
        missed = (view.keypoints - seen) * present[..., None]
        missed = missed.clamp(-0.5, 0.5) * 4
        depth = guess.landmarks[..., 2]
        parameters = torch.cat([guess.sixd, guess.betas, guess.place], 1)
        fit = torch.cat([missed.flatten(1), seen.flatten(1), depth, parameters], 1).detach()
        out = self.second_head(
            self.second(torch.cat([self.bridge(hidden), features, fit], 1))
        ).float()
        final = self.body(parameters.detach() + out[:, :157])
        low, high = LOG_STD_RANGE
        final.log_std = out[:, 157:229].reshape(-1, 24, 3).clamp(low, high)
        final.place_log_std = out[:, 229:232].clamp(low, high)
        final.visibility_logit = out[:, 232:]
        return guess, final

    def body(self, parameters: Tensor) -> Lifted:
        """[N, 157] raw outputs (24 x 6D, 10 betas, 3 place) to a posed body."""
        sixd, betas, place = parameters.split([144, 10, 3], 1)
        with torch.autocast(parameters.device.type, enabled=False):
            rotations = matrix_from_6d(sixd.reshape(-1, 24, 6))
            joints, landmarks = self.skeleton(rotations, betas)
        return Lifted(sixd, rotations, betas, place, joints, landmarks)

    def forward(self, keypoints: Tensor, box: Tensor, image: Tensor) -> tuple[Tensor, ...]:
        """Keypoints to a body in the camera's optical frame (x right, y down, z forward).

        keypoints [N, K, 3]: x, y on the ideal image plane at z = 1 and confidence in [0, 1];
        confidence 0 is a missing point. box [N, 4]: the person's box, and image [N, 4]: the
        image's border, both as left, top, right, bottom on the same plane.

        Returns rotations [N, 24, 3, 3], betas [N, 10], pelvis [N, 3] in metres,
        joint_cov [N, 24, 3, 3] of the joints about the pelvis and pelvis_cov [N, 3, 3], both m^2,
        visibility [N, 24].
        """
        view = self.view(keypoints, box, image)
        _, body = self.lift(view)
        return in_camera(body, view.rotation, view.scale, self.temperature)


def in_camera(
    body: Lifted,
    view: Tensor,
    scale: Tensor,
    temperature: Tensor,
    place_temperature: Tensor | float = 1.0,
) -> tuple[Tensor, ...]:
    """A body of the view frame in the camera's frame: the outputs of ``Lifter.forward``.

    view [N, 3, 3]: camera to view. scale [N]: unit of ``place``. temperature [2]: factors of the
    standard deviations of a joint that is seen, and of a hidden one; place_temperature: of those of
    the place.
    """
    # Metres and rotations are lost in half precision.
    with torch.autocast(view.device.type, enabled=False):
        back = view.transpose(1, 2)
        root = back @ body.rotations[:, 0]
        rotations = torch.cat([root[:, None], body.rotations[:, 1:]], 1)
        depth = body.place[:, 2].exp() / scale
        across = body.place[:, :2] * scale[:, None]
        pelvis = torch.cat([across, torch.ones_like(across[:, :1])], 1) * depth[:, None]
        visibility = body.visibility_logit.sigmoid()
        joint_cov = spread_along(joint_variance(body, temperature), back[:, None])
        # First order: x = place_x * scale * z, and z moves by z times the error of log z.
        std = place_temperature * body.place_log_std.exp()
        sideways = F.pad(std[:, :2] * (scale * depth)[:, None], (0, 1)).square()
        along = back @ (pelvis * std[:, 2:])[..., None]
        pelvis_cov = spread_along(sideways, back) + along @ along.transpose(1, 2)
        return (
            rotations,
            body.betas,
            (back @ pelvis[..., None])[..., 0],
            joint_cov,
            pelvis_cov,
            visibility,
        )


def joint_variance(body: Lifted, temperature: Tensor) -> Tensor:
    """Variances [N, 24, 3] (m^2) of the joints along the view's axes, by the network's factors
    ``temperature`` [2] of the deviations of seen and of hidden joints, as far as each is seen."""
    seen, hidden = temperature
    visibility = body.visibility_logit.sigmoid()
    factor = visibility * seen**2 + (1 - visibility) * hidden**2
    return (2 * body.log_std).exp() * factor[..., None]


def spread_along(variance: Tensor, axes: Tensor) -> Tensor:
    """Covariances axes @ diag(variance) @ axes^T for variance [..., 3] and axes [..., 3, 3]."""
    return (axes * variance[..., None, :]) @ axes.transpose(-1, -2)
