"""Leave out what a camera cannot see: of rooms single faces, of everything else the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.viewpoints import Viewpoint

_SPARE = 0.04  # of the image's width, so that what is half a pixel outside stays
_SHADE = 0.6  # metres outside the view from which a thing may still throw its shadow into it


def view_limits(view: Viewpoint) -> np.ndarray:
    """[4] left, right, top, bottom of the image on the plane at z = 1, with a margin."""
    camera = view.camera
    x = np.array([-0.5, 0.5 * camera.width, camera.width - 0.5])
    y = np.array([-0.5, 0.5 * camera.height, camera.height - 0.5])
    rays = camera.rays(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2))
    low, high = rays.min(0), rays.max(0)
    spare = _SPARE * (high - low)
    low, high = low - spare, high + spare
    return np.array([low[0], high[0], low[1], high[1]])


def stands_in_view(points: np.ndarray, view: Viewpoint, limits: np.ndarray) -> bool:
    """Whether the hull of points [N, 3] of the world reaches into the view or nearly so."""
    return not _outside(points, view, limits, _SHADE).all(1).any()


def rooms_in_view(
    props: list[Prop], view: Viewpoint, limits: np.ndarray | None = None
) -> tuple[Prop, ...]:
    """Things that throw no shadow, without the faces that are behind or beside the view."""
    limits = view_limits(view) if limits is None else limits
    kept = []
    for prop in props:
        outside = _outside(prop.vertices, view, limits, 0.0)
        # A face is left out if one plane has all its corners on the wrong side.
        a, b, c = prop.faces.T
        seen = ~(outside[:, a] & outside[:, b] & outside[:, c]).any(0)
        if seen.any():
            kept.append(replace(prop, faces=np.ascontiguousarray(prop.faces[seen])))
    return tuple(kept)


def _outside(points, view: Viewpoint, limits, spare: float) -> np.ndarray:
    """[5, N] bool: beyond the left, right, upper, lower plane of the view, and behind it."""
    away = np.asarray(points, float) - view.position
    x, y, z = (
        away[:, 0] * row[0] + away[:, 1] * row[1] + away[:, 2] * row[2] for row in view.rotation
    )
    left, right, top, bottom = limits
    return np.stack(
        [
            x < left * z - spare,
            x > right * z + spare,
            y < top * z - spare,
            y > bottom * z + spare,
            z < 0.02 - spare,
        ]
    )
