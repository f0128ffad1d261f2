"""BlazePose without BlazePose: keypoints with its errors, drawn at random, thousands a second.

The errors are those that ``tools/measure_blazepose.py`` found, for each landmark, way of being
seen and size of the person. A person is as easy or difficult, landmark by landmark, as one of the
measured people, and is missed as often as measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from hmr_ros.data.measured_errors import FACE, HIDDEN_SHARES, OUTSIDE, SIZES, MeasuredErrors

BLUR = 0.05  # spread of a drawn error around a measured one, so that no two are the same


@dataclass
class StandIn:
    """N people as the front end might give them.

    positions [N, 33, 2] pixels, confidence [N, 33] (0: missing), peak [N, 33] and spread [N, 33]
    (cells) of the heat-maps, found [N] bool (False: nothing, all confidences 0).
    """

    positions: Tensor
    confidence: Tensor
    peak: Tensor
    spread: Tensor
    found: Tensor


def stand_in(
    pixels: Tensor, state: Tensor, image: Tensor, errors: MeasuredErrors, rng: Generator
) -> StandIn:
    """Draw keypoints for people whose truth is known.

    pixels: [N, 33, 2], true places where BlazePose would put them (``offsets`` added by the
    caller). state: [N, 33] row of ``measured_errors.CLASSES``. image: [N, 4] its borders (left,
    top, right, bottom) in the same pixels; what is put outside has confidence 0, as in the front
    end. Tensors may be on any device, ``rng`` on the same one.
    """
    device, (n, k) = pixels.device, state.shape
    size, bin_size, bin_hidden, missed = binned(pixels, state, errors)
    pools = torch.as_tensor(errors.pools, device=device)
    ranks = torch.as_tensor(errors.ranks, device=device)

    donor = torch.randint(ranks.shape[1], (n,), generator=rng, device=device)
    level = ranks[bin_hidden, donor].gather(1, state[:, None])[:, 0]
    level = level + (torch.rand(n, k, generator=rng, device=device) - 0.5) / pools.shape[3]
    row = (level * pools.shape[3]).long().clamp(0, pools.shape[3] - 1)
    drawn = pools[torch.arange(k, device=device), state, bin_size[:, None], row]
    blur = 1 + BLUR * torch.randn(n, k, 2, generator=rng, device=device)
    inside, inwards = nearest_inside(pixels, state, image)
    positions = inside + drawn[..., :2] * inwards * blur * size[:, None, None]

    # Whatever was given was inside of its image, though this one may have another border there.
    positions = torch.where(drawn[..., 2:3] > 0, within(positions, image), positions)
    found = torch.rand(n, generator=rng, device=device) >= missed
    given = ((positions >= image[:, None, :2]) & (positions < image[:, None, 2:])).all(-1)
    confidence = torch.where(given & found[:, None], drawn[..., 2], 0.0)
    return StandIn(positions, confidence, drawn[..., 3], drawn[..., 4], found)


def binned(
    pixels: Tensor, state: Tensor, errors: MeasuredErrors
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """By what errors were measured, of people as in ``stand_in``: size in pixels [N], its bin [N],
    the bin [N] of the share of landmarks that cannot be seen, the chance [N] to be missed."""
    device = pixels.device
    size = (pixels.amax(1) - pixels.amin(1)).amax(1)
    bin_size = torch.bucketize(size, torch.tensor(SIZES, device=device))
    share = (state >= 2).float().mean(1)
    bin_hidden = torch.bucketize(share, torch.tensor(HIDDEN_SHARES, device=device))
    headless = ((state[:, :FACE] == OUTSIDE).float().mean(1) > 0.5).long()
    missed = torch.as_tensor(errors.missed, device=device)[bin_size, bin_hidden, headless]
    return size, bin_size, bin_hidden, missed


def within(positions: Tensor, image: Tensor) -> Tensor:
    """Positions [N, K, 2] that are outside of the image [N, 4] put on its border."""
    limit = torch.nextafter(image[:, None, 2:], torch.zeros_like(image[:, None, 2:]))
    return torch.minimum(torch.maximum(positions, image[:, None, :2]), limit)


def nearest_inside(pixels: Tensor, state: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Where errors count from [N, K, 2], and the sign [N, K, 2] that points into the image.

    For landmarks ``outside`` the nearest place in the image [N, 4], else the landmark itself.
    """
    low, high = image[:, None, :2], image[:, None, 2:]
    outside = (state == OUTSIDE)[..., None]
    near = torch.where(outside, torch.minimum(torch.maximum(pixels, low), high), pixels)
    beyond = outside & (pixels > high)
    return near, torch.where(beyond, -1.0, 1.0)
