"""The head as a smooth ball without ears: what hair and hats are built on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.figure import Figure, edges_of, figure, nearest_vertices
from hmr_ros.data.clothes.sections import Outlines, outlines
from hmr_ros.data.rounding import rounded

COLUMNS = 24  # of azimuth: 0 is the left side; a multiple of 4
IN_FRONT, BEHIND = COLUMNS // 4, 3 * COLUMNS // 4
ROWS = 29  # of the angle from the crown, 0..140 degrees
STEEPEST = np.deg2rad(140.0)


@dataclass(frozen=True, eq=False)
class Skull:
    """centre: [3] metres in the template's frame. azimuth: [C], turning from the left side to the
    front. radii: [ROWS, C] metres. anchor: [ROWS, C] nearest vertex of the head. scale: height of
    the head over 0.25 m. polar, azimuths: [N] of the vertices ``ids`` of head and neck.
    mane: outlines of head, neck and back around the vertical through the centre, cloth-like;
    mane_anchor: nearest vertices."""

    centre: np.ndarray
    azimuth: np.ndarray
    radii: np.ndarray
    anchor: np.ndarray
    scale: float
    ids: np.ndarray
    polar: np.ndarray
    azimuths: np.ndarray
    mane: Outlines
    mane_anchor: np.ndarray

    def row(self, polar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whole row and share of the next one."""
        at = np.clip(polar / STEEPEST, 0, 1) * (ROWS - 1)
        whole = np.minimum(at.astype(np.int64), ROWS - 2)
        return whole, at - whole

    def surface(self, polar: np.ndarray, lift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places [..., C, 3] ``lift`` metres over the head and their vertices [..., C].

        polar, lift: [..., C], one column for each azimuth.
        """
        whole, share = self.row(polar)
        column = np.arange(COLUMNS)
        radius = (1 - share) * self.radii[whole, column] + share * self.radii[whole + 1, column]
        radius = radius + lift
        flat = radius * np.sin(polar)
        place = np.stack(
            [flat * np.cos(self.azimuth), radius * np.cos(polar), flat * np.sin(self.azimuth)], -1
        )
        return self.centre + place, self.anchor[whole, column]


@lru_cache(maxsize=4)
def skull(body: BodyModel) -> Skull:
    """The skull of a body model; kept."""
    tailor: Figure = figure(body)
    place, joint = tailor.place, tailor.joint
    scale = (tailor.top - joint["neck"][1]) / 0.25
    head = np.flatnonzero(body.part_id == 15)
    points = place[head].copy()
    temple = np.abs(points[points[:, 1] > tailor.top - 0.085 * scale, 0]).max()
    ears = np.abs(points[:, 0]) > temple
    points[ears, 0] = np.sign(points[ears, 0]) * temple
    high = points[:, 1] > tailor.top - 0.11 * scale
    depth = 0.5 * (points[high, 2].min() + points[high, 2].max())
    centre = np.array([0.0, tailor.top - 0.105 * scale, depth])
    azimuth = np.arange(COLUMNS) * (2 * np.pi / COLUMNS)
    polar = np.linspace(0, STEEPEST, ROWS)
    rays = _directions(polar[:, None], azimuth[None])
    normals = _directions(
        np.linspace(0, np.pi, 25)[:, None], (np.arange(40) * (2 * np.pi / 40))[None]
    ).reshape(-1, 3)
    from_centre = points - centre
    extent = np.array([(from_centre * n).sum(1).max() for n in normals])
    radii = np.empty((ROWS, COLUMNS))
    anchor = np.empty((ROWS, COLUMNS), np.int32)
    for row in range(ROWS):
        cosine = (rays[row][:, None] * normals).sum(-1)
        reach = np.where(cosine > 0.1, extent / np.maximum(cosine, 0.1), np.inf)
        radii[row] = reach.min(1)
        at = centre + radii[row][:, None] * rays[row]
        anchor[row] = head[rounded(((at[:, None] - place[head]) ** 2).sum(-1)).argmin(1)]
    ids = np.flatnonzero(np.isin(body.part_id, (12, 15)))
    away = place[ids] - centre
    flat = np.hypot(away[:, 0], away[:, 2])
    mane, mane_anchor = _mane(tailor, centre, scale)
    return Skull(
        centre=centre,
        azimuth=azimuth,
        radii=radii,
        anchor=anchor,
        scale=scale,
        ids=ids,
        polar=np.arctan2(flat, away[:, 1]),
        azimuths=np.mod(np.arctan2(away[:, 2], away[:, 0]), 2 * np.pi),
        mane=mane,
        mane_anchor=mane_anchor,
    )


def _directions(polar: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    flat = np.sin(polar)
    up = np.cos(polar) + 0 * azimuth
    return np.stack([flat * np.cos(azimuth), up, flat * np.sin(azimuth)], -1)


def _mane(tailor: Figure, centre: np.ndarray, scale: float) -> tuple[Outlines, np.ndarray]:
    body, place = tailor.body, tailor.place
    wide = np.isin(body.part_id, (6, 9, 12, 13, 14, 15)) & (np.abs(place[:, 0]) < 0.17 * scale)
    edges = edges_of(body.faces)
    edges = edges[wide[edges].all(1)]
    rows = np.arange(tailor.joint["spine2"][1], centre[1] + 0.085 * scale, 0.02)
    # The head's own axis lies before the neck: sections are seen from between the two.
    table = outlines(place[:, [1, 0, 2]], edges, rows, np.tile(centre[[0, 2]], (len(rows), 1)), 36)
    return table, nearest_vertices(table, place, np.flatnonzero(wide), (1, 0, 2))
