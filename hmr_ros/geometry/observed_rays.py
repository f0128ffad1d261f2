"""What the front end saw of people, as rays of the undistorted camera."""

from __future__ import annotations

import numpy as np

from hmr_ros.geometry.camera import Camera
from hmr_ros.person_crops import FILLED, LANDMARKS


def keypoint_rays(
    camera: Camera, keypoints: np.ndarray, keypoint_set: str = "blazepose33"
) -> np.ndarray:
    """Keypoints [N, K, 3] of a set in pixels to BlazePose's landmarks [N, 33, 3] on the plane at
    z = 1; confidence 0 and zeros for what is missing or has no ray."""
    rays = camera.rays(keypoints[..., :2].astype(np.float64))
    known = np.isfinite(rays).all(-1) & (keypoints[..., 2] > 0)
    flat = np.where(known[..., None], np.nan_to_num(rays), 0)
    confidence = np.where(known, keypoints[..., 2], 0)
    marks = np.zeros((len(keypoints), LANDMARKS, 3), np.float32)
    marks[:, FILLED[keypoint_set]] = np.concatenate([flat, confidence[..., None]], -1)
    return marks


def box_rays(camera: Camera, boxes: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] (x, y, width, height in pixels) to left, top, right, bottom [N, 4] on the plane
    at z = 1, the lens's bending left aside."""
    low = boxes[:, :2]
    corners = np.concatenate([low, low + boxes[:, 2:]], 1)
    middle, focal = [camera.cx, camera.cy] * 2, [camera.fx, camera.fy] * 2
    return ((corners - middle) / focal).astype(np.float32)


def joint_std(covariance: np.ndarray) -> np.ndarray:
    """[..., 24] root mean square deviation along an axis of joint covariances [..., 24, 3, 3]."""
    mean = np.trace(covariance, axis1=-2, axis2=-1) / 3
    return np.sqrt(np.maximum(mean, 0)).astype(np.float32)


def relative_std(covariance: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """[N] deviation along the line of sight, over the distance, from covariances [N, 3, 3] of
    places [N, 3]."""
    far = np.maximum(np.linalg.norm(pelvis, axis=-1), 0.1)
    toward = pelvis / far[:, None]
    along = np.einsum("na,nab,nb->n", toward, covariance, toward)
    return (np.sqrt(np.maximum(along, 0)) / far).astype(np.float32)
