"""A TensorFlow Lite file cut to the answers that are wanted, in memory.

A network learned on many photographs knows more of a picture than its last layer says, and may say
what nobody asks for: BlazePose's person mask takes two fifths of the landmark network's time. What
a run computes is decided by the file's list of outputs and by its operations, so both are rewritten
when it is loaded; the file on disk stays as it is.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

from hmr_ros.frontend.tflite_file import TfliteFile, offset, tables

Shape = tuple[int, ...]
OUTPUTS, OPERATIONS = 2, 3  # fields of a graph's table


@cache
def cut(path: Path, shapes: tuple[Shape, ...]) -> bytes:
    """The network in ``path`` with an output of each of ``shapes`` and no operation that these do
    not need: the file's own output of that shape or, without one, the last result of that shape.

    Made once a process, as every thread has a network of its own. Raises ValueError if no operation
    of the network gives such a shape, ``tflite_file.TfliteError`` for a file that cannot be read.
    """
    file = TfliteFile(path.read_bytes())
    candidates = [*(n for o in file.operations for n in o.outputs), *file.outputs]
    outputs = []
    for shape in shapes:
        fitting = [n for n in candidates if file.tensors[n].shape == shape]
        if not fitting:
            raise ValueError(f"{path}: no operation gives the shape {shape}: another network?")
        outputs.append(fitting[-1])
    return _rewritten(file, outputs, _needed(file.operations, outputs))


def _rewritten(file: TfliteFile, outputs: list[int], operations: list[int]) -> bytes:
    """The file with other lists of outputs and, by their numbers, of operations. A list points
    forward only: that of operations becomes shorter where it lies, before the operations, and that
    of outputs, which may become longer, is added at the end."""
    content = bytearray(file.content)
    graph, found = file.graph, tables(file.graph, OPERATIONS)
    start = graph.Vector(offset(graph, OPERATIONS))
    struct.pack_into("<I", content, start - 4, len(operations))
    for n, number in enumerate(operations):
        place = start + 4 * n
        struct.pack_into("<I", content, place, found[number].Pos - place)
    content += bytes(-len(content) % 4)
    place = graph.Pos + offset(graph, OUTPUTS)
    struct.pack_into("<I", content, place, len(content) - place)
    content += struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs)
    return bytes(content)


def _needed(operations: list, results: list[int]) -> list[int]:
    """Numbers of the operations, in their order, on which ``results`` rest."""
    needed, kept = set(results), []
    for number in reversed(range(len(operations))):
        if needed & set(operations[number].outputs):
            needed |= set(operations[number].inputs)
            kept.append(number)
    return kept[::-1]
