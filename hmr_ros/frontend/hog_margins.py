"""Margins of a HOG + SVM detector at every window of an image (Dalal and Triggs 2005).

The features are those of OpenCV's ``HOGDescriptor`` with its default sizes, so that its trained
coefficients apply: cells of 8 pixels, blocks of 2 x 2 cells every 8 pixels, 9 unsigned directions,
square roots of grey values, votes weighted by a Gaussian over the block and shared among cells and
directions. Here a block is counted once for all windows, and pixels are counted once for all four
blocks they belong to, which makes it several times faster.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import compiled, reproducible

CELL, BINS = 8, 9
WINDOW_BLOCKS = (15, 7)  # of a window of 128 x 64 pixels: rows, columns
BLOCK = 4 * BINS  # cells by x, then by y, then directions
# Where a pixel of a group of 8 counts: in the block that begins at this group, its first and second
# cell; in the block that began one group before, its first and second cell.
TARGETS = 4
CLIP = np.float32(0.2)
MAGNITUDES = np.sqrt(np.arange(256)).astype(np.float32)


def vote_weights() -> np.ndarray:
    """[8, TARGETS] float32: how far each pixel of a group counts along one axis."""
    place = np.arange(2 * CELL)
    bell = np.exp(-((place - CELL) ** 2) / (2 * (CELL / 2) ** 2))
    cells = (place + 0.5) / CELL - 0.5
    shares = bell * np.maximum(0, 1 - np.abs(cells - np.arange(2)[:, None]))  # [cell, place]
    return np.concatenate([shares[:, :CELL], shares[:, CELL:]]).T.astype(np.float32).copy()


WEIGHTS = vote_weights()


def coefficients(svm: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """OpenCV's vector of 3781 as [15, 7 * 36] float32 (blocks row by row) and its bias."""
    svm = np.asarray(svm, np.float32).ravel()
    rows, columns = WINDOW_BLOCKS
    by_block = svm[:-1].reshape(columns, rows, BLOCK).transpose(1, 0, 2)
    return np.ascontiguousarray(by_block).reshape(rows, columns * BLOCK), svm[-1]


def margins(grey: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    """Margins [R, C] float32 of the windows at every eighth pixel of ``grey`` [H, W] uint8.

    weights, bias: of ``coefficients``. Raises ValueError for an image smaller than one window.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or grey.shape[0] < 128 or grey.shape[1] < 64:
        raise ValueError(f"grey must be [H >= 128, W >= 64] uint8, not {grey.shape} {grey.dtype}")
    blocks = block_features(np.ascontiguousarray(grey), MAGNITUDES, WEIGHTS)
    return _correlated(blocks, weights, np.float32(bias))


@compiled
def block_features(grey, roots, weights):
    """[H // 8 - 1, W // 8 - 1, 36] float32 normalised histograms of the blocks of ``grey``."""
    height, width = grey.shape
    down, across = height // CELL, width // CELL
    blocks = np.zeros((down - 1, (across - 1) * BLOCK), np.float32)
    votes = np.zeros(across * BINS * TARGETS, np.float32)
    group = np.zeros((TARGETS, len(votes)), np.float32)
    root = np.empty((3, width + 2), np.float32)
    less, more = np.empty(width, np.float32), np.empty(width, np.float32)
    first = np.empty(width, np.int32)
    _root_row(grey[1], roots, root[2])  # mirrored about the first row
    _root_row(grey[0], roots, root[0])
    for y in range(down * CELL):
        below = min(y + 1, 2 * height - 3 - y)  # mirrored about the last row
        _root_row(grey[below], roots, root[(y + 1) % 3])
        _directions(root[(y - 1) % 3], root[y % 3], root[(y + 1) % 3], less, more, first)
        votes[:] = 0
        _vote(votes, weights, less, more, first)
        for v in range(TARGETS):
            if weights[y % CELL, v]:
                _add(group[v], votes, weights[y % CELL, v])
        if y % CELL == CELL - 1:
            _into_blocks(group, blocks, y // CELL)
            group[:] = 0
    for r in range(down - 1):
        for c in range(across - 1):
            _normalise(blocks[r, c * BLOCK : (c + 1) * BLOCK])
    return blocks.reshape((down - 1, across - 1, BLOCK))


@compiled
def _root_row(row, roots, out):
    """Square roots of a row of grey values; beyond the border what lies before it, mirrored."""
    width = len(row)
    for x in range(width):
        out[x + 1] = roots[row[x]]
    out[0], out[width + 1] = out[2], out[width - 1]


@reproducible
def _directions(above, here, below, less, more, first):
    """Of each pixel: the lower of its two directions, and what it gives to it and to the next."""
    for x in range(len(less)):
        dx, dy = here[x + 2] - here[x], below[x + 1] - above[x + 1]
        size = np.sqrt(dx * dx + dy * dy)
        ax, ay = abs(dx), abs(dy)
        q = min(ax, ay) / (max(ax, ay) + np.float32(1e-12))
        # Arc tangent in units of a direction's width, by a polynomial: right to 1e-4 of a width.
        s = q * q
        angle = s * np.float32(-0.0117212) + np.float32(0.05265332)
        angle = s * angle + np.float32(-0.11643287)
        angle = s * angle + np.float32(0.19354346)
        angle = s * angle + np.float32(-0.33262347)
        angle = (s * angle + np.float32(0.99997726)) * q * np.float32(BINS / np.pi)
        angle = np.float32(BINS / 2) - angle if ay > ax else angle
        # Directions have no sign: half a turn is the same.
        angle = np.float32(BINS) - angle if dx * dy < 0 else angle
        angle -= np.float32(0.5)
        angle = angle + np.float32(BINS) if angle < 0 else angle
        low = np.int32(angle)
        first[x] = low
        more[x] = size * (angle - np.float32(low))
        less[x] = size - more[x]


@compiled
def _vote(votes, weights, less, more, first):
    """The votes of a row of pixels; ``votes`` is flat, by group of pixels, direction, target."""
    for p in range(CELL):
        w0, w1, w2, w3 = weights[p, 0], weights[p, 1], weights[p, 2], weights[p, 3]
        for x in range(p, len(less) // CELL * CELL, CELL):
            group = np.uint32(x // CELL * BINS)
            direction = np.uint32(min(first[x], BINS - 1))
            low = np.uint64((group + direction) * np.uint32(TARGETS))
            direction = direction + np.uint32(1) if direction < BINS - 1 else np.uint32(0)
            high = np.uint64((group + direction) * np.uint32(TARGETS))
            one, two = less[x], more[x]
            votes[low] += one * w0
            votes[low + np.uint64(1)] += one * w1
            votes[low + np.uint64(2)] += one * w2
            votes[low + np.uint64(3)] += one * w3
            votes[high] += two * w0
            votes[high + np.uint64(1)] += two * w1
            votes[high + np.uint64(2)] += two * w2
            votes[high + np.uint64(3)] += two * w3


@compiled
def _add(total, values, weight):
    for k in range(len(total)):
        total[k] += weight * values[k]


@compiled
def _into_blocks(group, blocks, row):
    """Add a row of groups to the blocks that begin there and one row before."""
    across = group.shape[1] // (BINS * TARGETS)
    for v in range(TARGETS):
        r, cell_y = row - v // 2, v % 2
        if r < 0 or r >= blocks.shape[0]:
            continue
        for cell in range(across):
            for k in range(TARGETS):
                c, cell_x = cell - k // 2, k % 2
                if c < 0 or c >= across - 1:
                    continue
                at = c * BLOCK + (cell_x * 2 + cell_y) * BINS
                for b in range(BINS):
                    blocks[r, at + b] += group[v, (cell * BINS + b) * TARGETS + k]


@reproducible
def _normalise(block):
    """To unit length, clipped, to unit length again; constants as in OpenCV."""
    total = np.float32(0)
    for k in range(BLOCK):
        total += block[k] * block[k]
    scale = np.float32(1) / (np.sqrt(total) + np.float32(0.1 * BLOCK))
    total = np.float32(0)
    for k in range(BLOCK):
        block[k] = min(block[k] * scale, CLIP)
        total += block[k] * block[k]
    scale = np.float32(1) / (np.sqrt(total) + np.float32(1e-3))
    for k in range(BLOCK):
        block[k] *= scale


@compiled
def _correlated(blocks, weights, bias):
    """Sum of the products of every window's blocks with the weights, and the bias."""
    rows, span = weights.shape
    columns = span // BLOCK
    down, across = blocks.shape[0] - rows + 1, blocks.shape[1] - columns + 1
    flat = blocks.reshape((blocks.shape[0], blocks.shape[1] * BLOCK))
    out = np.full((down, across), bias, np.float32)
    for r in range(blocks.shape[0]):
        for c in range(across):
            for i in range(max(0, r - down + 1), min(rows, r + 1)):
                total = np.float32(0)
                for k in range(span):
                    total += flat[r, c * BLOCK + k] * weights[i, k]
                out[r - i, c] += total
    return out
