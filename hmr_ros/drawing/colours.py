"""One colour for each identity, the same in overlays, markers and files."""

from __future__ import annotations

import colorsys

# Steps of the golden ratio never come back near a colour that was used a few ids ago.
_STEP = (5**0.5 - 1) / 2
_BANDS = ((0.75, 0.95), (0.55, 1.0), (0.85, 0.72))  # saturation, value


def colour_of(identity: int) -> tuple[float, float, float]:
    """Red, green, blue in [0, 1] for an id; neighbouring ids differ clearly, always bright."""
    saturation, value = _BANDS[identity % len(_BANDS)]
    return colorsys.hsv_to_rgb((0.58 + identity * _STEP) % 1.0, saturation, value)


def bgr_of(identity: int) -> tuple[int, int, int]:
    """``colour_of`` as 8-bit blue, green, red for OpenCV."""
    red, green, blue = colour_of(identity)
    return round(255 * blue), round(255 * green), round(255 * red)
