"""What the pipeline found, drawn over the image it was found in."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.drawing.capsule_mesh import triangles
from hmr_ros.drawing.colours import bgr_of
from hmr_ros.drawing.silhouettes import paint_bodies
from hmr_ros.drawing.skeletons import draw_label, draw_skeleton
from hmr_ros.geometry.camera import Camera
from hmr_ros.occupancy import capsules
from hmr_ros.tracks import Tracks, TrackState

OPACITY, GHOST_OPACITY, ROOM_OPACITY = 0.62, 0.22, 0.3


def draw_tracks(
    image: np.ndarray,
    tracks: Tracks,
    body: BodyModel,
    camera: Camera,
    level: float | None = None,
) -> np.ndarray:
    """A copy of ``image`` [H, W, 3] uint8 BGR with meshes, skeletons and labels.

    The colour is that of the id; joints that are probably hidden are hollow; the label is the id
    and the distance of the pelvis from the camera ("~": without true scale). People who are not
    seen in this image (coasting, or no keypoints found) are ghosts: faint, without a skeleton.
    camera: intrinsics of this image, in which the bodies are. level: draw where the people may be
    as well, as pale ``hmr_ros.occupancy.capsules`` of that probability.
    """
    picture = np.array(image, np.uint8, order="C")
    bodies = tracks.bodies
    if len(tracks) == 0:
        return picture
    rotations = bodies.rotations
    posed = vertices(body, rotations, bodies.betas, bodies.transl)
    colours = [bgr_of(int(i)) for i in tracks.ids]
    ghost = (tracks.states == TrackState.COASTING) | ~bodies.found
    opacity = np.where(ghost, GHOST_OPACITY, OPACITY)
    if level is not None:
        corners = triangles(capsules(bodies, posed, body, level)).reshape(len(bodies), -1, 3)
        faces = np.arange(corners.shape[1], dtype=np.int32).reshape(-1, 3)
        pale = np.full(len(bodies), ROOM_OPACITY)
        shapes = corners.astype(np.float32)
        paint_bodies(picture, shapes, faces, camera, np.array(colours), pale)
    paint_bodies(picture, posed, body.faces, camera, np.array(colours), opacity)
    far_to_near = np.argsort(-bodies.joints[:, 0, 2], kind="stable")
    for n in far_to_near:
        joints_2d = bodies.joints_2d[n]
        top, size = _extent(joints_2d)
        if not ghost[n]:
            draw_skeleton(picture, joints_2d, bodies.visibility[n], body.parents, colours[n], size)
        if top is not None:
            draw_label(picture, _label(tracks, n), (top[0], top[1] - 0.12 * size), colours[n])
    return picture


def _label(tracks: Tracks, n: int) -> str:
    distance = np.linalg.norm(tracks.bodies.joints[n, 0])
    about = "" if tracks.bodies.metric[n] else "~"
    lost = "" if tracks.bodies.found[n] else " ?"
    return f"{int(tracks.ids[n])}  {about}{distance:.1f} m{lost}"


def _extent(joints_2d: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Topmost joint and height in pixels; no joint in front of the camera: None."""
    finite = joints_2d[np.isfinite(joints_2d).all(1)]
    if len(finite) == 0:
        return None, 0.0
    return finite[finite[:, 1].argmin()], float(np.ptp(finite[:, 1]))
