"""Outlines of a body cut by planes, as radii around an axis: what cloth can hang from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.compiled import reproducible

_SUPPORT = 144  # directions in which an outline's extent is taken


@dataclass(frozen=True, eq=False)
class Outlines:
    """Convex outlines of R sections across one axis, seen from a centre that moves along it.

    along:   [R] where the planes are, metres, in even steps upwards.
    centres: [R, 2] the centre in each plane.
    radii:   [R, C] metres from the centre to the outline, in C even steps of angle from 0; the
             angle turns from the first coordinate of the plane to the second.
    """

    along: np.ndarray
    centres: np.ndarray
    radii: np.ndarray

    def centre(self, along: np.ndarray) -> np.ndarray:
        """[..., 2] centres at these places along the axis."""
        return np.stack(
            [np.interp(along, self.along, self.centres[:, k]) for k in range(2)], axis=-1
        )

    def at(self, along: np.ndarray, angle: np.ndarray) -> np.ndarray:
        """Radii, linear between sections and angles; the ends are kept on beyond them."""
        along, angle = np.broadcast_arrays(along, angle)
        out = np.empty(along.size)
        step = self.along[1] - self.along[0]
        _interpolate(self.radii, self.along[0], step, along.ravel(), angle.ravel(), out)
        return out.reshape(along.shape)

    def hanging(self, downwards: bool = True) -> Outlines:
        """The same, but never narrower than where the axis was before: cloth under its weight.

        downwards: from the largest ``along`` to the smallest; else the other way.
        """
        order = slice(None, None, -1 if downwards else 1)
        return Outlines(
            self.along, self.centres, np.maximum.accumulate(self.radii[order], axis=0)[order]
        )


@reproducible
def _interpolate(radii, first, step, along, angle, out):
    rows, columns = radii.shape
    for n in range(len(out)):
        row = min(max((along[n] - first) / step, 0.0), rows - 1.0)
        turn = angle[n] / (2 * np.pi)
        column = (turn - np.floor(turn)) * columns
        i, j = min(int(row), rows - 2), int(column)
        u, v = row - i, column - j
        j, k = j % columns, (j + 1) % columns
        low = (1 - v) * radii[i, j] + v * radii[i, k]
        out[n] = (1 - u) * low + u * ((1 - v) * radii[i + 1, j] + v * radii[i + 1, k])


def outlines(
    points: np.ndarray, edges: np.ndarray, along: np.ndarray, centres: np.ndarray, columns: int
) -> Outlines:
    """Cut a mesh into sections.

    points: [N, 3] with the axis first. edges: [E, 2]. along: [R]. centres: [R, 2].
    A plane that cuts no edge takes the outline of its neighbour. Raises ValueError if none cuts.
    """
    start, end = points[edges[:, 0]], points[edges[:, 1]]
    facing = np.arange(_SUPPORT) * (2 * np.pi / _SUPPORT)
    normals = np.stack([np.cos(facing), np.sin(facing)], 1)
    rays = np.arange(columns) * (2 * np.pi / columns)
    cosine = np.cos(rays[:, None] - facing)
    radii = np.full((len(along), columns), np.nan)
    for row, (place, centre) in enumerate(zip(along, centres, strict=True)):
        cut = (start[:, 0] < place) != (end[:, 0] < place)
        if not cut.any():
            continue
        a, b = start[cut], end[cut]
        share = (place - a[:, :1]) / (b[:, :1] - a[:, :1])
        flat = a[:, 1:] + share * (b[:, 1:] - a[:, 1:]) - centre
        extent = (flat[:, None, 0] * normals[:, 0] + flat[:, None, 1] * normals[:, 1]).max(0)
        with np.errstate(divide="ignore"):
            reach = np.where(cosine > 0.05, extent / cosine, np.inf)
        radii[row] = np.maximum(reach.min(1), 0.005)
    known = np.flatnonzero(~np.isnan(radii[:, 0]))
    if not len(known):
        raise ValueError("no section plane cuts the mesh: this is not a body in T-pose, Y up")
    nearest = known[np.abs(np.arange(len(along))[:, None] - known).argmin(1)]
    return Outlines(np.asarray(along, np.float64), np.asarray(centres, np.float64), radii[nearest])
