"""Camera model: pinhole with the distortion models of ``sensor_msgs/CameraInfo`` (REP-104)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hmr_ros.geometry.lens import undistorted

# Number of coefficients each distortion model may carry (sensor_msgs/distortion_models.hpp).
DISTORTION_MODELS = {
    "": (0,),
    "none": (0,),
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8, 12, 14),
    "equidistant": (0, 4),
}


class CameraError(ValueError):
    """Intrinsics that cannot be used; the text says which field and what is expected."""


@dataclass(frozen=True)
class Camera:
    """Intrinsics of one image of ``width`` x ``height`` pixels.

    fx, fy, cx, cy are in pixels, with the centre of the top left pixel at (0, 0).
    ``metric`` is False if the focal length is a guess: directions are then approximate and
    distances have no true scale.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    distortion_model: str = "none"
    metric: bool = True

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not np.isfinite(numbers).all():
            raise CameraError(f"camera_info holds a value that is not finite: {numbers}")
        if self.width < 1 or self.height < 1:
            raise CameraError(f"camera_info: size {self.width}x{self.height} is empty")
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"camera_info: focal lengths fx={self.fx}, fy={self.fy} must be > 0 "
                "(an uncalibrated driver sends zeros: calibrate it, or set default_fov)"
            )
        counts = DISTORTION_MODELS.get(self.distortion_model)
        if counts is None:
            known = ", ".join(repr(m) for m in DISTORTION_MODELS)
            raise CameraError(
                f"camera_info: distortion_model {self.distortion_model!r} is unknown; "
                f"known: {known}"
            )
        if len(self.distortion) not in counts and any(self.distortion):
            raise CameraError(
                f"camera_info: {len(self.distortion)} distortion coefficients, "
                f"{self.distortion_model} has {counts}"
            )

    @property
    def matrix(self) -> np.ndarray:
        """[3, 3] float64 K."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

    @property
    def distorted(self) -> bool:
        return any(self.distortion)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] in the optical frame (metres) to pixels [..., 2], distortion applied.

        A point on or behind the image plane has no pixel: NaN.
        """
        points = np.asarray(points)
        z = points[..., 2:]
        front = z > 1e-6
        flat = points[..., :2] / np.where(front, z, 1)
        if self.distorted:
            flat = self._distort(flat)
        pixels = flat * [self.fx, self.fy] + [self.cx, self.cy]
        return np.where(front, pixels, np.nan).astype(np.result_type(points, np.float32))

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels [..., 2] to the ideal image plane at z = 1: [..., 2], distortion removed.

        NaN where a distorted lens has no ray: beyond the place where its formula folds back.
        """
        pixels = np.asarray(pixels)
        flat = (pixels - [self.cx, self.cy]) / [self.fx, self.fy]
        if self.distorted:
            flat = self._undistort(flat)
        return flat.astype(np.result_type(pixels, np.float32))

    def scaled(self, width: int, height: int) -> Camera:
        """Intrinsics of the same view resampled to another size."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
        )

    def _distort(self, flat: np.ndarray) -> np.ndarray:
        rays = flat.reshape(-1, 1, 2).astype(np.float64)
        if not len(rays):
            return flat
        d = np.array(self.distortion)
        if self.distortion_model == "equidistant":
            out = cv2.fisheye.distortPoints(rays, np.eye(3), d)
        else:
            homogeneous = np.concatenate([rays, np.ones_like(rays[..., :1])], -1)
            out, _ = cv2.projectPoints(homogeneous, np.zeros(3), np.zeros(3), np.eye(3), d)
        return out.reshape(flat.shape)

    def _undistort(self, flat: np.ndarray) -> np.ndarray:
        out = undistorted(flat.reshape(-1, 2), self.distortion, self.distortion_model)
        return out.reshape(flat.shape)


def guessed_camera(width: int, height: int, fov_deg: float = 55.0) -> Camera:
    """A camera for images whose intrinsics nobody knows: ``fov_deg`` along the longer side."""
    focal = 0.5 * max(width, height) / np.tan(np.radians(fov_deg) / 2)
    return Camera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2, metric=False)


def camera_from_info(
    k: np.ndarray,
    d: np.ndarray,
    distortion_model: str,
    info_size: tuple[int, int],
    image_size: tuple[int, int],
    binning: tuple[int, int] = (0, 0),
    roi: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Camera:
    """Intrinsics for an image from the fields of ``sensor_msgs/CameraInfo`` (REP-104).

    k: 9 numbers for the full, unbinned sensor image of ``info_size`` (width, height).
    roi: x_offset, y_offset, width, height on the full image; zero width or height means all of it.
    binning: sub-sampling after the region of interest; 0 means 1.
    image_size: width, height of the image that arrived. If it is neither the promised size nor a
    pure scaling of it, the intrinsics cannot hold for it.

    Raises CameraError naming the field.
    """
    k = np.asarray(k, float).reshape(3, 3)
    width, height = info_size
    x, y, roi_width, roi_height = roi
    if roi_width == 0 or roi_height == 0:
        x, y, roi_width, roi_height = 0, 0, width, height
    bin_x, bin_y = max(1, binning[0]), max(1, binning[1])
    if roi_width < 1 or roi_height < 1:
        roi_width, roi_height = image_size[0] * bin_x, image_size[1] * bin_y
    full = Camera(
        roi_width,
        roi_height,
        k[0, 0],
        k[1, 1],
        k[0, 2] - x,
        k[1, 2] - y,
        tuple(float(c) for c in np.asarray(d).ravel()),
        distortion_model,
    )
    binned = full.scaled(max(1, roi_width // bin_x), max(1, roi_height // bin_y))
    if image_size == (binned.width, binned.height):
        return binned
    scale_x, scale_y = image_size[0] / binned.width, image_size[1] / binned.height
    if abs(scale_x / scale_y - 1) > 0.02:
        raise CameraError(
            f"camera_info describes {binned.width}x{binned.height} pixels, the image has "
            f"{image_size[0]}x{image_size[1]}: another shape, so not the same picture"
        )
    return binned.scaled(*image_size)
