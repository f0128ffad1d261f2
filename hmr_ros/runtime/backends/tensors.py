"""What all backends check and make of a graph's tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmr_ros.runtime.graph_file import MEND, GraphFile, Tensor, WeightsError


def rows_of(graph: GraphFile, inputs: Mapping[str, np.ndarray], most: int) -> int:
    """Rows N of ``inputs``, which are as the manifest says and at most ``most``.

    Raises ValueError naming the input, what it is and what is expected: the fault is the caller's.
    """
    if inputs.keys() != graph.inputs.keys():
        raise ValueError(
            f"{graph.path.name} takes {', '.join(graph.inputs)}; given: {', '.join(inputs)}"
        )
    rows = len(next(iter(inputs.values())))
    if not 1 <= rows <= most:
        raise ValueError(f"{graph.path.name} takes 1 to {most} rows in one run, not {rows}")
    for name, tensor in graph.inputs.items():
        value = inputs[name]
        if value.dtype != tensor.dtype or value.shape != tensor.sized(rows):
            raise ValueError(
                f"{graph.path.name}, input {name}: {value.dtype} {list(value.shape)}, expected "
                f"{tensor.dtype} {list(tensor.sized(rows))}"
            )
    return rows


def zeros(graph: GraphFile, rows: int) -> dict[str, np.ndarray]:
    """Inputs of so many rows to warm up with."""
    return {name: np.zeros(t.sized(rows), t.dtype) for name, t in graph.inputs.items()}


def check_signature(
    graph: GraphFile, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
) -> None:
    """Raises WeightsError if what a file has, by name, is not what its manifest says."""
    for side, found, told in (
        ("inputs", inputs, graph.inputs),
        ("outputs", outputs, graph.outputs),
    ):
        if dict(found) != dict(told):
            names = sorted(n for n in {*found, *told} if found.get(n) != told.get(n))
            differences = "; ".join(
                f"{name}: {_words(found.get(name))}, not {_words(told.get(name))}" for name in names
            )
            raise WeightsError(
                f"{graph.path} has other {side} than its manifest says: {differences}; {MEND}"
            )


def _words(tensor: Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    shape = ", ".join("N" if n is None else str(n) for n in tensor.shape)
    return f"{tensor.dtype} [{shape}]"
