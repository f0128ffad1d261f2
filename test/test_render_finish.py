"""What camera and transport do to the light, against formulas and against OpenCV's encoder."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hmr_ros.data.render.finish import QUANTILES, finished, noise_table, row_gains, tone_table
from hmr_ros.data.scenes.scene import Finish


def grey(level, height=96, width=128):
    return np.full((height, width, 3), level, np.float32)


def impulse(size=61, height=1.0):
    light = np.zeros((size, size, 3), np.float32)
    light[size // 2, size // 2] = height
    return light


def picture(seed=0, height=120, width=160):
    """Smooth colours with a few edges, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((9, 12, 3)).astype(np.float32)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    light[30:70, 40:90] = rng.random(3)
    return np.clip(light, 0, 1)


def moments(image):
    """Mean and covariance (x, y) of the light in an image [H, W]."""
    weights = image.astype(float) / image.sum(dtype=float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    mean = np.array([(weights * x).sum(), (weights * y).sum()])
    dx, dy = x - mean[0], y - mean[1]
    cov = [[(weights * a * b).sum() for b in (dx, dy)] for a in (dx, dy)]
    return mean, np.array(cov)


def spread_of_an_edge(finish, axis):
    """Mean, less that of the edge itself, and variance of how an edge across x or y is spread,
    pixels: an edge uses all grey levels, which the faint tails of a point do not."""
    light = np.zeros((61, 61, 3), np.float32)
    light[:, 30:] = 1
    light = light.swapaxes(0, 1).copy() if axis else light
    image = finished(light, finish)[..., 0]
    profile = (image.T if axis else image)[5] / 255
    rise = np.diff(profile)
    assert profile[0] == 0 and profile[-1] == 1
    places = np.arange(60) - 29.0
    mean = (rise * places).sum()
    return mean, (rise * (places - mean) ** 2).sum()


def test_no_finish_only_rounds():
    light = picture()
    levels = np.arange(256, dtype=np.float32) / 255
    assert np.abs(finished(light, Finish()) - 255.0 * light).max() < 0.5 + 255 / 4095
    ramp = np.repeat(levels[None, :, None], 3, 2)
    assert (finished(ramp, Finish())[0, :, 0] == np.arange(256)).all()


def test_light_beyond_white_and_black_is_clipped():
    light = grey(0.5)
    light[:10], light[10:20] = 3.0, -1.0
    image = finished(light, Finish())
    assert (image[:10] == 255).all() and (image[10:20] == 0).all()


@pytest.mark.parametrize("gamma", [0.75, 1.0, 1.25, 2.2])
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3])
def test_gamma_and_gain(gamma, gain):
    light = np.repeat(np.linspace(0.02, 1, 200, dtype=np.float32)[None, :, None], 3, 2)
    expected = np.clip(255 * gain * light.astype(float) ** gamma, 0, 255)
    # Half a grey level, and half a step of the table where the curve is steepest.
    spare = 0.5 + 0.5 / 4095 * 255 * gain * gamma * max(1, 0.02 ** (gamma - 1)) + 1e-3
    assert np.abs(finished(light, Finish(gamma=gamma, gain=gain)) - expected).max() < spare
    table = tone_table(Finish(gamma=gamma, gain=gain))
    assert table[0] == 0 and table[-1] == pytest.approx(255 * gain)


@pytest.mark.parametrize("axis", [0, 1], ids="xy")
@pytest.mark.parametrize("deviation", [0.6, 1.0, 1.5, 3.0])
def test_blur_spreads_light_as_a_gaussian(deviation, axis):
    mean, variance = spread_of_an_edge(Finish(blur=deviation), axis)
    assert abs(mean) < 0.02
    # The bell ends at three deviations, beyond which 3 % of a Gaussian's variance lie.
    assert variance == pytest.approx(deviation**2, rel=0.04)
    inside = finished(impulse(), Finish(blur=deviation))[29:32, 29:32, 1].astype(float) / 255
    expected = np.exp(-0.5 * np.array([[2, 1, 2], [1, 0, 1], [2, 1, 2]]) / deviation**2)
    assert inside == pytest.approx(expected * inside[1, 1], abs=0.005)
    assert inside[1, 1] == pytest.approx(1 / (2 * np.pi * deviation**2), rel=0.06, abs=0.004)


def test_blur_keeps_the_brightness_up_to_the_border():
    assert (finished(grey(0.4), Finish(blur=2.5)) == 102).all()
    light = picture()
    whole, blurred = (finished(light, Finish(blur=b)).mean() for b in (0, 1.2))
    assert blurred == pytest.approx(whole, abs=0.5)


@pytest.mark.parametrize("motion", [(6.0, 0.0), (0.0, -4.5), (5.0, 3.0), (-2.2, 6.1), (1.5, 0.0)])
def test_motion_smears_along_its_way(motion):
    """An even smear of length L has the variance L^2 / 12 along it; sharing a place between pixels
    adds up to a quarter of a pixel^2 on each axis."""
    for axis, length in enumerate(motion):
        mean, variance = spread_of_an_edge(Finish(motion=motion), axis)
        assert abs(mean) < 0.03  # it stays where it was
        assert 0.93 * length**2 / 12 - 1e-9 <= variance < 1.02 * length**2 / 12 + 0.25
    image = finished(impulse(), Finish(motion=motion))[..., 0]
    mean, cov = moments(image)
    assert np.abs(mean - 30).max() < 0.1
    x, y = motion
    assert cov[0, 1] == pytest.approx(x * y / 12, abs=0.15)
    rows, columns = np.nonzero(image)
    assert np.ptp(columns) < abs(x) + 2 and np.ptp(rows) < abs(y) + 2
    assert np.ptp(columns) > abs(x) - 1.5 and np.ptp(rows) > abs(y) - 1.5
    assert (finished(grey(0.4), Finish(motion=motion)) == 102).all()


def test_rolling_bands():
    amplitude, period, phase = 0.12, 37.0, 0.8
    image = finished(grey(0.5, height=200), Finish(rolling=(amplitude, period, phase)))
    rows = np.arange(200)
    expected = 127.5 * (1 + amplitude * np.sin(2 * np.pi * rows / period + phase))
    assert np.abs(image - expected[:, None, None]).max() < 0.6
    assert (image == image[:, :1]).all()
    gains = row_gains(Finish(rolling=(amplitude, period, phase)), 370)
    assert gains.max() == pytest.approx(1 + amplitude, abs=1e-3)
    assert gains.min() == pytest.approx(1 - amplitude, abs=1e-3)
    assert np.abs(gains[37:] - gains[:-37]).max() < 1e-5
    assert (row_gains(Finish(), 10) == 1).all()


@pytest.mark.parametrize("deviation", [0.8, 3.0, 6.0])
def test_noise_has_the_deviation_asked_for(deviation):
    image = finished(grey(0.5, 256, 256), Finish(noise=deviation, seed=5)).astype(float)
    # Rounding to whole levels adds a twelfth to the variance.
    assert image.std() == pytest.approx(np.sqrt(deviation**2 + 1 / 12), rel=0.01)
    assert image.mean() == pytest.approx(127.5, abs=0.05 * deviation)
    centred = image - image.mean()
    for shifted in (centred[1:] * centred[:-1], centred[:, 1:] * centred[:, :-1]):
        assert abs(shifted.mean()) < 0.02 * deviation**2
    assert abs((centred[..., 0] * centred[..., 2]).mean()) < 0.02 * deviation**2
    kurtosis = (centred**4).mean() / image.var() ** 2
    assert kurtosis == pytest.approx(3, abs=0.15)


def test_noise_is_that_of_its_seed():
    light = grey(0.5)
    one, same, other = (finished(light, Finish(noise=4, seed=s)) for s in (1, 1, 2))
    assert (one == same).all()
    assert (one == other).mean() < 0.2
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.02
    assert (finished(light, Finish(noise=0, seed=1)) == finished(light, Finish(seed=2))).all()
    # A larger seed is taken modulo 2^32.
    assert (finished(light, Finish(noise=4, seed=1 + (1 << 32))) == one).all()
    table = noise_table(2.0)
    assert len(table) == QUANTILES and table.std() == pytest.approx(2.0, rel=1e-5)
    assert np.abs(table + table[::-1]).max() < 1e-5


def test_jpeg_is_that_of_the_encoder():
    light = picture()
    plain = finished(light, Finish())
    sizes, errors = [], []
    for quality in (10, 30, 60, 95):
        image = finished(light, Finish(jpeg=quality))
        _, data = cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert (image == cv2.imdecode(data, cv2.IMREAD_COLOR)).all()
        sizes.append(len(data))
        errors.append(np.abs(image.astype(int) - plain).mean())
    assert sizes == sorted(sizes) and sizes[-1] > 2 * sizes[0]
    assert errors == sorted(errors, reverse=True) and errors[0] > 2 * errors[-1] > 0


@pytest.mark.parametrize("jpeg", [0, 80])
def test_order(jpeg):
    """Blur and smear work on the light; then gamma and gain, flicker, noise, rounding, JPEG."""
    light = picture(3)
    finish = Finish(1.1, (4.0, 1.0), 2.0, 0.9, (0.3, 25.0, 0.4), 5.0, jpeg, seed=9)
    # Every step that has no exact inverse on bytes once more, in float.
    blurred = cv2.GaussianBlur(light, (9, 9), 1.1, borderType=cv2.BORDER_REPLICATE)
    offsets = (np.arange(4001) - 2000) / 4001
    smeared = np.zeros_like(blurred)
    y, x = np.mgrid[:120, :160].astype(np.float32)
    for share in offsets[::40]:
        smeared += cv2.remap(
            blurred, x + np.float32(4 * share), y + np.float32(share), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    smeared /= len(offsets[::40])
    gains = 1 + 0.3 * np.sin(2 * np.pi * np.arange(120) / 25 + 0.4)
    toned = 255 * 0.9 * smeared.astype(float) ** 2.0 * gains[:, None, None]
    quiet = finished(light, replace(finish, noise=0, jpeg=0)).astype(float)
    assert np.abs(quiet - np.clip(toned, 0, 255)).max() < 3
    # Noise is added after tone and flicker: as strong in dark rows as in bright ones.
    noisy = finished(light, replace(finish, jpeg=0)).astype(float)
    middle = (toned > 25) & (toned < 230)
    for rows in (gains < 0.8, gains > 1.2):
        there = middle & rows[:, None, None]
        assert (noisy - toned)[there].std() == pytest.approx(5, rel=0.1)
    if jpeg:
        _, data = cv2.imencode(".jpg", noisy.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, jpeg])
        assert (finished(light, finish) == cv2.imdecode(data, cv2.IMREAD_COLOR)).all()


def test_what_is_outside_of_the_sensor_stays_black():
    """Last of all, or JPEG and noise would show there."""
    finish = Finish(noise=6, jpeg=40, seed=2)
    image = finished(grey(0.7, 60, 80), finish, (9.5, -3.0, 100.0, 40.0))
    y, x = np.mgrid[:60, :80]
    inside = (x >= 10) & (y <= 40)
    assert (image[~inside] == 0).all() and image[inside].min() > 100
    assert (image[inside] == finished(grey(0.7, 60, 80), finish)[inside]).all()


def test_the_light_that_is_given_is_left_as_it_was():
    light = picture()
    before = light.copy()
    finished(light, Finish(1.0, (3.0, 1.0), 1.1, 1.1, (0.1, 30, 0), 3.0, 50, 1))
    assert (light == before).all()
