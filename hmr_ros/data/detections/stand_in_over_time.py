"""BlazePose without BlazePose on films: errors that last, as the real front end's do.

What the front end gets wrong in one frame it mostly gets wrong in the next: the same folded sleeve
is taken for the same elbow. An error here is a slow part, drawn anew about every ``LASTING``
seconds and blended in between, and a quick part drawn anew in each frame; so is whether anything
is found at all. Sizes of errors are those of ``stand_in``.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from hmr_ros.data.detections.stand_in import StandIn, binned, nearest_inside, within
from hmr_ros.data.measured_errors import MeasuredErrors

LASTING = 0.8  # seconds between two draws of the slow part
LOST_FOR = 0.4  # seconds over which finding nothing is correlated
QUICK = 0.3  # share of the quick part in an error's standard deviation
REACH = 0.06  # rank around a person's own difficulty from which errors are drawn


def stand_in_over_time(
    pixels: Tensor,
    state: Tensor,
    image: Tensor,
    stamps: Tensor,
    errors: MeasuredErrors,
    rng: Generator,
) -> StandIn:
    """Keypoints of one person over T frames; fields of ``StandIn`` with T in the place of N.

    pixels: [T, 33, 2] true places where BlazePose would put them. state: [T, 33] row of
    ``measured_errors.CLASSES``. image: [4] borders in the same pixels. stamps: [T] seconds.
    """
    frames, k = state.shape
    borders = image.expand(frames, 4)
    size, bin_size, bin_hidden, missed = binned(pixels, state, errors)
    pools, ranks = torch.as_tensor(errors.pools), torch.as_tensor(errors.ranks)
    donor = torch.randint(ranks.shape[1], (1,), generator=rng)
    level = ranks[bin_hidden, donor].gather(1, state[:, None])[:, 0]

    def drawn(off: Tensor) -> Tensor:
        row = ((level + REACH * off) * pools.shape[3]).long().clamp(0, pools.shape[3] - 1)
        return pools[torch.arange(k), state, bin_size[:, None], row]

    since = (stamps - stamps[0]) / LASTING
    knots = 2 * torch.rand(int(since[-1]) + 2, k, generator=rng) - 1
    before = since.long()
    blend = (since - before)[:, None, None]
    slow = (1 - blend) * drawn(knots[before]) + blend * drawn(knots[before + 1])
    quick = drawn(2 * torch.rand(frames, k, generator=rng) - 1)
    given = torch.where(slow[..., 2:3] > 0.5 * quick[..., 2:3], slow, quick)
    moved = (1 - QUICK**2) ** 0.5 * slow[..., :2] + QUICK * quick[..., :2]
    inside, inwards = nearest_inside(pixels, state, borders)
    positions = within(inside + moved * inwards * size[:, None, None], borders)
    found = lasting_chance(stamps, LOST_FOR, rng) >= missed
    confidence = torch.where(found[:, None], given[..., 2], 0.0)
    return StandIn(positions, confidence, given[..., 3], given[..., 4], found)


def lasting_chance(stamps: Tensor, seconds: float, rng: Generator) -> Tensor:
    """[T] uniform numbers that stay alike for about ``seconds``: a Gauss-Markov process."""
    keep = torch.exp(-stamps.diff().clamp(min=1e-3) / seconds)
    noise = torch.randn(len(stamps), generator=rng)
    values = [noise[0]]
    for k, n in zip(keep, noise[1:], strict=True):
        values.append(k * values[-1] + (1 - k**2).sqrt() * n)
    return torch.special.ndtr(torch.stack(values))
