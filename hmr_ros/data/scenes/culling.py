"""Leave out what a camera cannot see: of rooms single faces, of everything else the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_ros.data.scenes.nearness import faces_inside, sides
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
    code = sides(points, view.rotation, view.position, *limits, _SHADE)
    return not np.bitwise_and.reduce(code)


def rooms_in_view(
    props: list[Prop], view: Viewpoint, limits: np.ndarray | None = None
) -> tuple[Prop, ...]:
    """Things that throw no shadow, without the faces that are behind or beside the view."""
    limits = view_limits(view) if limits is None else limits
    kept = []
    for prop in props:
        code = sides(prop.vertices, view.rotation, view.position, *limits, 0.0)
        faces = faces_inside(np.asarray(prop.faces), code)
        if len(faces):
            kept.append(replace(prop, faces=faces))
    return tuple(kept)
