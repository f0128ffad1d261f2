"""MediaPipe's pose landmarks as an answer about SMPL's limb joints."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from hmr_ros.evaluation.peers.environment import python_of
from hmr_ros.evaluation.peers.process import PeerProcess
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.evaluation.synocc.answers import Answer, no_answer, placed
from hmr_ros.frame import Frame
from hmr_ros.geometry.rotations import matrix_from_axis_angle

# Landmark of each joint of ``LIMB`` (hips, knees, ankles, shoulders, elbows, wrists).
LANDMARKS = (23, 24, 25, 26, 27, 28, 11, 12, 13, 14, 15, 16)
# Side of the square that is cut out, in units of the box's longer side. Of 1.25 to 2.5 the one
# with the peer's best PCK over all levels: less context loses people, more shows it others.
MARGIN = 1.5
LEAST = 256  # pixels: smaller cut-outs are enlarged, as a photo of one person would be larger


class Mediapipe:
    """Pose world landmarks of the published package, in its own environment.

    A given box is cut out with a margin and shown as a picture of its own, which is what the
    solution is made for (it reports one person a picture). World landmarks are metres about the
    middle of the hips with axes parallel to the image's; they are turned from the direction of
    the cut-out's middle to the camera's axis, without which people beside the axis would be
    counted as turned. Raises PeerError if the environment was not made.
    """

    name = "mediapipe"

    def __init__(self) -> None:
        script = Path(__file__).with_name("mediapipe_worker.py")
        self._process = PeerProcess(python_of("mediapipe"), script)
        self._process.start()

    @property
    def version(self) -> str:
        return self._process.version

    @property
    def deaths(self) -> int:
        """Images at which the peer's process died."""
        return self._process.deaths

    def close(self) -> None:
        self._process.close()

    def given(self, frame: Frame, boxes: np.ndarray) -> Answer:
        """One row a box [N, 4] x, y, width, height; ``found`` where the package reports a pose."""
        rows = [self._look(frame, *cut_out(frame.image, box)) for box in boxes]
        seen = [n for n, row in enumerate(rows) if row is not None]
        if not seen:
            return no_answer(len(boxes))
        return placed(_answer([rows[n] for n in seen]), np.array(seen), len(boxes))

    def detected(self, frame: Frame) -> Answer:
        """The one person that the package reports in the whole picture, if any."""
        row = self._look(frame, frame.image, np.zeros(2), 1.0)
        return no_answer(0) if row is None else _answer([row])

    def _look(self, frame: Frame, image: np.ndarray, corner: np.ndarray, scale: float):
        said = self._process.ask(image[..., ::-1])
        if said is None or said["world"] is None:
            return None
        height, width = image.shape[:2]
        world = np.array(said["world"], float)[list(LANDMARKS), :3]
        flat = np.array(said["image"], float)[list(LANDMARKS), :2]
        # Fractions count from the left border of the first pixel; ours from its centre.
        pixels = (flat * [width, height]) / scale + corner - 0.5
        middle = np.array([width, height]) / 2 / scale + corner - 0.5
        return world @ towards(frame.camera.rays(middle)).T, pixels


def towards(ray: np.ndarray) -> np.ndarray:
    """[3, 3] smallest rotation from the camera's axis to the ray (x, y) on the plane at z = 1."""
    direction = np.array([ray[0], ray[1], 1.0]) / np.linalg.norm([ray[0], ray[1], 1.0])
    axis = np.cross([0.0, 0.0, 1.0], direction)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return matrix_from_axis_angle(axis / sine * np.arctan2(sine, direction[2]))


def cut_out(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Square around a box, black outside the image; its corner in pixels, and its enlargement.

    A pixel p of the cut-out is ``(p + 0.5) / enlargement + corner - 0.5`` in the image.
    """
    x, y, w, h = np.asarray(box, float)
    side = max(2, int(round(MARGIN * max(w, h))))
    left, top = int(round(x + w / 2 - side / 2)), int(round(y + h / 2 - side / 2))
    height, width = image.shape[:2]
    square = np.zeros((side, side, 3), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x1 > x0 and y1 > y0:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    scale = 1.0
    if side < LEAST:
        square = cv2.resize(square, (LEAST, LEAST), interpolation=cv2.INTER_LINEAR)
        scale = LEAST / side
    return square, np.array([left, top], float), scale


def _answer(rows: list[tuple[np.ndarray, np.ndarray]]) -> Answer:
    empty = no_answer(len(rows))
    for n, (world, pixels) in enumerate(rows):
        empty.joints[n, list(LIMB)] = world
        empty.joints_2d[n, list(LIMB)] = pixels
    everybody = np.ones(len(rows), bool)
    return empty.replace(found=everybody, answered=everybody)
