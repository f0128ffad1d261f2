"""Colours of a picture from what covers its samples.

The four outer samples of a pixel are grouped by what they show, a mesh and SMPL part of the first
corner of the face, or the background. A group is shaded once: at the pixel's centre if the centre
shows it too, else at its first sample. The pixel is the mean of the groups, weighted with their
samples, in the order in which they first occur.

Weights of a face's corners at a sample: wa / za : wb / zb : wc / zc in float64, divided by their
sum, rounded to float32; everything after that is float32. With n the normalised normal (turned
round on the far side of a two-sided face), p the place, f = z / fx the footprint of a pixel:

- a layer with level l covers min(1, max(0, 1/2 + l / f)); paint, folds are blended layer by layer
- paint of a layer: from its first to its second colour by ``mix_of``; of a ground with a photo:
  bilinear between its texels, held at its borders
- a feature covers with l = (1 - r) * (its least radius), r the distance in units of its radii
- times 1 + crease * (noise(11 x, 7 y, 11 z) - 1/2), seed + 7
- times ambient * (0.85 + 0.25 n.up) + lamp * max(0, n.towards) * (1 - shadow * shade)
- shade: mean over 3 x 3 texels, max(1, softness / (2 texel)) texels apart, of whether the map is
  above the place lifted by softness + 2 texels along n; outside the map nothing is
- a photographed floor keeps its colour times (its light in the shade) / (its light), each channel
"""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.coverage import Coverage, weights_at
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.noise import HALF, ONE, TINY, crisp, mix_of, value_noise
from hmr_ros.data.render.projection import GRID
from hmr_ros.data.render.shadow import ShadowMap
from hmr_ros.geometry.camera import Camera

_NO_SHADOW = np.zeros((0, 0), np.float32)
_ZERO = np.float32(0)
CELL = 8  # pixels between rays that are looked up through a distorted lens


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
    image = np.zeros((camera.height, camera.width, 3), np.float32)
    if shadow is None:
        heights, lamp = _NO_SHADOW, np.zeros(16, np.float32)
    else:
        frame, heights = shadow.frame, shadow.height
        spacing = max(1.0, light.softness / (2 * frame.texel))
        lift = light.softness + 2 * frame.texel
        rest = [1 / frame.texel, spacing, lift, light.shadow]
        lamp = np.array([*frame.axes.ravel(), *frame.low, *rest], np.float64).astype(np.float32)
    floor = draw.floor if catcher and shadow is not None else -1.0
    _shade(
        image,
        background,
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
        np.asarray(light.ambient, np.float32),
        np.asarray(light.colour, np.float32),
        heights,
        lamp,
        np.float32(floor),
        camera_rays(camera, floor > 0),
    )
    return image


def camera_rays(camera: Camera, needed: bool) -> np.ndarray:
    """[h, w, 2] float32 rays at every ``CELL``-th pixel; linear between, exact without a lens."""
    if not needed:
        return np.zeros((0, 0, 2), np.float32)
    rows, columns = (n // CELL + 2 for n in (camera.height, camera.width))
    pixels = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) * float(CELL)
    if camera.distorted:
        # Beyond the border the lens may have no ray; the border's will do.
        pixels = np.minimum(pixels, [camera.width - 1.0, camera.height - 1.0])
    return camera.rays(pixels).astype(np.float32)


@reproducible
def fragments(centre, samples, faces, mesh, part):
    """Groups of samples that are shaded once, pixel by pixel.

    Returns row of the pixel [N] int32, face [N] int32 (``EMPTY``: background), place [N] int32 (0
    centre, 1..4 sample) and number of samples [N] int32.
    """
    height, width = centre.shape
    most = 4 * height * width
    pixel, face = np.empty(most, np.int32), np.empty(most, np.int32)
    place, count = np.empty(most, np.int32), np.empty(most, np.int32)
    key, shown = np.empty(5, np.int64), np.empty(5, np.int32)
    made = 0
    for y in range(height):
        for x in range(width):
            f = centre[y, x]
            if (
                f == samples[y, x, 0]
                and f == samples[y, x, 1]
                and f == samples[y, x, 2]
                and f == samples[y, x, 3]
            ):
                pixel[made], face[made], place[made], count[made] = y * width + x, f, 0, 4
                made += 1
                continue
            for s in range(5):
                f = centre[y, x] if s == 0 else samples[y, x, s - 1]
                shown[s] = f
                key[s] = -1 if f < 0 else np.int64(mesh[f]) * 256 + part[faces[f, 0]]
            for s in range(1, 5):
                number, fresh = 0, True
                for t in range(1, 5):
                    same = key[t] == key[s]
                    number += same
                    fresh &= not (same and t < s)
                if fresh:
                    chosen = 0 if key[0] == key[s] else s
                    pixel[made], face[made] = y * width + x, shown[chosen]
                    place[made], count[made] = chosen, number
                    made += 1
    return pixel[:made], face[:made], place[:made], count[:made]


@reproducible
def _shade(
    image, background, pixel, face, place, count, pixels, vertices, normals, texture, levels,
    faces, mesh, palette, patterns, creases, seeds, features, feature_start, photos, photo_start,
    photo_size, per_pixel, towards, up, ambient, colour, heights, lamp, floor, rays,
):  # fmt: skip
    width = np.int32(image.shape[1])
    byte, quarter = np.float32(1 / 255), np.float32(0.25)
    out = np.empty(3, np.float32)
    for i in range(len(pixel)):
        py, px = pixel[i] // width, pixel[i] % width
        row, column = np.uintp(py), np.uintp(px)
        f = face[i]
        share = quarter * np.float32(count[i])
        if f < 0:
            for n in range(3):
                out[n] = np.float32(background[row, column, n]) * byte
            if floor > _ZERO:
                dim = _floor_shade(px, py, rays, floor, up, towards, heights, lamp)
                if dim > _ZERO:
                    _darken(out, dim, up, towards, ambient, colour, lamp)
            for n in range(3):
                image[row, column, n] += share * out[n]
            continue
        # Unsigned, so that no index is looked at for being negative.
        f = np.uintp(f)
        m = np.uintp(mesh[f])
        a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
        sx, sy = _sample(px, py, place[i])
        wa, wb, wc, area = weights_at(pixels, a, b, c, sx, sy)
        qa = np.float64(wa) / np.float64(vertices[a, 2])
        qb = np.float64(wb) / np.float64(vertices[b, 2])
        qc = np.float64(wc) / np.float64(vertices[c, 2])
        scale = 1 / (qa + qb + qc)
        ka, kb, kc = np.float32(qa * scale), np.float32(qb * scale), np.float32(qc * scale)

        nx = ka * normals[a, 0] + kb * normals[b, 0] + kc * normals[c, 0]
        ny = ka * normals[a, 1] + kb * normals[b, 1] + kc * normals[c, 1]
        nz = ka * normals[a, 2] + kb * normals[b, 2] + kc * normals[c, 2]
        length = ONE / (np.sqrt(nx * nx + ny * ny + nz * nz) + TINY)
        if area < 0:
            length = -length
        nx, ny, nz = nx * length, ny * length, nz * length
        x = ka * texture[a, 0] + kb * texture[b, 0] + kc * texture[c, 0]
        y = ka * texture[a, 1] + kb * texture[b, 1] + kc * texture[c, 1]
        z = ka * texture[a, 2] + kb * texture[b, 2] + kc * texture[c, 2]
        vx = ka * vertices[a, 0] + kb * vertices[b, 0] + kc * vertices[c, 0]
        vy = ka * vertices[a, 1] + kb * vertices[b, 1] + kc * vertices[c, 1]
        vz = ka * vertices[a, 2] + kb * vertices[b, 2] + kc * vertices[c, 2]
        footprint = vz * per_pixel
        seed = seeds[m]

        crease = creases[m, 0]
        if photo_size[m, 0] > 0:
            _texel(out, x, y, photos, photo_start[m], photo_size[m, 0], photo_size[m, 1])
        else:
            mix = mix_of(patterns, m, 0, x, y, z, seed, footprint)
            for n in range(3):
                first = palette[m, 0, 0, n]
                out[n] = first + mix * (palette[m, 0, 1, n] - first)
        for layer in range(levels.shape[1]):
            level = ka * levels[a, layer] + kb * levels[b, layer] + kc * levels[c, layer]
            if level < -footprint:  # outside by a pixel: surely not covered
                continue
            cover = crisp(level, footprint)
            if cover > _ZERO:
                mix = mix_of(patterns, m, layer + 1, x, y, z, seed, footprint)
                crease = crease + cover * (creases[m, layer + 1] - crease)
                for n in range(3):
                    first = palette[m, layer + 1, 0, n]
                    paint = first + mix * (palette[m, layer + 1, 1, n] - first)
                    out[n] = out[n] + cover * (paint - out[n])
        for k in range(feature_start[m], feature_start[m + np.uintp(1)]):
            k = np.uintp(k)
            rx, ry, rz = features[k, 3], features[k, 4], features[k, 5]
            least = min(rx, ry, rz)
            # Too far in one direction already: nothing would be covered.
            if np.abs(y - features[k, 1]) * least > ry * (least + footprint):
                continue
            dx = (x - features[k, 0]) / rx
            dy = (y - features[k, 1]) / ry
            dz = (z - features[k, 2]) / rz
            reach = np.sqrt(dx * dx + dy * dy + dz * dz)
            cover = crisp((ONE - reach) * least, footprint)
            if cover > _ZERO:
                for n in range(3):
                    out[n] = out[n] + cover * (features[k, 6 + n] - out[n])

        fold = ONE
        if crease > _ZERO:
            noise = value_noise(
                x * np.float32(11), y * np.float32(7), z * np.float32(11), seed + np.int32(7)
            )
            fold = ONE + crease * (noise - HALF)
        lit = max(_ZERO, nx * towards[0] + ny * towards[1] + nz * towards[2])
        if lit > _ZERO and heights.size > 0:
            lift = lamp[14]
            dim = shade_at(vx + nx * lift, vy + ny * lift, vz + nz * lift, heights, lamp)
            lit = lit * (ONE - lamp[15] * dim)
        sky = np.float32(0.85) + np.float32(0.25) * (nx * up[0] + ny * up[1] + nz * up[2])
        for n in range(3):
            light = ambient[n] * sky + colour[n] * lit
            image[row, column, n] += share * (out[n] * fold * light)


@reproducible
def _sample(px, py, place):
    """Steps of a pixel's centre (0) or of one of its outer samples (1..4)."""
    x, y = np.int64(px) * GRID, np.int64(py) * GRID
    if place > 0:
        x += 64 if place % 2 == 0 else -64
        y += 64 if place > 2 else -64
    return x, y


@reproducible
def _texel(out, u, v, photos, start, rows, columns):
    """Bilinear, held at the borders."""
    u = min(max(u * np.float32(columns) - HALF, _ZERO), np.float32(columns - 1))
    v = min(max(v * np.float32(rows) - HALF, _ZERO), np.float32(rows - 1))
    i, j = np.int64(u), np.int64(v)
    s, t = u - np.float32(i), v - np.float32(j)
    i1, j1 = min(i + 1, np.int64(columns - 1)), min(j + 1, np.int64(rows - 1))
    byte = np.float32(1 / 255)
    for n in range(3):
        p = np.float32(photos[start + 3 * (j * columns + i) + n])
        q = np.float32(photos[start + 3 * (j * columns + i1) + n])
        above = p + s * (q - p)
        p = np.float32(photos[start + 3 * (j1 * columns + i) + n])
        q = np.float32(photos[start + 3 * (j1 * columns + i1) + n])
        below = p + s * (q - p)
        out[n] = (above + t * (below - above)) * byte


@reproducible
def shade_at(x, y, z, heights, lamp):
    """Share of 3 x 3 texels of the shadow map around a place that are above it."""
    right = (lamp[0] * x + lamp[1] * y + lamp[2] * z - lamp[9]) * lamp[12]
    up = (lamp[3] * x + lamp[4] * y + lamp[5] * z - lamp[10]) * lamp[12]
    # Empty texels are 0 and hide nothing, however far below all casters the place is.
    level = max(lamp[6] * x + lamp[7] * y + lamp[8] * z - lamp[11] + ONE, _ZERO)
    spacing = lamp[13]
    rows, columns = heights.shape
    total = 0
    u0, u1 = np.floor(right - spacing + HALF), np.floor(right + HALF)
    u2 = np.floor(right + spacing + HALF)
    in0, in1, in2 = u0 >= 0 and u0 < columns, u1 >= 0 and u1 < columns, u2 >= 0 and u2 < columns
    for j in range(-1, 2):
        v = np.floor(up + np.float32(j) * spacing + HALF)
        if not (v >= 0 and v < rows):
            continue
        row = heights[np.uintp(v)]
        if in0:
            total += row[np.uintp(u0)] > level
        if in1:
            total += row[np.uintp(u1)] > level
        if in2:
            total += row[np.uintp(u2)] > level
    return np.float32(total) * np.float32(1 / 9)


@reproducible
def _floor_shade(x, y, rays, floor, up, towards, heights, lamp):
    """Shade on the floor behind a pixel; 0 if there is no floor in this direction."""
    i, j = x // CELL, y // CELL
    s = np.float32(x - i * CELL) * np.float32(1 / CELL)
    t = np.float32(y - j * CELL) * np.float32(1 / CELL)
    p = rays[j, i, 0] + s * (rays[j, i + 1, 0] - rays[j, i, 0])
    q = rays[j + 1, i, 0] + s * (rays[j + 1, i + 1, 0] - rays[j + 1, i, 0])
    u = p + t * (q - p)
    p = rays[j, i, 1] + s * (rays[j, i + 1, 1] - rays[j, i, 1])
    q = rays[j + 1, i, 1] + s * (rays[j + 1, i + 1, 1] - rays[j + 1, i, 1])
    v = p + t * (q - p)
    sinking = -(up[0] * u + up[1] * v + up[2])
    lit = up[0] * towards[0] + up[1] * towards[1] + up[2] * towards[2]
    if not (sinking > TINY and lit > _ZERO):
        return _ZERO
    z = floor / sinking
    lift = lamp[14]
    return shade_at(u * z + up[0] * lift, v * z + up[1] * lift, z + up[2] * lift, heights, lamp)


@reproducible
def _darken(out, dim, up, towards, ambient, colour, lamp):
    lit = up[0] * towards[0] + up[1] * towards[1] + up[2] * towards[2]
    for n in range(3):
        bright = ambient[n] * np.float32(1.1) + colour[n] * lit
        dark = bright - colour[n] * lit * lamp[15] * dim
        out[n] = out[n] * (dark / (bright + TINY))
