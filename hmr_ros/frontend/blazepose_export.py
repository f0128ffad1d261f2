"""BlazePose's two networks as ONNX files, compared with the interpreter of the original ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hmr_ros.frontend import landmarks, pose_detection
from hmr_ros.frontend.carrier import MODELS, model_path
from hmr_ros.frontend.interpreter import TfliteNetwork
from hmr_ros.frontend.wanted_outputs import cut
from hmr_ros.whole_file import whole_file

ANCHORS = pose_detection.ANCHORS
# Outputs by name, as the original file has them, and the largest difference that is allowed.
OUTPUTS = {
    "pose_detection": {"boxes": (1, ANCHORS, 12), "scores": (1, ANCHORS, 1)},
    "pose_landmark": {
        "landmarks": landmarks.OUTPUTS[0],
        "flag": landmarks.OUTPUTS[1],
        "heatmaps": landmarks.OUTPUTS[2],
        "mask": landmarks.FURTHER["masks"],
        "world": landmarks.FURTHER["world"],
        "features": landmarks.FURTHER["features"],
    },
}
SIDES = {"pose_detection": pose_detection.SIZE, "pose_landmark": landmarks.SIZE}
RANGES = {"pose_detection": "RGB, -1 to 1", "pose_landmark": "RGB, 0 to 1"}
DESCRIBED = {
    "boxes": "face box and four points, in pixels of the input, relative to the anchor",
    "scores": "logits",
    "landmarks": "39 x (x, y in pixels of the input, z, logits of visibility and presence)",
    "flag": "probability of a person",
    "heatmaps": "logits",
    "mask": "logits",
    "world": "39 x 3 metres",
    "features": "0 to 6",
}
# Pixels of the input, metres, or probabilities; of logits where both sides are sure nothing counts.
TOLERANCE = {"landmarks": 0.05, "boxes": 0.05, "world": 1e-3, "features": 1e-2, "mask": 1e-2}
PROBABILITY = 1e-3  # of everything else; the mask of a plain grey picture is on the edge
LOGITS = {"scores", "heatmaps", "mask"}
OWN_LOGITS = (3, 4)  # of each landmark: visibility and presence


def export(name: str, out: Path, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """Write ``NAME.onnx``, and ``NAME.json`` that describes it, into the folder ``out``.

    wanted: outputs to keep, all without any; what only others need is left out. Returns the largest
    difference to the interpreter by output on ``references``.

    Raises ValueError for a name that is not known, RuntimeError if a difference is too large (then
    nothing is written) and FileNotFoundError if the original is missing.
    """
    import onnx

    from hmr_ros.frontend.tflite_onnx import converted

    if name not in OUTPUTS:
        raise ValueError(f"{name!r} is not one of {', '.join(MODELS)}")
    unknown = set(wanted) - set(OUTPUTS[name])
    if unknown:
        raise ValueError(
            f"{name} has no output {', '.join(sorted(unknown))}, only {', '.join(OUTPUTS[name])}"
        )
    outputs = {k: v for k, v in OUTPUTS[name].items() if not wanted or k in wanted}
    source = model_path(name)
    model = converted(cut(source, tuple(outputs.values())), {v: k for k, v in outputs.items()})
    found = differences(name, model.SerializeToString(), outputs)
    wrong = {k: d for k, d in found.items() if not d <= TOLERANCE.get(k, PROBABILITY)}
    if wrong:
        raise RuntimeError(f"{name} as ONNX differs from the original: {wrong}")
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{name}.onnx"
    with whole_file(file) as partial:
        onnx.save(model, partial)
    described = {
        "network": name,
        "source": {"file": source.name, "sha256": _sha256(source)},
        "sha256": _sha256(file),
        "inputs": {"image": [["people", 3, SIDES[name], SIDES[name]], "float32"]},
        "normalisation": RANGES[name],
        "outputs": {
            o.name: [[d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim], "float32"]
            for o in model.graph.output
        },
        "meaning": {k: DESCRIBED[k] for k in outputs},
        "largest_difference": found,
    }
    file.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n")
    return found


def differences(name: str, content: bytes, outputs: dict[str, tuple]) -> dict[str, float]:
    """Largest difference of an ONNX file's ``content`` to the interpreter, by output: of logits as
    probabilities, everything else in its own unit."""
    import onnxruntime

    side = SIDES[name]
    shape = (1, side, side, 3)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    original = TfliteNetwork(model_path(name), shape, tuple(outputs.values()))
    largest = dict.fromkeys(outputs, 0.0)
    for image in references(side):
        original.run(image)
        answers = session.run(list(outputs), {"image": image.transpose(0, 3, 1, 2).copy()})
        for number, (key, found) in enumerate(zip(outputs, answers, strict=True)):
            found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
            gap = np.abs(comparable(key, found) - comparable(key, original.output(number)))
            largest[key] = float(np.maximum(largest[key], gap.max()))  # NaN if there is one
    return largest


def references(side: int) -> Iterator[np.ndarray]:
    """Pictures [1, side, side, 3] of 0 to 1 that are compared: plain grey, and soft blots. (Noise
    as sharp as pixels drives the networks to values in which single precision shows.)"""
    yield np.full((1, side, side, 3), 0.5, np.float32)
    rng = np.random.default_rng(0)
    for cells in (4, 8, 16):
        blots = rng.random((cells, cells, 3), np.float32)
        yield np.clip(cv2.resize(blots, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)[None]


def comparable(key: str, values: np.ndarray) -> np.ndarray:
    """Values in units in which differences count alike."""
    if key in LOGITS:
        return landmarks.sigmoid(values)
    if key == "landmarks":
        points = values.reshape(-1, 39, 5).copy()
        points[..., OWN_LOGITS] = landmarks.sigmoid(points[..., OWN_LOGITS])
        return points
    return values


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
