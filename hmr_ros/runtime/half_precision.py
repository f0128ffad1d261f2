"""A float32 ONNX graph as a strongly typed one: every tensor's type stands in the file.

TensorRT 11 knows no other way to half precision, and TensorRT 10 keeps to the types of the file.
Only the products of the network with its weights, those of attention, and what lies between two of
them are float16. Sums of two activations (the residual stream), LayerNormalization, Softmax, the
heads, 6D orthogonalisation, kinematics, covariances, inputs and outputs stay float32. (ONNX
Runtime's own converter rounds between any two neighbours that it was told to leave alone, so that
kinematics would be float32 in name only.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np
import onnx
import onnx.checker
import onnx.helper
import onnx.numpy_helper
import onnx.shape_inference
from onnx import TensorProto

from hmr_ros.runtime.precisions import FLOAT32_PARTS

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
PRODUCTS = ("Conv", "Gemm", "MatMul")
# What may lie between two products without leaving half precision: moves of values, biases, GELU.
BETWEEN = (
    "Add",
    "Clip",
    "Concat",
    "Div",
    "Erf",
    "Expand",
    "Gather",
    "Identity",
    "MaxPool",
    "Mul",
    "Relu",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
)
# Modules that are products themselves, by the end of their class's name.
LEARNED = ("Linear", "Conv2d", "Attention")
SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def learned_products(model: onnx.ModelProto) -> set[str]:
    """Names of the nodes that may be float16, by what torch's exporter notes down of their origin:
    products inside layers with weights or attention, but none of ``FLOAT32_PARTS``."""
    found = set()
    for node in model.graph.node:
        noted = {p.key: p.value for p in node.metadata_props}
        if node.op_type not in PRODUCTS or SCOPES not in noted:
            continue
        parts = {name for scope in ast.literal_eval(noted[SCOPES]) for name in scope.split(".")}
        innermost = ast.literal_eval(noted[CLASSES])[-2]
        if innermost.endswith(LEARNED) and not parts & FLOAT32_PARTS:
            found.add(node.name)
    return found


def all_products(model: onnx.ModelProto) -> set[str]:
    """Names of all products, of a network that is nothing but layers; nodes without a name get
    one."""
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return {node.name for node in model.graph.node if node.op_type in PRODUCTS}


def in_half_precision(model: onnx.ModelProto, products: set[str]) -> onnx.ModelProto:
    """``model`` with the nodes named ``products``, and what lies between them, in float16.

    Raises ValueError for a constant beyond float16's range, ``onnx.shape_inference.InferenceError``
    or ``onnx.checker.ValidationError`` should types not agree.
    """
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    typed = _Typing(inferred.graph, products)
    nodes = [made for node in inferred.graph.node for made in typed.rewritten(node)]
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    for field in (graph.node, graph.initializer, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [c for c in typed.constants.values() if c.name in used]
    graph.initializer.extend(kept + [c for c in typed.halved.values() if c.name in used])
    out = onnx.shape_inference.infer_shapes(out, check_type=True, strict_mode=True)
    onnx.checker.check_model(out, full_check=True)
    return out


class _Typing:
    """Decides node by node, in the graph's order, and puts a Cast where types change."""

    def __init__(self, graph: onnx.GraphProto, products: set[str]) -> None:
        self.constants = {c.name: c for c in graph.initializer}
        self.halved: dict[str, TensorProto] = {}
        self._products = products
        values = [*graph.value_info, *graph.input, *graph.output]
        types = {v.name: v.type.tensor_type.elem_type for v in values}
        types |= {c.name: c.data_type for c in graph.initializer}
        self._floats = {name for name, kind in types.items() if kind == FLOAT}
        self._outputs = {v.name for v in graph.output}
        self._halves: set[str] = set()  # activations that are float16
        self._cast: dict[tuple[str, int], str] = {}

    def rewritten(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """The node with its inputs in the type it works in, after the casts that takes."""
        made = onnx.NodeProto()
        made.CopyFrom(node)
        half = self._is_half(node)
        for place, name in enumerate(node.input):
            if name not in self._floats or half == (name in self._halves):
                continue
            if name in self.constants:
                made.input[place] = self._half_constant(name)
                continue
            wanted = HALF if half else FLOAT
            key = name, wanted
            if key not in self._cast:
                self._cast[key] = f"{name}_{'half' if half else 'single'}"
                yield _cast(name, self._cast[key], wanted)
            made.input[place] = self._cast[key]
        for place, name in enumerate(node.output):
            if half and name in self._outputs:
                made.output[place] = f"{name}_half"
                self._cast[name, HALF] = made.output[place]
            elif half:
                self._halves.add(name)
        yield made
        for name in self._outputs.intersection(node.output) if half else ():
            yield _cast(f"{name}_half", name, FLOAT)

    def _is_half(self, node: onnx.NodeProto) -> bool:
        if node.name in self._products:
            return True
        floats = [name for name in node.input if name in self._floats]
        moving = [name for name in floats if name not in self.constants]
        if node.op_type not in BETWEEN or not moving or not self._halves.issuperset(moving):
            return False
        return node.op_type != "Add" or len(moving) == 1

    def _half_constant(self, name: str) -> str:
        if name not in self.halved:
            values = onnx.numpy_helper.to_array(self.constants[name])
            if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
                raise ValueError(f"constant {name} reaches beyond float16: {np.abs(values).max()}")
            half = onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
            self.halved[name] = half
        return self.halved[name].name


def _cast(name: str, to: str, kind: int) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [name], [to], f"cast_{to}", to=kind)
