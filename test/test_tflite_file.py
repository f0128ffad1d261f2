"""The reader of TensorFlow Lite files against the schema's own classes, on BlazePose's networks."""

import numpy as np
import pytest

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="the schema's classes")

from hmr_ros.frontend.carrier import MODELS, model_path  # noqa: E402
from hmr_ros.frontend.tflite_file import (  # noqa: E402
    OPERATIONS,
    TfliteError,
    TfliteFile,
    tables,
)

# The schema's names of the options that are read.
NAMES = {
    "activation": "fusedActivationFunction",
    "align_corners": "alignCorners",
    "axis": "axis",
    "block": "blockSize",
    "dilation_h": "dilationHFactor",
    "dilation_w": "dilationWFactor",
    "filter_h": "filterHeight",
    "filter_w": "filterWidth",
    "half_pixel": "halfPixelCenters",
    "multiplier": "depthMultiplier",
    "padding": "padding",
    "stride_h": "strideH",
    "stride_w": "strideW",
}


@pytest.fixture(scope="module", params=list(MODELS))
def both(request):
    content = model_path(request.param).read_bytes()
    return TfliteFile(content), schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def test_kinds_have_their_codes():
    for code, (name, _) in OPERATIONS.items():
        assert getattr(schema.BuiltinOperator, name) == code


def test_operations_are_the_schemas(both):
    file, model = both
    graph = model.subgraphs[0]
    assert file.inputs == list(graph.inputs) and file.outputs == list(graph.outputs)
    assert len(file.operations) == len(graph.operators)
    compared = 0
    for found, expected in zip(file.operations, graph.operators, strict=True):
        code = model.operatorCodes[expected.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        assert found.kind == OPERATIONS[number][0]
        assert found.inputs == list(expected.inputs) and found.outputs == list(expected.outputs)
        for name, value in vars(found.options).items():
            assert value == getattr(expected.builtinOptions, NAMES[name]), (found.kind, name)
            compared += 1
    assert compared > 300


def test_tensors_are_the_schemas(both):
    file, model = both
    sparse = 0
    for found, expected in zip(file.tensors, model.subgraphs[0].tensors, strict=True):
        assert found.name == expected.name.decode() and found.type == expected.type
        assert found.shape == tuple(expected.shape)
        data = model.buffers[expected.buffer].data
        np.testing.assert_array_equal(found.data, [] if data is None else data)
        assert (found.sparsity is None) == (expected.sparsity is None)
        if expected.sparsity is not None:
            sparse += 1
            last = expected.sparsity.dimMetadata[-1]
            assert found.sparsity.formats == [d.format for d in expected.sparsity.dimMetadata]
            np.testing.assert_array_equal(found.sparsity.order, expected.sparsity.traversalOrder)
            np.testing.assert_array_equal(found.sparsity.starts, last.arraySegments.values)
            np.testing.assert_array_equal(found.sparsity.indices, last.arrayIndices.values)
    assert len(file.tensors) > 100 and sparse in (0, 38)


def test_a_file_that_is_something_else_or_cut_short_is_refused():
    with pytest.raises(TfliteError, match="no TensorFlow Lite file"):
        TfliteFile(b"weights of another kind")
    with pytest.raises(TfliteError, match="no TensorFlow Lite file"):
        TfliteFile(b"")
    content = model_path("pose_detection").read_bytes()
    for share in (0.0, 0.3, 0.6, 0.9):
        with pytest.raises(TfliteError, match="cut short"):
            TfliteFile(content[: max(8, int(share * len(content)))])


def test_damage_anywhere_in_its_tables_is_read_as_something_or_refused():
    content = model_path("pose_detection").read_bytes()
    file, rng, refused = TfliteFile(content), np.random.default_rng(0), 0
    places = [each.Pos for slot in (0, 3) for each in tables(file.graph, slot)]
    for place in rng.choice(places, 100):
        damaged = bytearray(content)
        at = int(place) + int(rng.integers(0, 24))
        damaged[at : at + 4] = rng.bytes(4)
        try:
            TfliteFile(bytes(damaged))
        except TfliteError:
            refused += 1
    assert refused > 20
