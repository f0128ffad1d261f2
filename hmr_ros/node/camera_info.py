"""The camera of an image, from the latest ``sensor_msgs/CameraInfo`` or from a guess."""

from __future__ import annotations

import numpy as np

from hmr_ros.geometry.camera import Camera, CameraError, camera_from_info, guessed_camera


class CameraSource:
    """Keeps the latest camera_info and answers for images of any size.

    camera_info is not matched with the image by stamp: it changes rarely, and a synchroniser that
    waits for a pair goes dumb when one of the two is missing or the clock jumps.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.received = 0
        self._info = None
        self._answer: tuple[tuple, Camera, str] | None = None

    def update(self, info) -> None:
        self._info = info
        self.received += 1

    def forget(self) -> None:
        self._info = None

    def camera_for(
        self, width: int, height: int, frame_id: str, default_fov_deg: float
    ) -> tuple[Camera, str]:
        """Intrinsics for an image of this size, and what is wrong with them ('' if nothing is).

        Without a usable camera_info: ``default_fov_deg`` along the longer side and
        ``metric = False``.
        """
        info = self._info
        key = (_fields(info), width, height, frame_id, default_fov_deg)
        if self._answer is None or self._answer[0] != key:
            self._answer = (key, *self._converted(info, width, height, frame_id, default_fov_deg))
        return self._answer[1], self._answer[2]

    def _converted(
        self, info, width: int, height: int, frame_id: str, default_fov_deg: float
    ) -> tuple[Camera, str]:
        guess = guessed_camera(width, height, default_fov_deg)
        consequence = (
            f"; a field of view of {default_fov_deg:g} deg is assumed and distances are not metric"
        )
        if info is None:
            return guess, (
                f"no message on {self.topic} yet: remap 'camera_info' to the camera's" + consequence
            )
        try:
            camera = camera_from_info(
                info.k,
                info.d,
                info.distortion_model,
                (info.width, info.height),
                (width, height),
                (info.binning_x, info.binning_y),
                (info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height),
            )
        except CameraError as error:
            return guess, f"{self.topic}: {error}{consequence}"
        if info.header.frame_id != frame_id:
            return camera, (
                f"{self.topic} has frame_id {info.header.frame_id!r}, the image {frame_id!r}: are "
                "they of the same camera? The image's frame is used"
            )
        return camera, ""


def _fields(info) -> tuple | None:
    """Everything that the intrinsics depend on, to compare."""
    if info is None:
        return None
    roi = info.roi
    return (
        np.asarray(info.k).tobytes(),
        np.asarray(info.d).tobytes(),
        info.distortion_model,
        (info.width, info.height, info.binning_x, info.binning_y),
        (roi.x_offset, roi.y_offset, roi.width, roi.height),
        info.header.frame_id,
    )
