"""A strongly typed graph with float16 parts as a float32 graph that rounds where float16 would.

ONNX Runtime has no float16 kernels for most operators on a CPU: it computes them in float32, and
what it leaves out of the roundings between them is its own affair. Here every float16 tensor is a
float32 one that went through float16, so each operator takes rounded values, sums in float32 and
rounds its result, as the matrix units of GPUs do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx.shape_inference
import onnxruntime

from hmr_ros.runtime.half_precision import FLOAT, HALF


def rounding(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float32 graph for a graph of ``half_precision.in_half_precision``; inputs, outputs and
    their names stay."""
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    halves = {
        value.name
        for value in inferred.graph.value_info
        if value.type.tensor_type.elem_type == HALF
    }
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    for field in (graph.node, graph.value_info):
        del field[:]
    graph.node.extend(made for node in model.graph.node for made in _rounded(node, halves))
    for constant in graph.initializer:
        if constant.data_type == HALF:
            values = onnx.numpy_helper.to_array(constant).astype(np.float32)
            constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
    return out


def open_rounding(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session of ``rounding(model)`` on one thread that leaves out nothing."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = rounding(model).SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _rounded(node: onnx.NodeProto, halves: set[str]) -> Iterator[onnx.NodeProto]:
    made = onnx.NodeProto()
    made.CopyFrom(node)
    if node.op_type == "Cast":
        # Between the two types a cast is the identity; the rounding follows.
        kinds = {a.name: a.i for a in node.attribute}
        if kinds["to"] == HALF or node.input[0] in halves:
            made = onnx.helper.make_node("Identity", node.input, node.output, node.name)
    for place, name in enumerate(node.output):
        if name in halves:
            made.output[place] = f"{name}_exact"
    yield made
    for name in halves.intersection(node.output):
        yield onnx.helper.make_node("Cast", [f"{name}_exact"], [f"{name}_bits"], to=HALF)
        yield onnx.helper.make_node("Cast", [f"{name}_bits"], [name], to=FLOAT)
