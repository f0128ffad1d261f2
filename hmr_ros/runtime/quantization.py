"""Networks with weights in eight bits, for processors: products of layers are sums of integers.

Of every layer's product with a constant matrix the matrix is stored as int8 with a scale for each
of its columns, and what comes in is rounded to uint8 by its own range in each run, so that nothing
has to be calibrated. Everything else stays in float32: normalisation, softmax, products of two
results, kinematics, and layers that read several things joined: metres, angles and confidences
share no range, and the small ones would be lost. The method is ONNX's ``DynamicQuantizeLinear`` and
``MatMulInteger``.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper

from hmr_ros.runtime.factorized import field_path
from hmr_ros.runtime.graph_description import write_variant_manifest
from hmr_ros.runtime.graph_file import variant_path
from hmr_ros.whole_file import whole_file

PRECISION = "int8"
SMALLEST = 4096  # matrices with fewer values are not worth their rounding


def export_int8(path: Path) -> list[Path]:
    """Write the int8 variants of the float32 file ``path`` of an estimator, and of the velocity
    field beside it if there is one, with their manifests. Returns what was written.

    Raises ValueError as ``quantize`` does.
    """
    sources = [source for source in (path, field_path(path)) if source.is_file()]
    for source in sources:
        quantize(source, variant_path(source, PRECISION))
        write_variant_manifest(source, PRECISION)
    return [variant_path(source, PRECISION) for source in sources]


def quantize(graph_path: Path, out_path: Path) -> int:
    """Write the float32 ONNX file ``graph_path`` with its layers in eight bits to ``out_path``.

    Weights take seven of the eight bits: without VNNI, x86 adds pairs of products in 16 bits and
    would saturate. Returns the number of layers. Raises ValueError if the graph has none.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(graph_path)
    layers = _layers(model)
    if not layers:
        raise ValueError(f"{graph_path} has no layer of {SMALLEST} weights or more to quantise")
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it advises steps that these graphs do not need
    try:
        with whole_file(out_path) as partial:
            quantize_dynamic(
                model,
                partial,
                nodes_to_quantize=layers,
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
    finally:
        log.setLevel(level)
    return len(layers)


def _layers(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that multiply what comes of one layer by a large constant matrix, which
    becomes a float32 constant where it was cast from float16."""
    graph = model.graph
    # Shapes kept by the exporter can contradict those that are inferred anew.
    del graph.value_info[:]
    constants = {constant.name: constant for constant in graph.initializer}
    cast = {n.output[0]: n for n in graph.node if n.op_type == "Cast" and n.input[0] in constants}
    joined = {node.output[0] for node in graph.node if node.op_type == "Concat"}
    layers = []
    for number, node in enumerate(list(graph.node)):
        if node.op_type not in ("MatMul", "Gemm") or node.input[0] in joined:
            continue
        weight = node.input[1]
        source = constants.get(cast[weight].input[0] if weight in cast else weight)
        if source is None or len(source.dims) != 2 or np.prod(source.dims) < SMALLEST:
            continue
        if weight in cast:
            values = onnx.numpy_helper.to_array(source).astype(np.float32)
            constants[weight] = onnx.numpy_helper.from_array(values, weight)
            graph.initializer.append(constants[weight])
            graph.node.remove(cast.pop(weight))
        node.name = node.name or f"layer_{number}"
        # The quantiser takes a Gemm apart first.
        layers.append(node.name if node.op_type == "MatMul" else f"{node.name}_MatMul")
    _drop_unread(graph)
    return layers


def _drop_unread(graph: onnx.GraphProto) -> None:
    read = {name for node in graph.node for name in node.input}
    kept = [constant for constant in graph.initializer if constant.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
