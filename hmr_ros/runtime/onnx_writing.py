"""A torch network as one ONNX file whose only dynamic axis is the batch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from hmr_ros.runtime.answers import OUTPUTS
from hmr_ros.runtime.graph_description import save
from hmr_ros.runtime.half_precision import in_half_precision, learned_products
from hmr_ros.whole_file import whole_file

OPSET = 18
# Constants with fewer values stay in single precision.
SMALLEST = 4096


def write_onnx(
    network: nn.Module,
    example: Mapping[str, Tensor],
    path: Path,
    check: Callable[[Path], float],
    outputs: Sequence[str] = OUTPUTS,
    half: Path | None = None,
    exact: bool = False,
) -> float:
    """Write ``network`` (ready for use, on the CPU), its large constants in half precision unless
    ``exact``. Returns what ``check`` says of the new file, before it takes its place; if that
    raises, what was at ``path`` stays.

    example: a batch of more than one by input name, in the order of ``forward``. half: where to
    write the same graph strongly typed for float16 arithmetic (``half_precision``); RuntimeError if
    no product of it would be one.
    """
    batch = {0: torch.export.Dim("people", min=1, max=1024)}
    # The exporter reports each optional package that is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with whole_file(path) as partial:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                tuple(example.values()),
                str(partial),
                input_names=list(example),
                output_names=list(outputs),
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=(batch,) * len(example),
                external_data=False,
                verbose=False,
                custom_translation_table=_translations(),
            )
        model = onnx.load(partial)
        products = learned_products(model)
        if half and not products:
            raise RuntimeError(
                f"{half} would be float32: no node of the graph is noted as of a layer. Is this "
                "another version of torch, or a network without layers?"
            )
        _without_origins(model)
        halved = in_half_precision(model, products) if half else None
        if not exact:
            _with_small_constants(model)
        onnx.save(model, partial)
        difference = check(partial)
    if half:
        save(halved, half)
    return difference


def _translations() -> dict[Callable, Callable]:
    """Operators of torch that the exporter writes with more nodes than they need.

    Attention: the exporter scales queries and keys apart and finds out the shape of what it
    transposes. GELU: its order of factors is none that ONNX Runtime makes one operator of. Both
    raise ValueError for variants that no network here has: they would be exported wrongly.
    """
    from onnxscript import opset18 as op

    def attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                  enable_gqa=False):  # fmt: skip
        if attn_mask is not None or is_causal or scale is not None or enable_gqa:
            raise ValueError("attention with a mask, a scale or shared keys is not translated")
        size = query.shape[3]
        scores = op.Mul(op.MatMul(query, op.Transpose(key, perm=[0, 1, 3, 2])), size**-0.5)
        return op.MatMul(op.Softmax(scores, axis=-1), value)

    def gelu(x, approximate="none"):
        if approximate != "none":
            raise ValueError(f"GELU approximated by {approximate} is not translated")
        return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, 2**0.5)), 1.0)), 0.5)

    aten = torch.ops.aten
    return {aten.scaled_dot_product_attention.default: attention, aten.gelu.default: gelu}


def _without_origins(model: onnx.ModelProto) -> None:
    """Leave out where in which source files each node came from."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]


def _with_small_constants(model: onnx.ModelProto) -> None:
    """Keep large constants that float16 holds exactly as that, cast to float32 when the file is
    loaded: half the file for a network that was rounded to half precision before."""
    casts = []
    for constant in model.graph.initializer:
        large = np.prod(constant.dims) >= SMALLEST
        if constant.data_type == onnx.TensorProto.FLOAT and large:
            values = onnx.numpy_helper.to_array(constant)
            halved = values.astype(np.float16)
            if (halved != values).any():
                continue
            name = constant.name
            constant.CopyFrom(onnx.numpy_helper.from_array(halved, f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=1))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
