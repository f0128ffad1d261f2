"""Colours of a picture from what covers its samples.

The four outer samples of a pixel are grouped by what they show, a mesh and SMPL part of the first
corner of the face, or the background. A group is shaded once: at the pixel's centre if the centre
shows it too, else at its first sample. The pixel is the mean of the groups, weighted with their
samples: what lies behind all faces first, then in the order in which they first occur.

Weights of a face's corners at a sample: wa (1 / za) : wb (1 / zb) : wc (1 / zc) in float64, times
1 / their sum, rounded to float32; everything after that is float32. With n the normalised normal
(turned round on the far side of a two-sided face), p the place, f = z / fx the footprint of a
pixel:

- a layer with level l covers min(1, max(0, 1/2 + l / f)); paint, folds are blended layer by layer
- paint of a layer: from its first to its second colour by ``mix_of``; of a ground with a photo:
  bilinear between its texels, held at its borders
- a feature covers with l = (1 - r) * (its least radius), r the distance in units of its radii
- times 1 + crease * (noise(11 x, 7 y, 11 z) - 1/2), seed + 7; ``noise`` as in that file
- times ambient * (0.85 + 0.25 n.up) + lamp * max(0, n.towards) * (1 - shadow * shade)
- shade: mean over 3 x 3 texels, max(1, softness / (2 texel)) texels apart, of whether the map is
  above the place lifted by softness + 2 texels along n; outside the map nothing is
- a photographed floor keeps its colour times (its light in the shade) / (its light), each channel
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.coverage import Coverage
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.floor import camera_rays, darken_floor
from hmr_ros.data.render.fragments import (
    BLOCK,
    BLUE,
    FOLD,
    FOOT,
    HEIGHT,
    LIT,
    NX,
    NY,
    NZ,
    RIGHT,
    ROWS,
    SIDE,
    SKY,
    UP,
    VX,
    VY,
    VZ,
    corner_rows,
    fragments,
    interpolated,
)
from hmr_ros.data.render.noise import BYTE, ONE, TINY
from hmr_ros.data.render.paint import feature_spans, painted
from hmr_ros.data.render.shadow import ShadowMap, shade_at

_NO_SHADOW = np.zeros((0, 0), np.float32)
_ZERO = np.float32(0)


def shaded(
    draw: DrawList,
    coverage: Coverage,
    shadow: ShadowMap | None,
    background: np.ndarray,
    catcher: bool,
) -> np.ndarray:
    """Light [H, W, 3] float32 BGR, 0..1 and beyond, before the camera's faults."""
    camera = draw.camera
    if background.shape != (camera.height, camera.width, 3) or background.dtype != np.uint8:
        raise ValueError(
            f"scene: background is {background.shape} {background.dtype}, this camera needs "
            f"{(camera.height, camera.width, 3)} uint8"
        )
    light = draw.light
    if shadow is None:
        heights, lamp = _NO_SHADOW, np.zeros(16, np.float32)
    else:
        frame, heights = shadow.frame, shadow.height
        spacing = max(1.0, light.softness / (2 * frame.texel))
        lift = light.softness + 2 * frame.texel
        rest = [1 / frame.texel, spacing, lift, light.shadow]
        lamp = np.array([*frame.axes.ravel(), *frame.low, *rest], np.float64).astype(np.float32)
    ambient, colour = np.asarray(light.ambient, np.float32), np.asarray(light.colour, np.float32)
    image = _lightened(np.ascontiguousarray(background))
    if catcher and shadow is not None and draw.floor > 0:
        darken_floor(
            image,
            coverage.samples,
            camera_rays(camera, True),
            np.float32(draw.floor),
            draw.up,
            draw.towards,
            ambient,
            colour,
            heights,
            lamp,
        )
    _shade(
        image,
        *fragments(coverage.centre, coverage.samples, draw.faces, draw.mesh, draw.part),
        draw.pixels,
        draw.vertices,
        draw.normals,
        draw.texture,
        draw.levels,
        draw.faces,
        draw.mesh,
        draw.palette,
        draw.patterns,
        draw.creases,
        draw.seed,
        draw.features,
        draw.feature_start,
        draw.photos,
        draw.photo_start,
        draw.photo_size,
        np.float32(1 / camera.fx),
        draw.towards,
        draw.up,
        ambient,
        colour,
        heights,
        lamp,
    )
    return image


@reproducible
def _lightened(background):
    height, width = background.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    levels, light = background.reshape(-1), out.reshape(-1)
    for n in range(len(levels)):
        light[n] = np.float32(levels[n]) * BYTE
    return out


@reproducible
def _shade(
    image, pixel, face, place, blend, pixels, vertices, normals, texture, levels,
    faces, mesh, palette, patterns, creases, seeds, features, feature_start, photos, photo_start,
    photo_size, per_pixel, towards, up, ambient, colour, heights, lamp,
):  # fmt: skip
    row, values, steps, inverse = corner_rows(
        face, faces, pixels, vertices, normals, texture, levels
    )
    spans = feature_spans(features, feature_start)
    table = np.zeros((ROWS, BLOCK), np.float32)
    for first in range(0, len(pixel), BLOCK):
        some = slice(first, min(first + BLOCK, len(pixel)))
        interpolated(
            table, pixel[some], face[some], place[some], faces, row, values, steps, inverse
        )
        _light(table, per_pixel, towards, up, lamp)
        painted(
            table, face[some], mesh, palette, patterns, creases, seeds, features, feature_start,
            spans, photos, photo_start, photo_size,
        )  # fmt: skip
        lit, sky, fold = table[LIT], table[SKY], table[FOLD]
        if heights.size > 0:
            for n in range(some.stop - first):
                if lit[n] > _ZERO:
                    dim = shade_at(
                        table[RIGHT, n], table[UP, n], table[HEIGHT, n], heights, lamp[13]
                    )
                    lit[n] = lit[n] * (ONE - lamp[15] * dim)
        for k in range(3):
            paint = table[BLUE + k]
            for n in range(BLOCK):
                paint[n] = paint[n] * fold[n] * (ambient[k] * sky[n] + colour[k] * lit[n])
        _resolve(image, table, pixel[some], blend[some])


@reproducible
def _resolve(image, table, pixel, blend):
    """Put a block's colours into the picture."""
    for n in range(len(pixel)):
        x, y = np.uintp(pixel[n, 0]), np.uintp(pixel[n, 1])
        for k in range(3):
            image[y, x, k] = blend[n, 0] * image[y, x, k] + blend[n, 1] * table[BLUE + k, n]


@reproducible
def _light(table, per_pixel, towards, up, lamp):
    """Footprint, light and place on the shadow map. Short loops, so that the compiler turns each
    into wide instructions."""
    nx, ny, nz = table[NX], table[NY], table[NZ]
    side, foot, lit, sky = table[SIDE], table[FOOT], table[LIT], table[SKY]
    vx, vy, vz = table[VX], table[VY], table[VZ]
    for n in range(BLOCK):
        length = np.sqrt(nx[n] * nx[n] + ny[n] * ny[n] + nz[n] * nz[n])
        side[n] = ONE / (length + TINY) * side[n]
    for normal in (nx, ny, nz):
        for n in range(BLOCK):
            normal[n] = normal[n] * side[n]
    for n in range(BLOCK):
        foot[n] = vz[n] * per_pixel
    for n in range(BLOCK):
        lit[n] = max(_ZERO, nx[n] * towards[0] + ny[n] * towards[1] + nz[n] * towards[2])
    for n in range(BLOCK):
        upward = nx[n] * up[0] + ny[n] * up[1] + nz[n] * up[2]
        sky[n] = np.float32(0.85) + np.float32(0.25) * upward
    lift = lamp[14]
    for place, normal in ((vx, nx), (vy, ny), (vz, nz)):
        for n in range(BLOCK):
            place[n] = place[n] + normal[n] * lift
    for k in range(3):
        out = table[RIGHT + k]
        a, b, c, low = lamp[3 * k], lamp[3 * k + 1], lamp[3 * k + 2], lamp[9 + k]
        for n in range(BLOCK):
            out[n] = a * vx[n] + b * vy[n] + c * vz[n] - low
        if k < 2:
            for n in range(BLOCK):
                out[n] = out[n] * lamp[12]
        else:
            # Empty texels are 0 and hide nothing, however far below all casters the place is.
            for n in range(BLOCK):
                out[n] = max(out[n] + ONE, _ZERO)
