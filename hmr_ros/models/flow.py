"""Masked flow matching: some coordinates are known, the others flow from noise to data.

A state [N, D] moves on a straight line from noise at t = 0 to data at t = 1 (Lipman et al. 2023).
``mask`` [D] is 1 where a coordinate is unknown. Known coordinates hold their value at every t, and
the sampler puts it back after every step, so that no sample can move them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# State [N, D] and time [N] to velocity [N, D].
Velocity = Callable[[Tensor, Tensor], Tensor]


def known_kept(state: Tensor, known: Tensor, mask: Tensor) -> Tensor:
    """``state`` with the known coordinates of ``known`` [N, D], to the bit."""
    return torch.where(mask > 0, state, known)


def between(noise: Tensor, data: Tensor, t: Tensor, mask: Tensor) -> Tensor:
    """The state at time t [N]; known coordinates are those of ``data``."""
    t = t[:, None]
    return known_kept((1 - t) * noise + t * data, data, mask)


def reached(state: Tensor, velocity: Tensor, t: Tensor, mask: Tensor) -> Tensor:
    """The data that a straight line from ``state`` at time t [N] leads to."""
    return state + mask * (1 - t[:, None]) * velocity


def flow_loss(velocity: Tensor, noise: Tensor, data: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error [N] of a velocity over the unknown coordinates."""
    return (mask * (velocity - (data - noise)).square()).sum(1) / mask.sum()


def guided(free: Tensor, told: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022) of two velocities: without the observations,
    and with them. Both must come from the same known coordinates."""
    return free + scale * (told - free)


def sampled(velocity: Velocity, noise: Tensor, known: Tensor, mask: Tensor, steps: int) -> Tensor:
    """Data [N, D] from noise [N, D] in equal steps. With one step from zeros this is what the
    network takes for the mean. Raises ValueError for fewer than one step.

    Each step goes along the velocity of its middle, as the last two foretell it (Adams and
    Bashforth's method of second order): a path bends towards what becomes known of it, and a few
    steps along its tangents would draw the samples together.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, expected 1 or more")
    state, before = known_kept(noise, known, mask), None
    for step in range(steps):
        now = velocity(state, torch.full_like(state[:, 0], step / steps))
        along = now if before is None else 1.5 * now - 0.5 * before
        state, before = known_kept(state + along / steps, known, mask), now
    return state
