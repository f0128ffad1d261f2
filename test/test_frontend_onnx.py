"""Person detectors of the user's own: tiny ONNX files of every style, and files that do not fit."""

import numpy as np
import pytest

from hmr_ros.frontend.onnx_detector import OnnxDetector, decoded

onnx = pytest.importorskip("onnx", reason="the test builds its own ONNX files")
pytest.importorskip("onnxruntime", reason="runs the ONNX files")

# In the network's input of 64 x 32 pixels: a person, the same again but less sure, and a chair.
CORNERS = np.array([[10, 4, 20, 28], [11, 4, 21, 28], [40, 10, 60, 30]], np.float32)
SCORES = np.array([0.9, 0.7, 0.8], np.float32)
CLASSES = np.array([0, 0, 56])


def centres():
    return np.concatenate(
        [(CORNERS[:, :2] + CORNERS[:, 2:]) / 2, CORNERS[:, 2:] - CORNERS[:, :2]], 1
    )


def class_scores():
    return SCORES[:, None] * (CLASSES[:, None] == np.arange(80))


def outputs_of(style):
    if style == "yolov8":
        filler = np.zeros((84, 100), np.float32)
        filler[:, :3] = np.concatenate([centres(), class_scores()], 1).T
        return [filler[None]]
    if style == "yolov5":
        objectness = np.full((3, 1), 0.5)
        classes = class_scores() * 2
        return [np.concatenate([centres(), objectness, classes], 1)[None].astype(np.float32)]
    if style == "end2end":
        return [np.column_stack([CORNERS, SCORES, CLASSES])[None].astype(np.float32)]
    dets = np.column_stack([CORNERS, SCORES])[None].astype(np.float32)
    return [dets, CLASSES[None].astype(np.int64)]


def written(path, outputs, shape=(1, 3, 32, 64), metadata=None):
    """A model that answers ``outputs`` whatever it sees."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, infos, initial = [], [], []
    for k, value in enumerate(outputs):
        initial.append(numpy_helper.from_array(np.ascontiguousarray(value), f"const{k}"))
        nodes.append(helper.make_node("Identity", [f"const{k}"], [f"out{k}"]))
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        infos.append(helper.make_tensor_value_info(f"out{k}", kind, value.shape))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "detector", [image], infos, initial)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return str(path)


@pytest.mark.parametrize("style", ["yolov8", "yolov5", "end2end", "rtmdet"])
def test_every_style_gives_the_person_in_image_pixels(tmp_path, style):
    detector = OnnxDetector(written(tmp_path / "d.onnx", outputs_of(style)))
    # 320 x 80 fits 64 x 32 at a fifth, 8 rows below the top.
    boxes, scores = detector(np.zeros((80, 320, 3), np.uint8), 0.5)
    assert scores == pytest.approx([0.9])
    assert boxes[0] == pytest.approx([50, -20, 50, 120], abs=1e-3)


@pytest.mark.parametrize("style", ["yolov8", "rtmdet"])
def test_nobody_above_the_threshold(tmp_path, style):
    detector = OnnxDetector(written(tmp_path / "d.onnx", outputs_of(style)))
    boxes, scores = detector(np.zeros((80, 320, 3), np.uint8), 0.95)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def echoing(path, metadata):
    """Answers the first pixel's three channels as the first three box columns."""
    from onnx import TensorProto, helper, numpy_helper

    ints = {"start": [0, 0, 0, 0], "end": [1, 3, 1, 1], "shape": [1, 1, 3]}
    initial = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in ints.items()]
    tail = np.array([[[99, 1, 0]]], np.float32)
    initial.append(numpy_helper.from_array(tail, "tail"))
    nodes = [
        helper.make_node("Slice", ["images", "start", "end"], ["pixel"]),
        helper.make_node("Reshape", ["pixel", "shape"], ["three"]),
        helper.make_node("Concat", ["three", "tail"], ["out"], axis=2),
    ]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 8, 8))
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 1, 6))
    graph = helper.make_graph(nodes, "echo", [image], [out], initial)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return str(path)


def test_input_is_what_the_style_or_the_metadata_wants(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    image[:] = (10, 20, 51)  # blue, green, red
    boxes, _ = OnnxDetector(echoing(tmp_path / "a.onnx", {}))(image, 0.5)
    # left = red / 255, top = green / 255, right = blue / 255: no width, so nobody.
    assert len(boxes) == 0
    metadata = {"channels": "bgr", "mean": "9, 10, 1", "std": "1,2,5"}
    boxes, _ = OnnxDetector(echoing(tmp_path / "b.onnx", metadata))(image, 0.5)
    assert boxes[0] == pytest.approx([1, 5, 9, 94])


def test_missing_or_broken_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="detector_onnx '' is no file"):
        OnnxDetector("")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="broken.onnx: not a usable ONNX model"):
        OnnxDetector(str(broken))


def test_models_of_another_kind_are_refused(tmp_path):
    vector = [np.zeros((1, 1000), np.float32)]
    with pytest.raises(ValueError, match=r"outputs are out0 \[1, 1000\]; expected"):
        OnnxDetector(written(tmp_path / "classifier.onnx", vector))
    with pytest.raises(ValueError, match=r"inputs are images .*expected one float image"):
        OnnxDetector(written(tmp_path / "grey.onnx", outputs_of("yolov8"), (1, 1, 32, 64)))
    with pytest.raises(ValueError, match="metadata std='1,0,1'"):
        OnnxDetector(
            written(tmp_path / "std.onnx", outputs_of("yolov8"), metadata={"std": "1,0,1"})
        )
    heatmaps = [np.zeros((1, 4, 4), np.float32)]
    detector = OnnxDetector(written(tmp_path / "narrow.onnx", heatmaps))
    with pytest.raises(ValueError, match=r"narrow.onnx: outputs have shapes \[\[1, 4, 4\]\]"):
        detector(np.zeros((8, 8, 3), np.uint8), 0.5)


def test_labels_must_match_the_boxes():
    with pytest.raises(ValueError, match=r"expected \[1, N, 5\] and \[1, N\]"):
        decoded([np.zeros((1, 7, 5)), np.zeros((1, 6), np.int64)])
