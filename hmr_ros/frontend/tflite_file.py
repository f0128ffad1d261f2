"""What a TensorFlow Lite file says, read in place: tensors, operations, values.

The fields of the few tables that networks for pictures need, by the numbers that they have in
TensorFlow Lite's published schema; nothing is unpacked that nobody asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from flatbuffers import number_types as kinds
from flatbuffers.table import Table

IDENTIFIER = b"TFL3"
WINDOW, DILATION = ("padding", "stride_w", "stride_h"), ("dilation_w", "dilation_h")
# Operations by their code in the schema: name, and the fields of the table of its options in order,
# None for one that is not read.
OPERATIONS = {
    0: ("ADD", ("activation",)),
    2: ("CONCATENATION", ("axis", "activation")),
    3: ("CONV_2D", (*WINDOW, "activation", *DILATION)),
    4: ("DEPTHWISE_CONV_2D", (*WINDOW, "multiplier", "activation", *DILATION)),
    5: ("DEPTH_TO_SPACE", ("block",)),
    6: ("DEQUANTIZE", ()),
    14: ("LOGISTIC", ()),
    17: ("MAX_POOL_2D", (*WINDOW, "filter_w", "filter_h", "activation")),
    22: ("RESHAPE", ()),
    23: ("RESIZE_BILINEAR", (None, None, "align_corners", "half_pixel")),
    34: ("PAD", ()),
    124: ("DENSIFY", ()),
}
# Types and defaults of those options that are not int32 and 0.
TYPES = {
    "padding": kinds.Int8Flags,
    "activation": kinds.Int8Flags,
    "align_corners": kinds.BoolFlags,
    "half_pixel": kinds.BoolFlags,
}
DEFAULTS = dict.fromkeys(DILATION, 1)
# Of the indices of a sparse dimension, by the kind of their vector.
INDICES = {1: kinds.Int32Flags, 2: kinds.Uint16Flags, 3: kinds.Uint8Flags}


class TfliteError(ValueError):
    """A file that cannot be read or converted; the text names what is wrong."""


@dataclass(frozen=True)
class Sparsity:
    """How zeros are left out. order: of the axes; blocks: whether they are cut into blocks;
    formats: [axes], 0 dense and 1 sparse; of the last axis, where it is sparse, the segments'
    starts and the indices."""

    order: np.ndarray
    blocks: bool
    formats: list[int]
    starts: np.ndarray
    indices: np.ndarray


@dataclass(frozen=True)
class Tensor:
    """type: the schema's number. data: [bytes] uint8 of a constant, else empty."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: np.ndarray
    sparsity: Sparsity | None


@dataclass(frozen=True)
class Operation:
    """kind: as in ``OPERATIONS``, or its number as text where it is not known. options: by name."""

    kind: str
    options: SimpleNamespace
    inputs: list[int]
    outputs: list[int]


class TfliteFile:
    """The first graph in a file's ``content``; ``graph`` is its table. Raises TfliteError if it is
    something else, or cut short."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        if content[4:8] != IDENTIFIER:
            raise TfliteError("it is no TensorFlow Lite file")
        try:
            self._model = Table(content, struct.unpack_from("<I", content)[0])
            self.graph = tables(self._model, 2)[0]
            codes = [
                max(number(c, 0, kinds.Int8Flags), number(c, 3, kinds.Int32Flags))
                for c in tables(self._model, 1)
            ]
            self.operations = [_operation(o, codes) for o in tables(self.graph, 3)]
            self.inputs = numbers(self.graph, 1).tolist()
            self.outputs = numbers(self.graph, 2).tolist()
            self.tensors = list(self._tensors())
        except (struct.error, IndexError, TypeError, ValueError) as error:
            raise TfliteError(f"it is damaged or cut short: {error}") from error

    def _tensors(self) -> Iterator[Tensor]:
        buffers = tables(self._model, 4)
        for each in tables(self.graph, 0):
            yield Tensor(
                numbers(each, 3, kinds.Uint8Flags).tobytes().decode(),
                tuple(numbers(each, 0).tolist()),
                number(each, 1, kinds.Int8Flags),
                numbers(buffers[number(each, 2, kinds.Uint32Flags)], 0, kinds.Uint8Flags),
                _sparsity(each),
            )


def offset(of: Table, slot: int) -> int:
    """Of the field ``slot`` from the table's beginning, 0 if it is left out."""
    return of.Offset(4 + 2 * slot)


def number(of: Table, slot: int, kind, default: int = 0):
    """A field that is a number of ``kind`` (``flatbuffers.number_types``)."""
    return of.GetSlot(4 + 2 * slot, default, kind)


def numbers(of: Table, slot: int, kind=kinds.Int32Flags) -> np.ndarray:
    """A field that is a vector of numbers, as it lies in the file; empty if it is left out."""
    at = offset(of, slot)
    return of.GetVectorAsNumpy(kind, at) if at else np.zeros(0, kinds.to_numpy_type(kind))


def table(of: Table, slot: int) -> Table | None:
    """A field that is a table."""
    at = offset(of, slot)
    return Table(of.Bytes, of.Indirect(of.Pos + at)) if at else None


def tables(of: Table, slot: int) -> list[Table]:
    """A field that is a vector of tables."""
    at = offset(of, slot)
    if not at:
        return []
    start, count = of.Vector(at), of.VectorLen(at)
    return [Table(of.Bytes, of.Indirect(start + 4 * n)) for n in range(count)]


def _operation(of: Table, codes: list[int]) -> Operation:
    code = codes[number(of, 0, kinds.Uint32Flags)]
    name, fields = OPERATIONS.get(code, (str(code), ()))
    given, options = table(of, 4), {}
    for slot, field in enumerate(fields):
        if field is not None:
            default, kind = DEFAULTS.get(field, 0), TYPES.get(field, kinds.Int32Flags)
            options[field] = number(given, slot, kind, default) if given else default
    inputs, outputs = (numbers(of, slot).tolist() for slot in (1, 2))
    return Operation(name, SimpleNamespace(**options), inputs, outputs)


def _sparsity(tensor: Table) -> Sparsity | None:
    found = table(tensor, 6)
    if found is None:
        return None
    dimensions = tables(found, 2)
    return Sparsity(
        order=numbers(found, 0),
        blocks=len(numbers(found, 1)) > 0,
        formats=[number(d, 0, kinds.Int8Flags) for d in dimensions],
        starts=_indices(dimensions[-1], 2),
        indices=_indices(dimensions[-1], 4),
    )


def _indices(dimension: Table, slot: int) -> np.ndarray:
    """Of a sparse dimension the vector in the union at ``slot``; empty for a dense one."""
    kind = INDICES.get(number(dimension, slot, kinds.Uint8Flags))
    values = table(dimension, slot + 1)
    return numbers(values, 0, kind) if kind and values else np.zeros(0, np.int32)
