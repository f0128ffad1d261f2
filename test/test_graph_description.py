"""Manifests of exported files: what they say is true, of made files and of the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx writes the graphs")

from test_half_precision import WIDTH, block, graph, inputs  # noqa: E402

from hmr_ros.runtime import graph_description  # noqa: E402
from hmr_ros.runtime.graph_file import Tensor, WeightsError, read_graph, verify  # noqa: E402
from hmr_ros.runtime.half_precision import in_half_precision  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
SHIPPED = sorted(WEIGHTS.glob("*.onnx"))


@pytest.fixture
def path(tmp_path):
    onnx.save(block(), tmp_path / "block.onnx")
    return tmp_path / "block.onnx"


def test_a_written_manifest_is_read_as_it_was_meant(path):
    graph_description.write_manifest(path, {"estimator": "block", "steps": 3}, inputs(4))
    found = read_graph(path, "block")
    verify(found)
    assert found.inputs == {"x": Tensor((None, WIDTH))}
    assert list(found.outputs.items()) == [
        ("deviation", Tensor((None, 3))),
        ("told", Tensor((None, WIDTH))),
    ]
    assert found.precision == "float32" and found.manifest["steps"] == 3
    assert found.manifest["graph"]["opset"] == 18
    given, answered = found.references()
    np.testing.assert_array_equal(given["x"], inputs(4)["x"])
    (deviation, told) = onnx.reference.ReferenceEvaluator(block()).run(None, given)
    np.testing.assert_allclose(answered["deviation"], deviation, rtol=1e-5)
    np.testing.assert_allclose(answered["told"], told, atol=1e-5)
    assert not list(path.parent.glob("*.partial"))


def test_other_precisions_share_facts_and_reference_answers(path):
    graph_description.write_manifest(path, {"estimator": "block"}, inputs(2))
    half = graph_description.variant_path(path, "float16")
    assert half.name == "block-float16.onnx"
    assert graph_description.variant_path(path, "float32") == path
    onnx.save(in_half_precision(block(), {"wide", "narrow"}), half)
    graph_description.write_variant_manifest(path, "float16")
    graph_description.add_facts(path, {"test": [1, 2]})
    plain, variant = read_graph(path), read_graph(half, "block")
    verify(variant)
    assert variant.precision == "float16" and variant.sha256 != plain.sha256
    assert variant.reference == plain.reference and variant.inputs == plain.inputs
    assert plain.manifest["test"] == [1, 2] and plain.manifest["graph"]["precision"] == "float32"


def test_a_second_free_axis_is_refused(tmp_path):
    shape = ("people", "length")
    model = graph([("Exp", "x", "y", {})], {}, [("y", shape)], [("x", shape)])
    onnx.save(model, tmp_path / "free.onnx")
    with pytest.raises(ValueError, match="x is .* must be free alone"):
        graph_description.described(tmp_path / "free.onnx", "float32", None)


@pytest.mark.parametrize("path", SHIPPED, ids=[p.stem for p in SHIPPED])
def test_shipped_files_answer_as_their_manifests_say(path):
    shipped = read_graph(path)
    verify(shipped)
    described = graph_description.described(path, shipped.precision, shipped.reference)
    for key in ("inputs", "outputs", "opset", "precision", "reference", "sha256"):
        assert json.dumps(described[key]) == json.dumps(shipped.manifest["graph"][key]), key
    assert described["opset"] >= 17
    assert shipped.reference.stat().st_size <= 1e6
    given, expected = shipped.references()
    assert {len(v) for v in (*given.values(), *expected.values())} == {4}
    found = graph_description.answers(path, given)
    # Processors round differently; another precision is judged by `hmr eval precision`.
    tolerance = {"float32": 2e-3}.get(shipped.precision, 0.1)
    for name, value in expected.items():
        assert value.dtype == np.float32 and np.isfinite(value).all(), name
        np.testing.assert_allclose(found[name], value, atol=tolerance, err_msg=name)


def test_reference_answers_that_do_not_fit_are_named(path):
    graph_description.write_manifest(path, {"estimator": "block"}, inputs(2))
    with np.load(graph_description.reference_path(path)) as file:
        arrays = dict(file)
    del arrays["out/told"]
    np.savez(graph_description.reference_path(path), **arrays)
    with pytest.raises(WeightsError, match="block-reference.npz cannot be used"):
        read_graph(path).references()
