"""Strongly typed graphs: which operators are float16, that types agree, that rounding is real."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx writes the graphs")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from hmr_ros.runtime.half_precision import all_products, in_half_precision  # noqa: E402
from hmr_ros.runtime.half_rounding import open_rounding, rounding  # noqa: E402

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
WIDTH = 8


def graph(nodes, constants, outputs, inputs=(("x", ("people", WIDTH)),)):
    """nodes: (operator, inputs, output, attributes)."""
    made = [helper.make_node(op, i.split(), [o], name=o, **a) for op, i, o, a in nodes]
    values = [
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in side]
        for side in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(np.float32(v), k) for k, v in constants.items()]
    model = helper.make_model(
        helper.make_graph(made, "network", *values, weights),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def block():
    """A normalised residual layer with GELU, attention's softmax, and a head: as the networks."""
    rng = np.random.default_rng(0)
    constants = {
        name: rng.normal(0, 0.4, shape)
        for name, shape in {
            "gain": WIDTH, "shift": WIDTH, "w1": (WIDTH, 16), "b1": 16,
            "w2": (16, WIDTH), "b2": WIDTH, "head": (WIDTH, 3),
        }.items()
    }  # fmt: skip
    constants |= {"root": np.sqrt(2), "one": 1.0, "part": 0.5}
    nodes = [
        ("LayerNormalization", "x gain shift", "normed", {}),
        ("MatMul", "normed w1", "wide", {}),
        ("Add", "wide b1", "biased", {}),
        ("Div", "biased root", "divided", {}),
        ("Erf", "divided", "erf", {}),
        ("Add", "erf one", "lifted", {}),
        ("Mul", "biased lifted", "gated", {}),
        ("Mul", "gated part", "gelu", {}),
        ("MatMul", "gelu w2", "narrow", {}),
        ("Add", "narrow b2", "told", {}),
        ("Add", "x told", "residual", {}),
        ("Softmax", "residual", "shares", {}),
        ("MatMul", "shares head", "logs", {}),
        ("Exp", "logs", "deviation", {}),
    ]
    outputs = [("deviation", ("people", 3)), ("told", ("people", WIDTH))]
    return graph(nodes, constants, outputs)


def types(model):
    """Element type of every activation by name."""
    values = [*model.graph.value_info, *model.graph.input, *model.graph.output]
    return {value.name: value.type.tensor_type.elem_type for value in values}


def inputs(people=4):
    return {"x": np.random.default_rng(1).standard_normal((people, WIDTH), np.float32)}


def test_products_and_what_lies_between_are_half_and_all_else_is_not():
    halved = in_half_precision(block(), {"wide", "narrow"})
    found = types(halved)
    for name in ("wide", "biased", "divided", "erf", "lifted", "gated", "gelu", "narrow"):
        assert found[name] == HALF, name
    for name in ("x", "normed", "residual", "shares", "logs", "deviation", "told"):
        assert found[name] == FLOAT, name
    constants = {c.name: c.data_type for c in halved.graph.initializer}
    assert {n for n, kind in constants.items() if kind == HALF} == {
        f"{n}_half" for n in ("w1", "b1", "root", "one", "part", "w2", "b2")
    }
    assert {n for n, kind in constants.items() if kind == FLOAT} == {"gain", "shift", "head"}
    # One rounding on the way in, one back at each place that needs it: no value goes to and fro.
    assert sum(node.op_type == "Cast" for node in halved.graph.node) == 2


def test_inputs_and_outputs_keep_names_order_and_type():
    plain, halved = block(), in_half_precision(block(), {"wide", "narrow"})
    for side in ("input", "output"):
        assert list(getattr(plain.graph, side)) == list(getattr(halved.graph, side))


def test_rounding_is_that_of_numpys_float16():
    halved = in_half_precision(block(), {"wide", "narrow"})
    given = inputs(64)
    plain = ReferenceEvaluator(block()).run(None, given)
    true = ReferenceEvaluator(halved).run(None, given)
    found = open_rounding(halved).run(None, given)
    for exact, expected, ours in zip(plain, true, found, strict=True):
        lost = np.abs(expected - exact).mean()
        assert np.abs(ours - expected).mean() < 0.35 * lost  # erf is not to the last bit the same
        assert np.abs(ours - exact).mean() == pytest.approx(lost, rel=0.35)
    told = found[1]
    np.testing.assert_array_equal(told, told.astype(np.float16).astype(np.float32))


def test_a_value_between_two_operators_is_rounded():
    """2048 + 1 has no place in float16: what is lost there must not come back."""
    nodes = [
        ("MatMul", "x same", "copy", {}),
        ("Add", "copy one", "more", {}),
        ("Sub", "more many", "left", {}),
    ]
    constants = {"same": np.eye(WIDTH), "one": 1.0, "many": 2048.0}
    model = graph(nodes, constants, [("left", ("people", WIDTH))])
    given = {"x": np.full((2, WIDTH), 2048, np.float32)}
    (exact,) = ReferenceEvaluator(model).run(None, given)
    (found,) = open_rounding(in_half_precision(model, {"copy"})).run(None, given)
    assert (exact == 1).all() and (found == 0).all()


def test_a_network_without_products_stays_as_it_is():
    model = in_half_precision(block(), set())
    assert HALF not in types(model).values()
    assert not any(node.op_type == "Cast" for node in model.graph.node)
    given = inputs()
    for a, b in zip(
        ReferenceEvaluator(model).run(None, given),
        ReferenceEvaluator(rounding(model)).run(None, given),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_all_products_are_named():
    model = block()
    for node in model.graph.node:
        node.name = ""
    names = all_products(model)
    assert names == {"MatMul_1", "MatMul_8", "MatMul_12"}
    assert types(in_half_precision(model, names))["shares"] == FLOAT


def test_constants_beyond_half_precision_are_refused():
    model = block()
    for constant in model.graph.initializer:
        if constant.name == "b1":
            huge = np.full(16, 1e5, np.float32)
            constant.CopyFrom(numpy_helper.from_array(huge, "b1"))
    with pytest.raises(ValueError, match="constant b1 reaches beyond float16"):
        in_half_precision(model, {"wide", "narrow"})
