"""What goes wrong with 2D keypoints: occluders, and the errors a detector makes.

All functions are vectorised over N people. Positions are on any plane; ``size`` [N] is the
person's extent on that plane, so that noise scales with the person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

# BlazePose landmarks that another side owns too: index of the mirror image.
MIRRORED = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9]
MIRRORED += [i + 1 if i % 2 else i - 1 for i in range(11, 33)]
FACE = list(range(11))
ARMS, LEGS = list(range(11, 23)), list(range(23, 33))
# The BlazePose landmarks that COCO's 17 keypoints name, in COCO's order.
COCO_IN_BLAZEPOSE = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
# Groups that go missing together: face, hands, feet, one leg or arm, both legs, all but COCO.
GROUPS = [
    FACE,
    list(range(17, 23)),
    list(range(29, 33)),
    [25, 27, 29, 31],
    [26, 28, 30, 32],
    [13, 15, 17, 19, 21],
    [14, 16, 18, 20, 22],
    list(range(25, 33)),
    [i for i in range(33) if i not in COCO_IN_BLAZEPOSE],
]


@dataclass
class Detected:
    """positions [N, K, 2] and confidence [N, K] as a detector would give them (0: missing)."""

    positions: Tensor
    confidence: Tensor


def occluders(
    points: Tensor, centres: Tensor, size: Tensor, rng: Generator, count: int = 3
) -> tuple[Tensor, Tensor]:
    """Cover people with up to ``count`` rectangles.

    points [N, K, 2] are tested, each rectangle lies near one of ``centres`` [N, J, 2]. Half sides
    are 0.05-0.27 of ``size`` [N]; each rectangle is there with probability one half.
    Returns hidden [N, K] for the points and [N, J] for the centres.
    """
    n = len(points)
    both = torch.cat([points, centres], 1)
    hidden = torch.zeros(both.shape[:2], dtype=torch.bool)
    unit = size[:, None]
    for _ in range(count):
        there = torch.rand(n, generator=rng) < 0.5
        at = torch.randint(0, centres.shape[1], (n,), generator=rng)
        centre = centres[torch.arange(n), at]
        centre = centre + torch.randn(n, 2, generator=rng) * 0.05 * unit
        half = (torch.rand(n, 2, generator=rng) * 0.22 + 0.05) * unit
        inside = ((both - centre[:, None]).abs() < half[:, None]).all(-1)
        hidden |= inside & there[:, None]
    return hidden[:, : points.shape[1]], hidden[:, points.shape[1] :]


def inside(points: Tensor, image: Tensor) -> Tensor:
    """Which points [N, K, 2] lie within the borders [N, 4] (left, top, right, bottom)."""
    return ((points > image[:, None, :2]) & (points < image[:, None, 2:])).all(-1)


def dropped(points: Tensor, visible: Tensor, size: Tensor, rng: Generator) -> Detected:
    """The noise and drop model of the crop cameras.

    Visible points move by 1.2 % of ``size`` (5 % for one in ten), hidden ones by another 8 %;
    85 % of the hidden and 5 % of all points are missing, the others have confidence 1.
    """
    shape, unit = visible.shape, size[:, None, None]
    coarse = torch.rand(shape, generator=rng) < 0.1
    std = torch.where(coarse, 0.05, 0.012)[..., None] * unit
    moved = points + torch.randn(points.shape, generator=rng) * std
    guessed = moved + torch.randn(points.shape, generator=rng) * 0.08 * unit
    missing = ~visible & (torch.rand(shape, generator=rng) < 0.85)
    missing |= torch.rand(shape, generator=rng) < 0.05
    return Detected(torch.where(visible[..., None], moved, guessed), (~missing).float())


def detector_errors(points: Tensor, visible: Tensor, size: Tensor, rng: Generator) -> Detected:
    """A detector that also guesses what it cannot see: good, jitter, miss, inversion, swap.

    How hard a person is for the detector is drawn once for all its points. Confidence falls with
    the error and is lower for hidden points, with overlap, as in real detectors.
    """
    n, k = visible.shape
    unit = size[:, None, None]
    difficulty = torch.rand(n, 1, generator=rng) ** 2
    others = points[torch.randperm(n, generator=rng)]
    out = inverted(points, difficulty[:, 0], rng)
    # Good, or jitter: a few outliers, more of them where the person is difficult.
    jitter = torch.rand(n, k, generator=rng) < 0.04 + 0.16 * difficulty
    std = 0.006 + 0.016 * difficulty
    std = torch.where(jitter, std * 4, std)
    std = torch.where(visible, std, 0.03 + 0.09 * torch.rand(n, 1, generator=rng))
    # A guess is off as a whole limb: half of its error is shared by the points of the person.
    shared = torch.randn(n, 1, 2, generator=rng).expand(n, k, 2)
    own = torch.randn(n, k, 2, generator=rng)
    blend = torch.where(visible, 0.2, 0.5)[..., None]
    draw = own * (1 - blend**2).sqrt() + shared * blend
    out = out + draw * std[..., None] * unit
    swap = torch.rand(n, k, generator=rng) < 0.06 * difficulty
    out = torch.where(swap[..., None], nearby(others, points, unit, rng), out)
    out = out + (torch.rand(n, 1, 2, generator=rng) - 0.5) * 0.02 * unit
    error = (out - points).norm(dim=-1) / size[:, None]
    logit = torch.where(visible, 3.0, -0.3) + torch.randn(n, k, generator=rng) * 1.2
    logit = logit + torch.randn(n, 1, generator=rng) * 0.6 - (error * 20).clamp(max=3)
    confidence = logit.sigmoid()
    # Some detectors only say found or not.
    binary = torch.rand(n, 1, generator=rng) < 0.1
    confidence = torch.where(binary, (confidence > 0.3).float(), confidence)
    miss = torch.rand(n, k, generator=rng) < torch.where(visible, 0.03, 0.3)
    miss |= confidence < torch.rand(n, 1, generator=rng) ** 3 * 0.5
    return Detected(out, torch.where(miss, 0.0, confidence))


# Spheres that fill the body, for telling which landmark lies behind another limb: joints at both
# ends of a limb, radius in metres, number of spheres.
LIMB_SPHERES = [
    (15, 15, 0.10, 1), (12, 15, 0.07, 1), (0, 9, 0.13, 4), (9, 12, 0.11, 2), (16, 17, 0.10, 5),
    (1, 2, 0.12, 3), (16, 18, 0.055, 4), (17, 19, 0.055, 4), (18, 20, 0.045, 4),
    (19, 21, 0.045, 4), (20, 22, 0.045, 2), (21, 23, 0.045, 2), (1, 4, 0.08, 5), (2, 5, 0.08, 5),
    (4, 7, 0.055, 5), (5, 8, 0.055, 5),
]  # fmt: skip
SKIN = 0.03


def self_occluded(landmarks: Tensor, joints: Tensor) -> Tensor:
    """[N, K] bool: landmarks [N, K, 3] behind the person's own body; joints [N, 24, 3], metres.

    The body is a set of spheres along the limbs. A landmark's own limb, by distance, does not
    count, but the head does for the face.
    """
    share, radius = _sphere_table()
    centres = share @ joints  # [N, S, 3]
    reach = landmarks.norm(dim=-1, keepdim=True)
    along = (landmarks / reach) @ centres.transpose(1, 2)  # [N, K, S]
    aside2 = centres.square().sum(-1)[:, None] - along.square()
    gap2 = reach.square() - 2 * along * reach + centres.square().sum(-1)[:, None]
    before = along < reach - 0.5 * radius
    other = gap2 > (1.4 * radius + SKIN) ** 2
    other[:, : len(FACE), 0] = True
    return ((aside2 < radius**2) & before & other).any(-1)


def _sphere_table() -> tuple[Tensor, Tensor]:
    rows, radii = [], []
    for start, end, radius, count in LIMB_SPHERES:
        for step in range(count):
            row = torch.zeros(24)
            row[start] += 1 - (step + 0.5) / count
            row[end] += (step + 0.5) / count
            rows.append(row)
            radii.append(radius)
    return torch.stack(rows), torch.tensor(radii)


def inverted(points: Tensor, difficulty: Tensor, rng: Generator) -> Tensor:
    """Left and right exchanged in the whole person, the arms or the legs of some people."""
    n = len(points)
    out = points.clone()
    for group, chance in ((range(33), 0.06), (ARMS, 0.06), (LEGS, 0.12), ([25, 26], 0.04)):
        group = list(group)
        wrong = torch.rand(n, generator=rng) < chance * difficulty
        other = out[:, MIRRORED][:, group]
        out[:, group] = torch.where(wrong[:, None, None], other, out[:, group])
    return out


def nearby(others: Tensor, points: Tensor, unit: Tensor, rng: Generator) -> Tensor:
    """The points of other people, as if they stood beside these at the same size."""
    middle = others.mean(1, keepdim=True)
    spread = (others - middle).norm(dim=-1).amax(1)[:, None, None].clamp(min=1e-6)
    angle = torch.rand(len(points), generator=rng) * 2 * math.pi
    beside = torch.stack([angle.cos(), 0.3 * angle.sin()], -1)[:, None] * 0.4 * unit
    return (others - middle) / spread * 0.55 * unit + points.mean(1, keepdim=True) + beside


def drop_groups(detected: Detected, rng: Generator, chance: float = 0.2) -> Detected:
    """Take away whole groups of landmarks from some people, as other keypoint sets lack them.

    One person in a hundred loses everything, so that an empty box has an answer too: the prior.
    """
    confidence = detected.confidence.clone()
    for group in GROUPS:
        gone = torch.rand(len(confidence), generator=rng) < chance / 3
        confidence[:, group] = torch.where(gone[:, None], 0.0, confidence[:, group])
    confidence[torch.rand(len(confidence), generator=rng) < 0.01] = 0
    return Detected(detected.positions, confidence)
