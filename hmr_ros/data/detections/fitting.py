"""The front end's errors on people whose truth is known, summed up as ``MeasuredErrors``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from hmr_ros.data.detections.landmark_truth import VISIBLE, LandmarkTruth
from hmr_ros.data.detections.stand_in import nearest_inside, stand_in
from hmr_ros.data.measured_errors import (
    CLASSES,
    FACE,
    HIDDEN_SHARES,
    OUTSIDE,
    SIZES,
    MeasuredErrors,
)

QUANTILES = 64
DONORS = 250
BALANCING = 4  # rounds of scaling
FEW = 60  # fewer than this of a landmark, class and size: all landmarks of its kind are pooled
# Landmarks that err alike: face, shoulders and hips, elbows and knees, wrists and ankles, hands
# and feet.
KINDS = np.array([0] * 11 + [1, 1, 2, 2, 3, 3] + [4] * 6 + [1, 1, 2, 2, 3, 3] + [4] * 4)


@dataclass(frozen=True)
class Observed(LandmarkTruth):
    """N people as they are and as the front end saw them.

    keypoints: [N, 33, 3] pixels and confidence. found: [N]. peak, spread: [N, 33] of the heat-maps.
    image: [N, 4] borders of the picture, pixels.
    """

    keypoints: np.ndarray
    found: np.ndarray
    peak: np.ndarray
    spread: np.ndarray
    image: np.ndarray


def fit(seen: Observed) -> MeasuredErrors:
    """The table that ``stand_in`` draws from."""
    size, share = person_bins(seen.size, seen.hidden)
    headless = ((seen.state[:, :FACE] == OUTSIDE).mean(1) > 0.5).astype(int)
    error = seen.keypoints[..., :2] - seen.pixels
    offsets = np.zeros((33, 3))
    for k in range(33):
        clear = seen.found & (seen.state[:, k] == VISIBLE)
        offsets[k] = typical_offset(seen.axes[clear, k], error[clear, k], seen.size[clear])
    expected = seen.pixels + np.einsum("nkij,kj->nki", seen.axes, offsets)
    tensors = (torch.tensor(v) for v in (expected, seen.state, seen.image))
    inside, inwards = (v.numpy() for v in nearest_inside(*tensors))
    rest = (seen.keypoints[..., :2] - inside) * inwards / seen.size[:, None, None]
    values = np.concatenate(
        [rest, seen.keypoints[..., 2:], seen.peak[..., None], seen.spread[..., None]], -1
    )
    pools = np.stack([pool_of(values, seen.state, size, seen.found, k) for k in range(33)])
    errors = MeasuredErrors(
        offsets=offsets.astype(np.float32),
        pools=pools.astype(np.float32),
        missed=rates(~seen.found, size, share, headless),
        ranks=donors(rest, seen.state, size, share, seen.found).astype(np.float32),
    )
    return balanced(errors, seen)


def balanced(errors: MeasuredErrors, seen: Observed) -> MeasuredErrors:
    """Errors scaled, by kind of landmark and way of being seen, until their median is the real one.

    Offset and error are drawn independently, though in one person they are not: put together they
    come out a few percent too long.
    """
    real = np.linalg.norm(seen.keypoints[..., :2] - seen.pixels, axis=-1)
    given = seen.found[:, None] & within(seen.keypoints[..., :2], seen.image)
    pools = errors.pools.copy()
    # Only errors of the offset's own size depend on it: large ones are mistakes, and stay.
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    small = np.clip((0.95 - at) / 0.45, 0, 1)
    for turn in range(BALANCING):
        drawn, kept = drawn_lengths(replace(errors, pools=pools), seen, turn)
        for kind, c in np.ndindex(KINDS.max() + 1, len(CLASSES)):
            alike = (seen.state == c) & np.equal(KINDS, kind)
            if (alike & given).any() and (alike & kept).any():
                factor = np.median((real / seen.size[:, None])[alike & given])
                factor /= max(np.median(drawn[alike & kept]), 1e-6)
                scale = np.clip(factor, 0.8, 1.25) ** small
                pools[np.equal(KINDS, kind), c, ..., :2] *= scale[:, None]
    return replace(errors, pools=pools)


def drawn_lengths(
    errors: MeasuredErrors, seen: Observed, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """[N, 33] errors that the stand-in makes on people, in units of their size, and [N, 33] whether
    it gives the landmark, inside the image."""
    shift = np.einsum("nkij,kj->nki", seen.axes, errors.offsets)
    rng = torch.Generator().manual_seed(seed)
    pixels, image = (
        torch.tensor(v, dtype=torch.float32) for v in (seen.pixels + shift, seen.image)
    )
    drawn = stand_in(pixels, torch.tensor(seen.state), image, errors, rng)
    places = drawn.positions.numpy()
    length = np.linalg.norm(places - seen.pixels, axis=-1) / seen.size[:, None]
    return length, within(places, seen.image) & drawn.found.numpy()[:, None]


def within(points: np.ndarray, image: np.ndarray) -> np.ndarray:
    """[N, K] bool: points [N, K, 2] lie inside the borders [N, 4] of their image."""
    return ((points >= image[:, None, :2]) & (points < image[:, None, 2:])).all(-1)


def person_bins(size: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] class of size and [N] class of hidden share, as ``stand_in`` bins them."""
    return np.searchsorted(SIZES, size), np.searchsorted(HIDDEN_SHARES, hidden)


def pool_of(
    values: np.ndarray, state: np.ndarray, size: np.ndarray, found: np.ndarray, k: int
) -> np.ndarray:
    """[4, S, QUANTILES, 5] of landmark ``k``; where it was seen too rarely, of all of its kind."""
    pools = np.zeros((len(CLASSES), len(SIZES) + 1, QUANTILES, values.shape[-1]))
    alike = np.flatnonzero(np.equal(KINDS, KINDS[k]))
    for c in range(len(CLASSES)):
        for s in range(len(SIZES) + 1):
            for landmarks, sizes in (([k], [s]), (alike, [s]), (alike, range(len(SIZES) + 1))):
                chosen = found[:, None] & (state[:, landmarks] == c)
                chosen &= np.isin(size, list(sizes))[:, None]
                known = values[:, landmarks][chosen]
                if len(known) >= FEW:
                    break
            if not len(known):
                continue
            order = np.argsort(np.linalg.norm(known[:, :2], axis=-1))
            # Midpoints of equal slices, so that no tail counts twice.
            at = ((np.arange(QUANTILES) + 0.5) / QUANTILES * len(known)).astype(int)
            pools[c, s] = known[order[at]]
    return pools


def rates(
    event: np.ndarray, size: np.ndarray, share: np.ndarray, headless: np.ndarray
) -> np.ndarray:
    """[S, H, 2] share of ``event`` [N] among people of each class, with two more of the mean rate
    of their hidden share."""
    out = np.empty((len(SIZES) + 1, len(HIDDEN_SHARES) + 1, 2), np.float32)
    for s, h, f in np.ndindex(out.shape):
        cell = (size == s) & (share == h) & (headless == f)
        alike = event[share == h] if (share == h).any() else event
        out[s, h, f] = (event[cell].sum() + 2 * alike.mean()) / (cell.sum() + 2)
    return out


def donors(
    errors: np.ndarray, state: np.ndarray, size: np.ndarray, share: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """[H, DONORS, 4, 33] ranks of the errors [N, 33, 2] of found people of each hidden share.

    A rank is among all found people with the same landmark seen in the same way at the same size.
    For the other classes of a landmark a person borrows the rank of the person next in difficulty
    (mean rank) who has it. Too few people are repeated; of a share nobody has, all are taken.
    """
    length = np.linalg.norm(errors, axis=-1)
    ranks = np.full(length.shape, np.nan)
    for k in range(length.shape[1]):
        for c in range(len(CLASSES)):
            for s in range(len(SIZES) + 1):
                rows = np.flatnonzero(found & (state[:, k] == c) & (size == s))
                order = np.argsort(np.argsort(length[rows, k]))
                ranks[rows, k] = (order + 0.5) / max(len(rows), 1)
    picked = []
    for h in range(len(HIDDEN_SHARES) + 1):
        rows = np.flatnonzero(found & (share == h))
        rows = rows if len(rows) else np.flatnonzero(found)
        rows = rows[np.argsort(ranks[rows].mean(1), kind="stable")]
        table = lent(ranks[rows], state[rows])
        # Evenly from the easiest to the most difficult.
        picked.append(table[((np.arange(DONORS) + 0.5) / DONORS * len(rows)).astype(int)])
    return np.stack(picked)


def lent(ranks: np.ndarray, state: np.ndarray) -> np.ndarray:
    """[M, 4, 33] from ranks [M, 33] of people in order of difficulty, state [M, 33].

    A landmark that was of a class in nobody has the rank of the person in the landmark's own class.
    """
    table = np.repeat(ranks[:, None], len(CLASSES), 1)
    place = np.arange(len(ranks))
    for k in range(ranks.shape[1]):
        for c in range(len(CLASSES)):
            owners = np.flatnonzero(state[:, k] == c)
            if len(owners):
                # The owners' ranks in turn, so that each lends about equally often.
                nearest = (place * len(owners)) // len(ranks)
                table[:, c, k] = ranks[owners[nearest], k]
                table[owners, c, k] = ranks[owners, k]
    return table


def typical_offset(axes: np.ndarray, error: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The 3D offset (metres, limb frame) that explains the errors best, robustly and with a prior.

    axes [M, 2, 3]: pixels a metre; error [M, 2] pixels; size [M] of the person in pixels.
    """
    offset = np.zeros(3)
    if not len(axes):
        return offset
    scaled_axes, scaled = axes / size[:, None, None], error / size[:, None]
    for _ in range(10):
        left = np.linalg.norm(scaled - scaled_axes @ offset, axis=-1)
        weight = 1 / (1 + (left / 0.02) ** 2)
        normal = np.einsum("m,mac,mad->cd", weight, scaled_axes, scaled_axes)
        right = np.einsum("m,mac,ma->c", weight, scaled_axes, scaled)
        offset = np.linalg.solve(normal + 1e-2 * len(axes) * 0.02 * np.eye(3), right)
    return offset
