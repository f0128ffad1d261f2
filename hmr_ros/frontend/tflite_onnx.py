"""A TensorFlow Lite graph as ONNX, so that BlazePose runs where ONNX and TensorRT do.

TensorFlow Lite keeps channels last, ONNX first: pictures and maps are turned at no cost by turning
the weights, and only where a map is flattened is it really transposed. The batch is free. Weights
stored in half precision or sparsely become dense and single.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hmr_ros.frontend.tflite_file import Sparsity, Tensor, TfliteError, TfliteFile

OPSET = 18
TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
DENSE, SPARSE = 0, 1


@dataclass
class Graph:
    """What is read and what is made. tensors: of the file; constants: their values by number;
    nodes, weights: of the ONNX graph."""

    tensors: list[Tensor]
    constants: dict[int, np.ndarray]
    nodes: list = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def shape(self, number: int) -> tuple[int, ...]:
        return self.tensors[number].shape

    def add(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights[name] = np.ascontiguousarray(value)
        return name

    def activated(self, name: str, output: str, activation: int) -> None:
        """``output`` from ``name`` by one of the activations that TensorFlow Lite fuses."""
        if activation == 0:
            self.nodes[-1].output[0] = output
        elif activation == 1:
            self.add("Relu", [name], output)
        elif activation == 3:
            low, high = (self.weight(f"relu6_{n}", np.float32(n)) for n in (0, 6))
            self.add("Clip", [name, low, high], output)
        else:
            raise TfliteError(f"{output}: activation {activation} is not known")


def converted(content: bytes, names: dict[tuple[int, ...], str]) -> onnx.ModelProto:
    """The network of a ``.tflite`` file's ``content`` with the input ``image`` [N, 3, H, W].

    names: of the outputs by their shapes in the file. Maps come out channels first.

    Raises TfliteError for an operation or an output that is not known, and as ``TfliteFile``.
    """
    source = TfliteFile(content)
    graph = Graph(source.tensors, _constants(source.tensors))
    for operation in source.operations:
        if operation.kind not in OPERATIONS:
            raise TfliteError(f"operation {operation.kind} is not known: another network?")
        convert = OPERATIONS[operation.kind]
        convert(graph, operation.options, operation.inputs, operation.outputs[0])
    (entry,) = source.inputs
    outputs = {}
    for number in source.outputs:
        shape = graph.shape(number)
        if shape not in names:
            raise TfliteError(f"an output of shape {shape} has no name")
        graph.add("Identity", [_name(number)], names[shape])
        outputs[names[shape]] = _onnx_shape(shape)
    image = helper.make_tensor_value_info(
        _name(entry), TensorProto.FLOAT, _onnx_shape(graph.shape(entry))
    )
    made = helper.make_graph(
        _used(graph.nodes, set(outputs)),
        "blazepose",
        [image],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
    )
    read = {name for node in made.node for name in node.input}
    made.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in graph.weights.items()
        if name in read
    )  # fmt: skip
    result = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
    result.ir_version = 9
    for node in result.graph.node:
        node.input[:] = ["image" if n == _name(entry) else n for n in node.input]
    result.graph.input[0].name = "image"
    onnx.checker.check_model(result)
    return result


def _name(number: int) -> str:
    return f"t{number}"


def _onnx_shape(shape: tuple[int, ...]) -> list:
    """Free batch; maps channels first."""
    return ["people", shape[3], shape[1], shape[2]] if len(shape) == 4 else ["people", *shape[1:]]


def _used(nodes: list, wanted: set[str]) -> list:
    """The nodes, in their order, on which outputs rest."""
    kept, wanted = [], set(wanted)
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _constants(tensors: list[Tensor]) -> dict[int, np.ndarray]:
    """Values of the tensors that the file holds, dense."""
    found = {}
    for number, tensor in enumerate(tensors):
        if not len(tensor.data):
            continue
        if tensor.type not in TYPES:
            raise TfliteError(f"tensor {number} holds numbers of type {tensor.type}")
        values = np.frombuffer(tensor.data.tobytes(), TYPES[tensor.type])
        if tensor.sparsity is not None:
            values = dense(values, tensor.shape, tensor.sparsity, number)
        found[number] = values.reshape(tensor.shape)
    return found


def dense(
    values: np.ndarray, shape: tuple[int, ...], sparsity: Sparsity, number: int = 0
) -> np.ndarray:
    """Values stored row by row of the last axis, only those that are not zero, as an array.

    Raises TfliteError for any other way of leaving out zeros.
    """
    in_order = sparsity.order.tolist() == list(range(len(shape)))
    if sparsity.formats != [DENSE] * (len(shape) - 1) + [SPARSE] or not in_order or sparsity.blocks:
        raise TfliteError(f"tensor {number} leaves out zeros in a way that is not known")
    out = np.zeros((len(sparsity.starts) - 1, shape[-1]), values.dtype)
    rows = np.repeat(np.arange(len(out)), np.diff(sparsity.starts.astype(np.int64)))
    out[rows, sparsity.indices] = values
    return out.reshape(shape)


def _as_constant(graph: Graph, options, inputs: list[int], output: int) -> None:
    """DEQUANTIZE and DENSIFY of what the file holds."""
    if inputs[0] not in graph.constants:
        raise TfliteError(f"t{output} converts what is computed, which is not known")
    value = graph.constants[inputs[0]]
    graph.constants[output] = value.astype(np.float32) if value.dtype == np.float16 else value


def _convolution(graph: Graph, options, inputs: list[int], output: int) -> None:
    kernel, bias = (graph.constants[n].astype(np.float32) for n in inputs[1:])
    depthwise = hasattr(options, "multiplier")
    # [out, h, w, in], or [1, h, w, out] with one input for each output.
    kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
    if depthwise and options.multiplier != 1:
        raise TfliteError(f"t{output} has several outputs a channel")
    if options.dilation_h != 1 or options.dilation_w != 1:
        raise TfliteError(f"t{output} is dilated")
    strides = [options.stride_h, options.stride_w]
    weights = [
        graph.weight(f"kernel{output}", kernel),
        graph.weight(f"bias{output}", bias),
    ]
    made = graph.add(
        "Conv",
        [_name(inputs[0]), *weights],
        f"raw{output}",
        kernel_shape=kernel.shape[2:],
        strides=strides,
        pads=_pads(graph.shape(inputs[0]), kernel.shape[2:], strides, options.padding),
        group=len(kernel) if depthwise else 1,
    )
    graph.activated(made, _name(output), options.activation)


def _pads(shape: tuple, kernel: tuple, strides: list[int], padding: int) -> list[int]:
    """Top, left, bottom, right. padding 0 is SAME: what is odd goes to the end; 1 is VALID."""
    if padding == 1:
        return [0, 0, 0, 0]
    total = [
        max((-(-side // stride) - 1) * stride + k - side, 0)
        for side, k, stride in zip(shape[1:3], kernel, strides, strict=True)
    ]
    first = [n // 2 for n in total]
    return [*first, *(n - f for n, f in zip(total, first, strict=True))]


def _add(graph: Graph, options, inputs: list[int], output: int) -> None:
    made = graph.add("Add", [_name(n) for n in inputs], f"raw{output}")
    graph.activated(made, _name(output), options.activation)


def _pad(graph: Graph, options, inputs: list[int], output: int) -> None:
    (_, _), top, left, channels = graph.constants[inputs[1]].tolist()
    pads = [0, channels[0], top[0], left[0], 0, channels[1], top[1], left[1]]
    weight = graph.weight(f"pads{output}", np.array(pads, np.int64))
    graph.add("Pad", [_name(inputs[0]), weight], _name(output))


def _pool(graph: Graph, options, inputs: list[int], output: int) -> None:
    kernel, strides = (
        (options.filter_h, options.filter_w),
        [options.stride_h, options.stride_w],
    )
    pads = _pads(graph.shape(inputs[0]), kernel, strides, options.padding)
    made = graph.add(
        "MaxPool",
        [_name(inputs[0])],
        f"raw{output}",
        kernel_shape=kernel,
        strides=strides,
        pads=pads,
    )
    graph.activated(made, _name(output), options.activation)


def _resize(graph: Graph, options, inputs: list[int], output: int) -> None:
    if options.align_corners or not options.half_pixel:
        raise TfliteError(f"t{output} is resized in a way that is not known")
    before, after = graph.shape(inputs[0]), graph.shape(output)
    scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
    graph.add(
        "Resize",
        [_name(inputs[0]), "", graph.weight(f"scales{output}", scales)],
        _name(output),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def _reshape(graph: Graph, options, inputs: list[int], output: int) -> None:
    name, before = _name(inputs[0]), graph.shape(inputs[0])
    if len(graph.shape(output)) == 4:
        raise TfliteError(f"t{output} folds something into a map")
    if len(before) == 4 and before[1:3] != (1, 1):
        name = graph.add("Transpose", [name], f"last{output}", perm=[0, 2, 3, 1])
    shape = np.array([0, *graph.shape(output)[1:]], np.int64)  # 0: the batch as it is
    graph.add("Reshape", [name, graph.weight(f"shape{output}", shape)], _name(output))


def _join(graph: Graph, options, inputs: list[int], output: int) -> None:
    axis = options.axis
    if len(graph.shape(output)) == 4:
        axis = (0, 2, 3, 1)[axis]
    made = graph.add("Concat", [_name(n) for n in inputs], f"raw{output}", axis=axis)
    graph.activated(made, _name(output), options.activation)


def _depth_to_space(graph: Graph, options, inputs: list[int], output: int) -> None:
    graph.add(
        "DepthToSpace",
        [_name(inputs[0])],
        _name(output),
        blocksize=options.block,
        mode="DCR",
    )


def _logistic(graph: Graph, options, inputs: list[int], output: int) -> None:
    graph.add("Sigmoid", [_name(inputs[0])], _name(output))


# Reads one operation and adds its nodes.
Reader = Callable[[Graph, object, list[int], int], None]
OPERATIONS: dict[str, Reader] = {
    "ADD": _add,
    "CONCATENATION": _join,
    "CONV_2D": _convolution,
    "DENSIFY": _as_constant,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEPTH_TO_SPACE": _depth_to_space,
    "DEQUANTIZE": _as_constant,
    "LOGISTIC": _logistic,
    "MAX_POOL_2D": _pool,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
}
