"""Leave out what a camera cannot see: of rooms single faces, of everything else the whole."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.nearness import all_beyond, faces_inside, sides
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.viewpoints import Viewpoint

Limits = tuple[float, float, float, float]
_SPARE = 0.04  # of the image's width, so that what is half a pixel outside stays
_SHADE = 0.6  # metres outside the view from which a thing may still throw its shadow into it


def view_limits(view: Viewpoint) -> Limits:
    """Left, right, top, bottom of the image on the plane at z = 1, with a margin."""
    camera = view.camera
    if camera.distorted:
        low, high = -0.5, np.array([camera.width - 0.5, camera.height - 0.5])
        middle = 0.5 * (high + 0.5)
        grid = [[x, y] for x in (low, middle[0], high[0]) for y in (low, middle[1], high[1])]
        rays = camera.rays(np.array(grid))
        left, top = rays.min(0).tolist()
        right, bottom = rays.max(0).tolist()
    else:
        left, right = (-0.5 - camera.cx) / camera.fx, (camera.width - 0.5 - camera.cx) / camera.fx
        top, bottom = (-0.5 - camera.cy) / camera.fy, (camera.height - 0.5 - camera.cy) / camera.fy
    x, y = _SPARE * (right - left), _SPARE * (bottom - top)
    return left - x, right + x, top - y, bottom + y


def stands_in_view(points: np.ndarray, view: Viewpoint, limits: Limits) -> bool:
    """Whether the hull of points [N, 3] of the world reaches into the view or nearly so."""
    return not all_beyond(points, view.rotation, view.position, *limits, _SHADE)


def rooms_in_view(props: list[Prop], view: Viewpoint, limits: list[Limits]) -> tuple[Prop, ...]:
    """Things that throw no shadow, without the faces that are behind or beside all pictures.

    limits: of each picture that is taken from where ``view`` is, see ``view_limits``.
    """
    left, right, top, bottom = zip(*limits, strict=True)
    widest = min(left), max(right), min(top), max(bottom)
    kept = []
    for prop in props:
        code = sides(prop.vertices, view.rotation, view.position, *widest, 0.0)
        faces = faces_inside(prop.faces, code)
        if len(faces):
            kept.append(
                Prop(
                    prop.vertices,
                    faces,
                    prop.surface,
                    prop.kind,
                    two_sided=prop.two_sided,
                    casts=prop.casts,
                )
            )
    return tuple(kept)
