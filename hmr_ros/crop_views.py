"""Where the crop of a person lies, and the frame that looks through it.

The crop is the rotated square that BlazePose looked at, or an upright square around the box where
it did not look. The *view* frame is the camera turned about its centre so that it looks through the
middle of the crop with its x axis along the crop's: a person who leans in the image stands upright
in it, and every place in the image looks alike (the idea of CLIFF, Li et al. 2022). ``scale``
removes what is left, the person's size in the image.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People

# Side of the landmark network's crop, in whose pixels ``People.crops`` is.
SIDE = 256
# Side of the square around the box of a person not found, in units of the longer side.
MARGIN = 1.25
SMALLEST = 2.0  # pixels of the image: a crop with a shorter side shows nothing
# A look that found nobody still counts if its square holds the middle of the box and its side is
# that of the box's longer side times at least and at most this.
LOOK_SIDES = (0.6, 3.0)
# What is further out, in half widths of the crop, is read as this far out.
FARTHEST = 4.0
# Rays further out than this (84 degrees) come from a failed undistortion or a border at infinity.
FARTHEST_RAY = 10.0


def squares(people: People) -> tuple[np.ndarray, np.ndarray]:
    """Affine maps [N, 2, 3] float64 from pixels of the crop to the image, and whether [N] each is
    what BlazePose looked at."""
    boxes = people.boxes.astype(np.float64)
    side = np.maximum(MARGIN * boxes[:, 2:].max(1, initial=0), SMALLEST) / SIDE
    square = np.zeros((len(people), 2, 3))
    square[:, [0, 1], [0, 1]] = side[:, None]
    square[:, :, 2] = boxes[:, :2] + boxes[:, 2:] / 2 - (SIDE - 1) / 2 * side[:, None]
    if people.crops is None:
        return square, np.zeros(len(people), bool)
    crops = people.crops.astype(np.float64)
    usable = np.isfinite(crops).all((1, 2))
    crops = np.where(usable[:, None, None], crops, 0)
    usable &= np.linalg.norm(crops[:, :, 0], axis=1) * SIDE >= SMALLEST
    looked = usable & (people.found | _about(crops, boxes))
    return np.where(looked[:, None, None], crops, square), looked


def views(to_image: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [N, 3, 3] from camera to view, and scales [N], of crops.

    to_image: [N, 2, 3] affine maps from pixels of the 256 x 256 crop to pixels of the image.
    """
    middle = np.full(2, (SIDE - 1) / 2)
    centre = to_image[:, :, :2] @ middle + to_image[:, :, 2]
    sides = to_image[:, :, :2].transpose(0, 2, 1)  # of one pixel of the crop: along x, along y
    ray, _ = _rays(camera, centre)
    # How the ray moves along the two sides of a pixel: by differences, as lenses bend.
    ends, seen = _rays(camera, centre[:, None, None] + sides[:, :, None] * [[1], [-1]])
    straight = sides / [camera.fx, camera.fy]
    moved = (ends[:, :, 0] - ends[:, :, 1]) / 2
    moved = np.where(seen.all((1, 2))[:, None, None], moved, straight)
    z = np.concatenate([ray, np.ones_like(ray[:, :1])], 1)
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z = z / length
    flat = np.concatenate([moved, np.zeros_like(moved[..., :1])], 2)
    # On the plane that the view looks at, the part along its axis is lost.
    flat = (flat - (flat @ z[:, :, None]) * z[:, None]) / length[:, None]
    x = flat[:, 0] / np.linalg.norm(flat[:, 0], axis=1, keepdims=True)
    area = np.linalg.norm(np.cross(flat[:, 0], flat[:, 1]), axis=1)
    return np.stack([x, np.cross(z, x), z], 1), SIDE / 2 * np.sqrt(area)


def in_view(
    pixels: np.ndarray, camera: Camera, view: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places [N, P, 2] over ``scale`` of pixels [N, P, 2], and [N, P] whether they lie ahead."""
    rays, seen = _rays(camera, pixels)
    turned = rays @ view[:, :, :2].transpose(0, 2, 1) + view[:, None, :, 2]
    places = turned[..., :2] / np.maximum(turned[..., 2:], 0.1) / scale[:, None, None]
    return np.clip(places, -FARTHEST, FARTHEST), seen & (turned[..., 2] > 0.1)


def _about(crops: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether crops [N, 2, 3] show what is in the boxes [N, 4]."""
    sides = np.linalg.norm(crops[:, :, :2], axis=1)  # of a pixel of the crop
    off = boxes[:, :2] + boxes[:, 2:] / 2 - crops @ [(SIDE - 1) / 2, (SIDE - 1) / 2, 1]
    along = np.abs(np.einsum("nij,ni->nj", crops[:, :, :2], off)) / np.maximum(sides**2, 1e-9)
    low, high = np.array(LOOK_SIDES)[:, None] * boxes[:, 2:].max(1, initial=0)
    side = SIDE * sides[:, 0]
    return (along <= SIDE / 2).all(1) & (low <= side) & (side <= high)


def _rays(camera: Camera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rays [..., 2] in the camera frame, and [...] whether the lens reaches there."""
    rays = camera.rays(pixels)
    side = np.nan_to_num(np.sign(pixels - [camera.cx, camera.cy])) * FARTHEST_RAY
    seen = (np.abs(rays) < FARTHEST_RAY).all(-1)
    return np.clip(np.where(np.isnan(rays), side, rays), -FARTHEST_RAY, FARTHEST_RAY), seen
