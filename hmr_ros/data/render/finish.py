"""What camera and transport do to the light: blur, tone, flicker, noise and JPEG.

The same bytes on every machine: weights and tables are made in float64, sums keep their order,
noise comes from whole numbers.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import cv2
import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.scene import Finish

TONES = 4096  # steps of the light, 0..1, in the table of tones
QUANTILES = 2048  # of the normal distribution, from which noise is drawn
DROPPED = 21  # bits of 32 that do not choose among these


def finished(light: np.ndarray, finish: Finish, window=None) -> np.ndarray:
    """Light [H, W, 3] float32, 0..1, as it is delivered: uint8; black outside of ``window``."""
    if finish.blur > 0:
        light = _swept(light, *bell(finish.blur))
    if finish.motion != (0.0, 0.0):
        light = _smeared(light, smear(finish.motion))
    tones = tone_table(finish)
    gains = row_gains(finish, len(light))
    image = _developed(
        light, tones, gains, noise_table(finish.noise), np.uint32(finish.seed & 0xFFFFFFFF)
    )
    if finish.jpeg > 0:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(finish.jpeg)])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if window is not None:
        left, top = (max(0, int(np.ceil(edge))) for edge in window[:2])
        right, bottom = (max(0, int(np.floor(edge)) + 1) for edge in window[2:])
        image[:top], image[bottom:] = 0, 0
        image[:, :left], image[:, right:] = 0, 0
    return image


def inside_window(window: tuple[float, float, float, float], height: int, width: int) -> np.ndarray:
    """[H, W] bool: pixel centres in (left, top, right, bottom)."""
    left, top, right, bottom = window
    x, y = np.arange(width), np.arange(height)[:, None]
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def tone_table(finish: Finish) -> np.ndarray:
    """[TONES] float32: grey level of 255 for each step of light."""
    steps = np.arange(TONES) / (TONES - 1)
    return (255 * finish.gain * steps**finish.gamma).astype(np.float32)


def row_gains(finish: Finish, rows: int) -> np.ndarray:
    """[rows] float32 factors of brightness of a rolling shutter under flickering lamps."""
    amplitude, period, phase = finish.rolling
    turns = np.arange(rows) / period
    return (1 + amplitude * np.sin(2 * np.pi * turns + phase)).astype(np.float32)


def noise_table(deviation: float) -> np.ndarray:
    """[QUANTILES] float32: quantiles of the normal distribution; empty for none."""
    if deviation <= 0:
        return np.zeros(0, np.float32)
    return (deviation * normal_quantiles()).astype(np.float32)


@lru_cache(maxsize=1)
def normal_quantiles() -> np.ndarray:
    """[QUANTILES] float64: the middles of equal shares of the normal distribution, variance 1."""
    normal = NormalDist()
    values = [normal.inv_cdf((n + 0.5) / QUANTILES) for n in range(QUANTILES)]
    out = np.array(values) / (sum(v * v for v in values) / QUANTILES) ** 0.5
    out.setflags(write=False)
    return out


def bell(deviation: float) -> tuple[np.ndarray, int]:
    """Gaussian weights out to three deviations, and how many on each side."""
    reach = max(1, int(np.ceil(3 * deviation)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return (weights / weights.sum()).astype(np.float32), reach


def smear(motion: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Steps [N, 2] int64 (x, y) along the smear, centred, and their weights [N] float32."""
    count = int(np.ceil(max(abs(motion[0]), abs(motion[1])))) * 2 + 1
    taps: dict[tuple[int, int], float] = {}
    for share in (np.arange(count) + 0.5) / count - 0.5:
        x, y = motion[0] * share, motion[1] * share
        i, j = int(np.floor(x)), int(np.floor(y))
        for a, wide in ((i, 1 - (x - i)), (i + 1, x - i)):
            for b, high in ((j, 1 - (y - j)), (j + 1, y - j)):
                if wide * high > 0:
                    taps[a, b] = taps.get((a, b), 0.0) + wide * high / count
    places = sorted(taps)
    return np.array(places, np.int64), np.array([taps[p] for p in places], np.float32)


@reproducible
def _swept(light, weights, reach):
    """Rows, then columns, each weighed with the neighbours; the border is repeated."""
    height, width = light.shape[:2]
    row = 3 * width
    inside = light.reshape(height, row)
    wide = np.empty(row + 6 * reach, np.float32)  # one row with its border repeated
    across = np.zeros((height, row), np.float32)
    for y in range(height):
        for c in range(3):
            for x in range(reach):
                wide[3 * x + c] = inside[y, c]
                wide[3 * (reach + width + x) + c] = inside[y, row - 3 + c]
        wide[3 * reach : 3 * reach + row] = inside[y]
        sums = across[y]
        for n in range(len(weights)):
            weight, part = weights[n], wide[3 * n : 3 * n + row]
            for x in range(row):
                sums[x] += weight * part[x]
    out = np.zeros((height, row), np.float32)
    for y in range(height):
        sums = out[y]
        for n in range(len(weights)):
            weight, part = weights[n], across[min(max(y + n - reach, 0), height - 1)]
            for x in range(row):
                sums[x] += weight * part[x]
    return out.reshape(height, width, 3)


def _smeared(light: np.ndarray, taps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    places, weights = taps
    return _gathered(light, places, weights, int(np.abs(places[:, 0]).max()))


@reproducible
def _gathered(light, places, weights, reach):
    height, width = light.shape[:2]
    row = 3 * width
    inside = light.reshape(height, row)
    wide = np.empty((height, row + 6 * reach), np.float32)  # rows with their border repeated
    for y in range(height):
        for x in range(reach):
            for c in range(3):
                wide[y, 3 * x + c] = inside[y, c]
                wide[y, 3 * (reach + width + x) + c] = inside[y, row - 3 + c]
        wide[y, 3 * reach : 3 * reach + row] = inside[y]
    out = np.zeros((height, row), np.float32)
    for y in range(height):
        sums = out[y]
        for n in range(len(places)):
            weight = weights[n]
            start = 3 * (reach + places[n, 0])
            part = wide[min(max(y + places[n, 1], 0), height - 1), start : start + row]
            for x in range(row):
                sums[x] += weight * part[x]
    return out.reshape(height, width, 3)


@reproducible
def mixed_bits(n):
    """A whole number to 32 well mixed bits (Wellons' lowbias32)."""
    n = np.uint32(n)
    n = np.uint32(n ^ (n >> np.uint32(16)))
    n = np.uint32(n * np.uint32(0x7FEB352D))
    n = np.uint32(n ^ (n >> np.uint32(15)))
    n = np.uint32(n * np.uint32(0x846CA68B))
    return np.uint32(n ^ (n >> np.uint32(16)))


@reproducible
def _developed(light, tones, gains, quantiles, seed):
    """Tone, flicker and noise. The noise of value number n (row by row, BGR) is the quantile that
    its highest bits name."""
    height, width = light.shape[:2]
    row = 3 * width
    flat = light.reshape(height, row)
    out = np.empty((height, row), np.uint8)
    start = mixed_bits(seed)
    steps, half = np.float32(TONES - 1), np.float32(0.5)
    least, one, most = np.float32(0), np.float32(1), np.float32(255)
    level, bits = np.empty(row, np.int32), np.empty(row, np.uint32)
    value = np.empty(row, np.float32)
    noisy = quantiles.size > 0
    # Loops of one step each, which the compiler turns into wide instructions.
    for y in range(height):
        for n in range(row):
            level[n] = np.int32(min(max(flat[y, n], least), one) * steps + half)
        gain = gains[y]
        for n in range(row):
            value[n] = tones[level[n]] * gain
        if noisy:
            first = np.uint32(y * row) + start
            for n in range(row):
                bits[n] = mixed_bits(np.uint32(n) + first)
            for n in range(row):
                value[n] = value[n] + quantiles[bits[n] >> np.uint32(DROPPED)]
        for n in range(row):
            out[y, n] = np.uint8(np.int32(min(max(value[n], least), most) + half))
    return out.reshape(height, width, 3)
