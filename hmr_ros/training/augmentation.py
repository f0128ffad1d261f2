"""Varied person crops: seen in a mirror, in another light, covered, or with evidence missing.

Functions take a batch (fields of ``PersonCrops`` and ``Truth`` as tensors, pictures and maps in
0..1), draw from ``rng`` for every person of it, and return a new batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from hmr_ros.data.keypoint_noise import MIRRORED as MIRRORED_KEYPOINT
from hmr_ros.data.lifting import MIRRORED_JOINT

Batch = dict[str, Tensor]
# A vector seen in the mirror; a rotation is multiplied by the second from both sides.
ACROSS = torch.tensor([-1.0, 1.0, 1.0])
BOTH_SIDES = ACROSS[:, None] * ACROSS


@dataclass(frozen=True)
class Augmentation:
    """Shares of the people that something happens to, and how much.

    light, contrast, colour: standard deviations of brightness, log contrast and log gain a channel.
    grey, noisy: shares seen without colour, and with noise of up to ``noise``. covered: share with
    a rectangle (up to ``largest`` of the picture) painted over. lost_maps: share whose heat-maps
    lack about half of the points. no_image, no_maps, no_features, no_keypoints, no_world: shares
    that lack them wholly. In a mirror the landmark network would have seen other features: they
    are missing there.
    """

    mirror: float = 0.5
    light: float = 0.08
    contrast: float = 0.2
    colour: float = 0.08
    grey: float = 0.1
    noisy: float = 0.3
    noise: float = 0.06
    covered: float = 0.25
    largest: float = 0.3
    lost_maps: float = 0.2
    no_image: float = 0.1
    no_maps: float = 0.1
    no_features: float = 0.1
    no_keypoints: float = 0.1
    no_world: float = 0.1


def augmented(batch: Batch, how: Augmentation, rng: Generator) -> Batch:
    """All of it, in the order in which it would happen."""
    n = len(batch["image"])
    batch = chosen(batch, mirrored(batch), torch.rand(n, generator=rng) < how.mirror)
    image = covered(relit(batch["image"], how, rng), how, rng)
    return missing(batch | {"image": image}, how, rng)


def chosen(batch: Batch, other: Batch, rows: Tensor) -> Batch:
    """``other`` in some rows, ``batch`` in the rest."""
    return {k: torch.where(_each(rows, v), other[k], v) for k, v in batch.items()}


def mirrored(batch: Batch) -> Batch:
    """Everything as a camera sees it in a mirror: left and right exchanged."""
    joint, point = MIRRORED_JOINT, MIRRORED_KEYPOINT
    both, across = BOTH_SIDES, ACROSS
    left, top, right, bottom = batch["box"].unbind(1)
    other = {
        "image": batch["image"].flip(3),
        "heatmaps": batch["heatmaps"][:, point].flip(3),
        "mask": batch["mask"].flip(3),
        "features": torch.zeros_like(batch["features"]),
        "keypoints": batch["keypoints"][:, point] * across,
        "world": batch["world"][:, point] * across,
        "rays": batch["rays"].flip(3) * across[:2, None, None],
        "scale": batch["scale"],
        "box": torch.stack([-right, top, -left, bottom], 1),
        "view": batch["view"] * both,
    }
    if "rotations" in batch:
        other |= {
            "rotations": batch["rotations"][:, joint] * both,
            "betas": batch["betas"],
            "pelvis": batch["pelvis"] * across,
            "joints": batch["joints"][:, joint] * across,
            "visibility": batch["visibility"][:, joint],
            "occluder": batch["occluder"][:, joint],
            "joints_2d": batch["joints_2d"][:, joint] * across[:2],
        }
    return other


def relit(image: Tensor, how: Augmentation, rng: Generator) -> Tensor:
    """Pictures [N, 3, S, S] in another light, by another sensor."""
    n = len(image)

    def normal(*shape: int) -> Tensor:
        return torch.randn(n, *shape, generator=rng)

    gain = (how.contrast * normal(1, 1, 1) + how.colour * normal(3, 1, 1)).exp()
    middle = image.mean((1, 2, 3), keepdim=True)
    out = (image - middle) * gain + middle + how.light * normal(1, 1, 1)
    grey = _each(torch.rand(n, generator=rng) < how.grey, out)
    out = torch.where(grey, out.mean(1, keepdim=True), out)
    # Noise only where there is some: it costs more than all the rest.
    rows = torch.nonzero(torch.rand(n, generator=rng) < how.noisy)[:, 0]
    amount = how.noise * torch.rand(n, 1, 1, 1, generator=rng)
    out[rows] += amount[rows] * torch.randn(len(rows), *image.shape[1:], generator=rng)
    return out.clamp(0, 1)


def covered(image: Tensor, how: Augmentation, rng: Generator) -> Tensor:
    """A rectangle of one colour and coarse noise over some of the pictures [N, 3, S, S]."""
    n, side = len(image), image.shape[-1]
    share, stretch, x, y, chance = torch.rand(5, n, generator=rng)
    colour = torch.rand(n, 3, 1, 1, generator=rng)
    spots = 0.3 * torch.rand(n, 3, 8, 8, generator=rng) - 0.15
    # Sides from 1 : 2 to 2 : 1.
    stretch = 2 ** (stretch - 0.5)
    half = ((how.largest * share).sqrt() / 2).clamp(min=0.01)
    at = (torch.arange(side) + 0.5) / side
    across = (at - x[:, None]).abs() < (half * stretch)[:, None]
    down = (at - y[:, None]).abs() < (half / stretch)[:, None]
    inside = down[:, :, None] & across[:, None] & (chance < how.covered)[:, None, None]
    paint = colour + F.interpolate(spots, size=(side, side))
    return torch.where(inside[:, None], paint.clamp(0, 1), image)


def missing(batch: Batch, how: Augmentation, rng: Generator) -> Batch:
    """Evidence left out, so that a network does not rely on any one kind."""
    n = len(batch["image"])
    no_image, no_maps, no_keypoints, partly, no_features, no_world = torch.rand(6, n, generator=rng)
    kept_points = torch.rand(n, batch["heatmaps"].shape[1], generator=rng) < 0.5
    kept_points = kept_points | (partly >= how.lost_maps)[:, None]
    maps = no_maps >= how.no_maps
    image = no_image >= how.no_image
    keypoints = no_keypoints >= how.no_keypoints
    # Something must be left.
    keypoints = keypoints | ~(image | maps)
    return batch | {
        "image": batch["image"] * _each(image, batch["image"]),
        "heatmaps": batch["heatmaps"] * (kept_points & maps[:, None])[..., None, None],
        "mask": batch["mask"] * _each(maps, batch["mask"]),
        "features": batch["features"] * _each(no_features >= how.no_features, batch["features"]),
        "keypoints": batch["keypoints"] * _each(keypoints, batch["keypoints"]),
        "world": batch["world"] * _each(no_world >= how.no_world, batch["world"]),
    }


def _each(rows: Tensor, like: Tensor) -> Tensor:
    """[N] as [N, 1, ...] beside ``like``."""
    return rows.reshape(-1, *[1] * (like.dim() - 1))
