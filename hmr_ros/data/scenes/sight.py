"""Rough estimates of what hides whom, for placing things; the renderer knows the truth."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.nearness import points_between
from hmr_ros.data.viewpoints import Viewpoint

_LIMB = 0.075  # metres from a bone to the side of a clothed limb, on average


def beyond_border(figure: Figure, view: Viewpoint) -> np.ndarray:
    """[24] bool: joints outside the image (of a lens without distortion)."""
    x, y, z = view.to_camera(figure.joints).T
    camera = view.camera
    z = np.maximum(z, 1e-3)
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    return (u < 0) | (u > camera.width - 1) | (v < 0) | (v > camera.height - 1) | (z < 0.05)


def behind_person(figure: Figure, other: Figure, eye: np.ndarray) -> np.ndarray:
    """[24] bool: joints of ``figure`` that are behind a bone of ``other`` seen from ``eye``."""
    return points_between(figure.joints, other.bones, _LIMB, eye)
