"""BlazePose as ONNX against the interpreter of the original files: on a photograph, in batches."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="runs the original networks")
pytest.importorskip("onnx", reason="writes ONNX files")
onnxruntime = pytest.importorskip("onnxruntime")

import cv2  # noqa: E402

from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.frontend import blazepose_export  # noqa: E402
from hmr_ros.frontend.blazepose_export import OUTPUTS, SIDES, TOLERANCE, comparable  # noqa: E402
from hmr_ros.frontend.carrier import model_path  # noqa: E402
from hmr_ros.frontend.interpreter import TfliteNetwork  # noqa: E402
from hmr_ros.frontend.tflite_file import Sparsity, TfliteError  # noqa: E402
from hmr_ros.frontend.tflite_onnx import dense  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx")
    assert main(["export", "blazepose", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("name", OUTPUTS)
def test_files_equal_the_originals_on_a_photograph_in_any_batch(folder, name):
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")
    side = SIDES[name]
    picture = cv2.resize(data.astronaut(), (side, side)).astype(np.float32) / 255
    turned = [picture, picture[:, ::-1], picture[::-1], np.roll(picture, 40, 1), 1 - picture]
    batch = np.ascontiguousarray(np.stack(turned).transpose(0, 3, 1, 2))
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"))
    found = session.run(list(OUTPUTS[name]), {"image": batch})
    original = TfliteNetwork(model_path(name), (1, side, side, 3), tuple(OUTPUTS[name].values()))
    for row in range(len(turned)):
        original.run(np.ascontiguousarray(batch[[row]].transpose(0, 2, 3, 1)))
        for number, key in enumerate(OUTPUTS[name]):
            one = found[number][[row]]
            one = one.transpose(0, 2, 3, 1) if one.ndim == 4 else one
            gap = np.abs(comparable(key, one) - comparable(key, original.output(number))).max()
            assert gap <= TOLERANCE.get(key, 1e-3), (key, row)


def test_what_describes_the_file_is_true(folder):
    for name in OUTPUTS:
        described = json.loads((folder / f"{name}.json").read_text())
        content = (folder / f"{name}.onnx").read_bytes()
        assert described["sha256"] == hashlib.sha256(content).hexdigest()
        session = onnxruntime.InferenceSession(content)
        shapes = {i.name: [i.shape, "float32"] for i in session.get_inputs()}
        assert described["inputs"] == shapes
        assert described["outputs"] == {o.name: [o.shape, "float32"] for o in session.get_outputs()}
        assert set(described["largest_difference"]) == set(OUTPUTS[name])
        assert not list(folder.glob("*.partial"))


def test_outputs_that_nobody_wants_cost_nothing(folder, tmp_path, capsys):
    command = ["export", "pose_landmark", "--out", str(tmp_path)]
    assert main([*command, "--outputs", "landmarks,heatmaps"]) == 0
    whole, part = (
        onnxruntime.InferenceSession(str(f / "pose_landmark.onnx")) for f in (folder, tmp_path)
    )
    assert [o.name for o in part.get_outputs()] == ["landmarks", "heatmaps"]
    sizes = [(f / "pose_landmark.onnx").stat().st_size for f in (folder, tmp_path)]
    assert sizes[1] < sizes[0] and len(whole.get_outputs()) == 6
    assert main([*command, "--outputs", "nonsense"]) == 2
    assert "has no output nonsense" in capsys.readouterr().err


def test_a_file_that_differs_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(blazepose_export, "differences", lambda *_: {"boxes": 0.2, "scores": 0.0})
    with pytest.raises(RuntimeError, match="differs from the original: {'boxes': 0.2}"):
        blazepose_export.export("pose_detection", tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(blazepose_export, "differences", lambda *_: {"boxes": float("nan")})
    with pytest.raises(RuntimeError, match="differs"):
        blazepose_export.export("pose_detection", tmp_path)


def test_a_file_that_gives_no_numbers_differs(folder):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(folder / "pose_detection.onnx")
    for constant in model.graph.initializer:
        if constant.data_type == onnx.TensorProto.FLOAT and len(constant.dims) == 4:  # of layers
            nothing = np.full(list(constant.dims), np.nan, np.float32)
            constant.CopyFrom(onnx.numpy_helper.from_array(nothing, constant.name))
    name = "pose_detection"
    found = blazepose_export.differences(name, model.SerializeToString(), OUTPUTS[name])
    assert np.isnan(list(found.values())).all()


def test_zeros_that_are_left_out_are_put_back():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(5, 1, 1, 7)) * (rng.random((5, 1, 1, 7)) < 0.4)
    rows = full.reshape(5, 7)
    starts = np.concatenate([[0], (rows != 0).sum(1).cumsum()])
    sparsity = Sparsity(np.arange(4), False, [0, 0, 0, 1], starts, np.nonzero(rows)[1])
    np.testing.assert_array_equal(dense(rows[rows != 0], full.shape, sparsity), full)
    sparsity = replace(sparsity, order=np.array([3, 0, 1, 2]))
    with pytest.raises(TfliteError, match="not known"):
        dense(rows[rows != 0], full.shape, sparsity)
