"""A TensorFlow Lite file that also answers with what it computes on the way.

A network learned on many photographs knows more of a picture than its last layer says. Only what a
file names as an output survives a run, so the file's list of outputs is made longer in memory; the
file on disk stays as it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

Shape = tuple[int, ...]


@cache
def with_inner(path: Path, shapes: tuple[Shape, ...]) -> bytes:
    """The network in ``path`` with the last result of each of ``shapes`` as a further output.

    Made once a process, as every thread has a network of its own. Raises ValueError if no operation
    of the network gives such a shape.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    results = [index for operation in graph.operators for index in operation.outputs]
    outputs = [int(index) for index in graph.outputs]
    for shape in shapes:
        fitting = [i for i in results if tuple(graph.tensors[i].shape) == shape]
        if not fitting:
            raise ValueError(f"{path}: no operation gives the shape {shape}: another network?")
        if fitting[-1] not in outputs:
            outputs.append(int(fitting[-1]))
    graph.outputs = outputs
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
