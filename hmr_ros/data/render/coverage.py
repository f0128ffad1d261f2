"""Which face is in front at which sample: a rasteriser in whole numbers.

Written so that a second implementation can give the same result bit by bit:

- Corners lie on a grid of 1/256 pixel (``DrawList.pixels``); the centre of pixel (x, y) is at
  (256 x, 256 y). A pixel has five samples, in this order: its centre and the four ``SAMPLES``.
- Only drawable faces count. area = (xb - xa)(yc - ya) - (xc - xa)(yb - ya) in int64; 0 is never
  drawn. y points down, so a face seen from outside has area < 0; b and c are swapped, which makes
  it positive. area > 0 before that is a face seen from behind, drawn only if its mesh is
  ``two_sided``.
- Weights of a sample (x, y), int64: wa = (xc - xb)(y - yb) - (yc - yb)(x - xb), wb and wc by
  rotating the letters. A sample is covered if each weight is positive, or zero on an edge that is
  top (from b to c: yb = yc and xc > xb) or left (yc < yb).
- q = (wa qa + wb qb + wc qc) * (1 / area) with qa = 1 / za, sum from left to right, float64. At
  the four samples it is q of the centre plus the same formula of the weights' differences to the
  centre. Rounded to float32, the greatest q is in front; between equals the lower face.
- Depth at a pixel centre: 1 / q of its float32 q, in float64, rounded to float32.
- A joint is a sample at its own snapped place, with the same rules; its depth is 1 / q in float64.
  What is said of joints more than half a pixel outside of the outer centres has no meaning.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.projection import snapped
from hmr_ros.data.render.raster import (
    face_of,
    near_to_far,
    nearness_of,
    probe_counts,
    probes_by_row,
    rasterize,
)

_OWN = threading.local()
EMPTY = -1  # face of a sample that shows nothing
SAMPLES = np.array([[-64, -64], [64, -64], [-64, 64], [64, 64]])  # steps from the pixel's centre
MAX_PEOPLE = 62  # bits of a silhouette mask


@dataclass(frozen=True, eq=False)
class Coverage:
    """centre: [H, W] int32, the face in front at the pixel's centre, or ``EMPTY``. samples:
    [H, W, 4] int32, those at the four samples.

    depth: [H, W] float32 at the centres, inf where nothing is. silhouettes: [H, W] int64, bit p is
    set where person p covers the centre, seen or not. joint_face: [J] int32 the face in front at
    each probe in the picture, joint_depth: [J] float32 its depth, inf where nothing is.
    """

    centre: np.ndarray
    samples: np.ndarray
    depth: np.ndarray
    silhouettes: np.ndarray
    joint_face: np.ndarray
    joint_depth: np.ndarray


def covered(draw: DrawList, probes: np.ndarray) -> Coverage:
    """Rasterise a scene. probes: [J, 2] pixels (NaN: nowhere) at which to look through as well."""
    if len(draw.people) > MAX_PEOPLE:
        raise ValueError(f"scene has {len(draw.people)} people, at most {MAX_PEOPLE} can be drawn")
    height, width = draw.camera.height, draw.camera.width
    front, fronts, least = _keys(height, width)
    silhouettes = np.zeros((height, width), np.int64)
    probe_front = np.zeros(len(probes), np.int64)
    steps = snapped(probes).astype(np.int64)
    counts = probe_counts(steps, width, height)
    inverse_z, nearness = _inverse(draw.vertices)
    order = near_to_far(
        draw.pixels,
        nearness,
        draw.faces,
        draw.mesh,
        draw.drawable,
        draw.two_sided,
        width,
        height,
    )
    rasterize(
        order,
        draw.pixels,
        inverse_z,
        draw.faces,
        draw.mesh,
        draw.person,
        steps,
        counts,
        probes_by_row(steps, counts),
        front,
        fronts,
        least,
        silhouettes,
        probe_front,
    )
    centre, samples = np.empty(front.shape, np.int32), np.empty(fronts.shape, np.int32)
    depth = np.empty(front.shape, np.float32)
    _resolve(front, fronts, centre, samples, depth)
    probe_face, probe_depth = _resolve_probes(
        probe_front, steps, draw.pixels, inverse_z, draw.faces
    )
    return Coverage(centre, samples, depth, silhouettes, probe_face, probe_depth)


def _keys(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Zeros for a picture: [H, W], [H, W, 4] and [H, W] int64, valid until this thread asks again.

    Fresh memory would take longer than drawing does.
    """
    kept = getattr(_OWN, "keys", ())
    if not kept or kept[0].shape != (height, width):
        kept = tuple(np.empty((height, width, *more), np.int64) for more in ((), (4,), ()))
        _OWN.keys = kept
    for array in kept:
        array.fill(0)
    return kept


@reproducible
def _inverse(vertices):
    """1 / z of each vertex, float64 and rounded to float32."""
    exact, short = np.empty(len(vertices)), np.empty(len(vertices), np.float32)
    for v in range(len(vertices)):
        exact[v] = short[v] = 1 / np.float64(vertices[v, 2])
    return exact, short


@reproducible
def weights_at(pixels, a, b, c, x, y):
    """int64 weights of the corners at (x, y) steps.

    The sign is that of a face seen from outside; the fourth number is their sum.
    """
    xa, ya = np.int64(pixels[a, 0]), np.int64(pixels[a, 1])
    xb, yb = np.int64(pixels[b, 0]), np.int64(pixels[b, 1])
    xc, yc = np.int64(pixels[c, 0]), np.int64(pixels[c, 1])
    wa = (yc - yb) * (x - xb) - (xc - xb) * (y - yb)
    wb = (ya - yc) * (x - xc) - (xa - xc) * (y - yc)
    wc = (yb - ya) * (x - xa) - (xb - xa) * (y - ya)
    return wa, wb, wc, wa + wb + wc


@reproducible
def _resolve(front, fronts, centre, samples, depth):
    _faces_of(fronts.reshape(-1), samples.reshape(-1))
    keys, faces, far = front.reshape(-1), centre.reshape(-1), depth.reshape(-1)
    _faces_of(keys, faces)
    for n in range(len(keys)):
        far[n] = 1 / np.float64(nearness_of(keys[n]))  # inf where nothing is


@reproducible
def _faces_of(keys, out):
    for n in range(len(keys)):
        out[n] = face_of(keys[n])


@reproducible
def _resolve_probes(front, probes, pixels, inverse_z, faces):
    face, depth = np.empty(len(front), np.int32), np.full(len(front), np.inf, np.float32)
    for n in range(len(front)):
        f = face_of(front[n])
        face[n] = f
        if f >= 0:
            depth[n] = depth_at(pixels, inverse_z, faces, f, probes[n, 0], probes[n, 1])
    return face, depth


@reproducible
def depth_at(pixels, inverse_z, faces, f, x, y):
    """Depth of face ``f`` at (x, y) steps, float64."""
    a, b, c = np.uintp(faces[f, 0]), np.uintp(faces[f, 1]), np.uintp(faces[f, 2])
    area = weights_at(pixels, a, b, c, x, y)[3]
    if area > 0:
        b, c = c, b
    wa, wb, wc, _ = weights_at(pixels, a, b, c, x, y)
    q = (
        np.float64(-wa) * inverse_z[a]
        + np.float64(-wb) * inverse_z[b]
        + np.float64(-wc) * inverse_z[c]
    ) * (1 / np.float64(abs(area)))
    return 1 / q
