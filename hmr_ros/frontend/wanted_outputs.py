"""A TensorFlow Lite file cut to the answers that are wanted, in memory.

A network learned on many photographs knows more of a picture than its last layer says, and may say
what nobody asks for: BlazePose's person mask takes two fifths of the landmark network's time. What
a run computes is decided by the file's list of outputs and by its operations, so both are rewritten
when it is loaded; the file on disk stays as it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

Shape = tuple[int, ...]


@cache
def cut(path: Path, shapes: tuple[Shape, ...]) -> bytes:
    """The network in ``path`` with an output of each of ``shapes`` and no operation that these do
    not need: the file's own output of that shape or, without one, the last result of that shape.

    Made once a process, as every thread has a network of its own. Raises ValueError if no operation
    of the network gives such a shape.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    results = [int(index) for operation in graph.operators for index in operation.outputs]
    candidates = [*results, *(int(index) for index in graph.outputs)]
    outputs = []
    for shape in shapes:
        fitting = [i for i in candidates if tuple(graph.tensors[i].shape) == shape]
        if not fitting:
            raise ValueError(f"{path}: no operation gives the shape {shape}: another network?")
        outputs.append(fitting[-1])
    graph.outputs = outputs
    graph.operators = _needed(graph.operators, outputs)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _needed(operations: list, results: list[int]) -> list:
    """The operations, in their order, on which ``results`` rest."""
    needed, kept = set(results), []
    for operation in reversed(operations):
        if needed & {int(index) for index in operation.outputs}:
            needed |= {int(index) for index in operation.inputs}
            kept.append(operation)
    return kept[::-1]
