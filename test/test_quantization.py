"""Networks in eight bits: what is rounded, how far, and files that can be told apart."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_graphs import write_small_graph

from hmr_ros.assets import asset
from hmr_ros.geometry.rotations import geodesic_angle
from hmr_ros.runtime.backends.backend import open_backend
from hmr_ros.runtime.graph_description import answers
from hmr_ros.runtime.graph_file import read_graph, variant_path, verify
from hmr_ros.runtime.precisions import in_precision
from hmr_ros.runtime.quantization import export_int8, quantize


def write_layers(path, rng) -> dict[str, np.ndarray]:
    """y = (x A + b) B with A kept as float16 and B in a Gemm; returns A, b and B."""
    a = rng.normal(0, 0.1, (96, 64)).astype(np.float16)
    b = rng.normal(0, 1, 80).astype(np.float32)
    second = rng.normal(0, 0.1, (64, 80)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["a_half"], ["a"], to=1),
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("Gemm", ["h", "second", "b"], ["y"]),
    ]
    shapes = {"x": ("people", 96), "y": ("people", 80)}
    values = {k: helper.make_tensor_value_info(k, TensorProto.FLOAT, s) for k, s in shapes.items()}
    constants = {"a_half": a, "second": second, "b": b}
    weights = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "layers", [values["x"]], [values["y"]], weights)
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return {"a": a.astype(np.float32), "b": b, "second": second}


def test_layers_become_integers_and_answers_stay_near(tmp_path):
    rng = np.random.default_rng(0)
    made = write_layers(tmp_path / "plain.onnx", rng)
    assert quantize(tmp_path / "plain.onnx", tmp_path / "small.onnx") == 2
    model = onnx.load(tmp_path / "small.onnx")
    assert sum(node.op_type == "MatMulInteger" for node in model.graph.node) == 2
    stored = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    matrices = [w for w in stored.values() if w.ndim == 2]
    assert {w.dtype for w in matrices} == {np.dtype(np.int8)}
    # Seven bits: pairs of products fit into 16.
    assert all(63 <= np.abs(w.astype(int)).max() <= 64 for w in matrices)
    x = rng.normal(0, 1, (5, 96)).astype(np.float32)
    expected = (x @ made["a"]) @ made["second"] + made["b"]
    found = answers(tmp_path / "small.onnx", {"x": x})["y"]
    off = np.abs(found - expected).max() / np.abs(expected - made["b"]).max()
    assert 1e-4 < off < 0.04


def test_a_graph_without_large_layers_is_refused(tmp_path):
    graph = write_small_graph(tmp_path)
    with pytest.raises(ValueError, match=r"tiny\.onnx has no layer of 4096 weights"):
        quantize(graph.path, tmp_path / "never.onnx")
    assert not (tmp_path / "never.onnx").exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The shipped lifter with its int8 variant."""
    place = tmp_path_factory.mktemp("int8")
    for name in ("lifter.onnx", "lifter.json", "lifter-reference.npz"):
        shutil.copy(asset("weights", name), place / name)
    assert export_int8(place / "lifter.onnx") == [place / "lifter-int8.onnx"]
    return place


def test_the_lifter_in_eight_bits_answers_alike(folder):
    plain = read_graph(folder / "lifter.onnx", "lifter")
    small = read_graph(variant_path(plain.path, "int8"), "lifter")
    verify(small)
    assert small.precision == "int8" and dict(small.inputs) == dict(plain.inputs)
    assert in_precision(plain, "int8").path == small.path
    # Kept in half precision before, run in single.
    assert small.path.stat().st_size < 0.57 * plain.path.stat().st_size
    inputs, expected = plain.references()
    found = answers(small.path, inputs)
    turned = np.degrees(geodesic_angle(found["rotations"], expected["rotations"]))
    assert 0 < np.median(turned) < 1 and turned.max() < 5
    assert np.abs(found["pelvis"] - expected["pelvis"]).max() < 0.2
    assert np.abs(found["visibility"] - expected["visibility"]).max() < 0.12


def test_a_backend_runs_it_and_says_its_precision(folder):
    backend = open_backend("onnxruntime", read_graph(folder / "lifter-int8.onnx"))
    inputs, _ = read_graph(folder / "lifter-int8.onnx").references()
    one = backend.run({name: value[:1] for name, value in inputs.items()})
    assert backend.precision == "int8" and one["rotations"].shape == (1, 24, 3, 3)
