"""A person detector of the user's own: an ONNX file with YOLO- or RTMDet-style outputs.

Understood, with N candidates and C classes of which the first (0) is 'person':

=========  ======================================  =========================================
style      outputs                                 input
=========  ======================================  =========================================
yolov8     [1, 4 + C, N]: centre, size, classes    RGB, 0 to 1
yolov5     [1, N, 5 + C]: centre, size, object,    RGB, 0 to 1
           classes (C > 1)
end2end    [1, N, 6]: corners, score, class        RGB, 0 to 1
rtmdet     [1, N, 5]: corners, score; with         BGR, less the ImageNet mean, over its
           [1, N] integer labels                   standard deviation
=========  ======================================  =========================================

All coordinates are pixels of the network's input. A file that wants another input says so in its
own metadata: ``channels`` ('rgb' or 'bgr'), ``mean`` and ``std`` (three numbers each, for values
from 0 to 255, separated by commas).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from hmr_ros.frontend.boxes import kept
from hmr_ros.frontend.letterbox import letterboxed

PERSON = 0
OVERLAP = 0.6
FREE_SIZE = 640
BORDER = 114
IMAGENET_BGR = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
STYLES = "[1, 4+C, N], [1, N, 5+C], [1, N, 6], or [1, N, 5] with integer labels [1, N]"


class OnnxDetector:
    """The network. Raises ValueError if the file is missing, not ONNX, or of another style."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._session = opened(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = list(inputs[0].shape)
        fits = len(shape) == 4 and shape[1] == 3 and inputs[0].type == "tensor(float)"
        if len(inputs) != 1 or not fits:
            given = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
            raise ValueError(f"detector_onnx {path}: inputs are {given}; expected one float image "
                             "[1, 3, height, width]")  # fmt: skip
        self._labelled = len(outputs) == 2
        ranks = sorted(len(o.shape) for o in outputs)
        if ranks not in ([3], [2, 3]):
            given = ", ".join(f"{o.name} {o.shape}" for o in outputs)
            raise ValueError(f"detector_onnx {path}: outputs are {given}; expected {STYLES}")
        self._input = inputs[0].name
        free = [n if isinstance(n, int) and n > 0 else FREE_SIZE for n in shape[2:]]
        self._height, self._width = free
        self._channels, self._mean, self._std = wanted_input(self._session, self._labelled)

    def __call__(self, image: np.ndarray, min_score: float) -> tuple[np.ndarray, np.ndarray]:
        """People in ``image`` [H, W, 3] uint8 BGR: boxes [N, 4] (x, y, width, height) in its
        pixels and scores [N], best first.

        Raises ValueError if the network answers in a shape that is none of the known styles.
        """
        canvas, placed = letterboxed(image, self._width, self._height, BORDER)
        if self._channels == "rgb":
            canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
        values = (canvas.astype(np.float32) - self._mean) / self._std
        tensor = np.ascontiguousarray(values.transpose(2, 0, 1)[None])
        outputs = self._session.run(None, {self._input: tensor})
        try:
            boxes, scores = decoded(outputs)
        except ValueError as error:
            raise ValueError(f"detector_onnx {self._path}: {error}") from None
        sure = np.isfinite(boxes).all(1) & (scores >= min_score) & (boxes[:, 2:] > 0).all(1)
        boxes, scores = boxes[sure], scores[sure]
        best = kept(boxes, scores, OVERLAP)
        return placed.boxes(boxes[best]), scores[best].astype(np.float32)


def opened(path: str):
    """An onnxruntime session on one thread, as it works beside all others. Raises ValueError that
    names the file."""
    import onnxruntime

    if not path or not Path(path).is_file():
        raise ValueError(
            f"detector_onnx {path!r} is no file; detector 'onnx' needs an ONNX person detector"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes are private and vary by version
        raise ValueError(f"detector_onnx {path}: not a usable ONNX model: {error}") from error


def wanted_input(session, labelled: bool) -> tuple[str, np.ndarray, np.ndarray]:
    """Channel order, mean and standard deviation of the input: the style's, or the file's own."""
    own = session.get_modelmeta().custom_metadata_map
    mean, std = IMAGENET_BGR if labelled else ((0, 0, 0), (255, 255, 255))
    channels = own.get("channels", "bgr" if labelled else "rgb")
    if channels not in ("rgb", "bgr"):
        raise ValueError(f"detector_onnx metadata channels={channels!r}: expected 'rgb' or 'bgr'")
    return channels, triple(own, "mean", mean), triple(own, "std", std)


def triple(metadata: dict[str, str], key: str, default: tuple) -> np.ndarray:
    """Three numbers from the file's metadata. Raises ValueError naming the key."""
    if key not in metadata:
        return np.array(default, np.float32)
    try:
        numbers = np.array([float(v) for v in metadata[key].strip("[]() ").split(",")], np.float32)
    except ValueError:
        numbers = np.zeros(0)
    if numbers.shape != (3,) or (key == "std" and (numbers <= 0).any()):
        raise ValueError(f"detector_onnx metadata {key}={metadata[key]!r}: expected three numbers")
    return numbers


def decoded(outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Outputs to boxes [N, 4] (x, y, width, height) in input pixels and person scores [N].

    Raises ValueError for shapes of no known style.
    """
    outputs = sorted(outputs, key=lambda o: -o.ndim)
    shapes = [list(o.shape) for o in outputs]
    table = outputs[0]
    if table.ndim != 3 or table.shape[0] != 1:
        raise ValueError(f"outputs have shapes {shapes}; expected {STYLES}")
    table = table[0].astype(np.float32)
    rows, columns = table.shape
    if len(outputs) == 2:
        labels = outputs[1]
        if columns != 5 or labels.shape != (1, rows):
            raise ValueError(f"outputs have shapes {shapes}; expected [1, N, 5] and [1, N]")
        return from_corners(table[:, :4]), table[:, 4] * (labels[0] == PERSON)
    if columns == 6:
        return from_corners(table[:, :4]), table[:, 4] * (table[:, 5] == PERSON)
    if 5 <= rows < columns:
        return from_centres(table[:4].T), table[4 + PERSON]
    if columns > 6:
        return from_centres(table[:, :4]), table[:, 4] * table[:, 5 + PERSON]
    raise ValueError(f"outputs have shapes {shapes}; expected {STYLES}")


def from_corners(corners: np.ndarray) -> np.ndarray:
    """[N, 4] left, top, right, bottom to x, y, width, height."""
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], -1)


def from_centres(centres: np.ndarray) -> np.ndarray:
    """[N, 4] centre and size to x, y, width, height."""
    return np.concatenate([centres[:, :2] - centres[:, 2:] / 2, centres[:, 2:]], -1)
