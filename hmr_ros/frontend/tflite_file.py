"""What a TensorFlow Lite file says, read in place: tensors, operations, values.

A flat buffer is tables that point at each other: a table begins with the distance back to its
vtable, which says how far from the table's beginning each field lies, by the number that the field
has in TensorFlow Lite's published schema. Here are the fields of the few tables that networks for
pictures need, and nothing is unpacked that nobody asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

IDENTIFIER = b"TFL3"
# Operations by their code in the schema: name, and of the table of its options the fields that are
# read: slot, kind (struct), and the value of a field that is left out.
CONVOLUTION = {
    "padding": (0, "b", 0),
    "stride_w": (1, "i", 0),
    "stride_h": (2, "i", 0),
    "activation": (3, "b", 0),
    "dilation_w": (4, "i", 1),
    "dilation_h": (5, "i", 1),
}
KINDS = {
    0: ("ADD", {"activation": (0, "b", 0)}),
    2: ("CONCATENATION", {"axis": (0, "i", 0), "activation": (1, "b", 0)}),
    3: ("CONV_2D", CONVOLUTION),
    4: (
        "DEPTHWISE_CONV_2D",
        {
            "padding": (0, "b", 0),
            "stride_w": (1, "i", 0),
            "stride_h": (2, "i", 0),
            "multiplier": (3, "i", 0),
            "activation": (4, "b", 0),
            "dilation_w": (5, "i", 1),
            "dilation_h": (6, "i", 1),
        },
    ),
    5: ("DEPTH_TO_SPACE", {"block": (0, "i", 0)}),
    6: ("DEQUANTIZE", {}),
    14: ("LOGISTIC", {}),
    17: (
        "MAX_POOL_2D",
        {
            "padding": (0, "b", 0),
            "stride_w": (1, "i", 0),
            "stride_h": (2, "i", 0),
            "filter_w": (3, "i", 0),
            "filter_h": (4, "i", 0),
            "activation": (5, "b", 0),
        },
    ),
    22: ("RESHAPE", {}),
    23: ("RESIZE_BILINEAR", {"align_corners": (2, "?", False), "half_pixel": (3, "?", False)}),
    34: ("PAD", {}),
    124: ("DENSIFY", {}),
}
INDICES = {1: "<i4", 2: "<u2", 3: "u1"}  # of a sparse dimension, by the kind of its vector


class TfliteError(ValueError):
    """A file that cannot be read or converted; the text names what is wrong."""


@dataclass(frozen=True)
class Table:
    """The table at ``at`` of a file's ``content``."""

    content: bytes
    at: int

    def place(self, slot: int) -> int:
        """Where the field ``slot`` lies, 0 if it is left out."""
        vtable = self.at - self._read("i", self.at)
        if 4 + 2 * slot >= self._read("H", vtable):
            return 0
        offset = self._read("H", vtable + 4 + 2 * slot)
        return self.at + offset if offset else 0

    def value(self, slot: int, kind: str, default=0):
        """A number of the struct ``kind``."""
        place = self.place(slot)
        return self._read(kind, place) if place else default

    def table(self, slot: int) -> Table | None:
        place = self.place(slot)
        return Table(self.content, place + self._read("I", place)) if place else None

    def vector(self, slot: int) -> tuple[int, int]:
        """Where the first element of a vector lies, and how many there are."""
        place = self.place(slot)
        if not place:
            return 0, 0
        start = place + self._read("I", place)
        return start + 4, self._read("I", start)

    def tables(self, slot: int) -> list[Table]:
        start, count = self.vector(slot)
        places = range(start, start + 4 * count, 4)
        return [Table(self.content, place + self._read("I", place)) for place in places]

    def values(self, slot: int, kind: str) -> np.ndarray:
        """A vector of numbers of the numpy type ``kind``, as it lies in the file."""
        start, count = self.vector(slot)
        return np.frombuffer(self.content, kind, count, start)

    def _read(self, kind: str, place: int):
        return struct.unpack_from("<" + kind, self.content, place)[0]


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
    """kind: as in ``KINDS``, or its number as text where it is not known. options: by name."""

    kind: str
    options: SimpleNamespace
    inputs: list[int]
    outputs: list[int]


class TfliteFile:
    """The first graph in a file's ``content``. Raises TfliteError if that is something else, or
    cut short."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        if content[4:8] != IDENTIFIER:
            raise TfliteError("it is no TensorFlow Lite file")
        try:
            self._model = Table(content, struct.unpack_from("<I", content)[0])
            self.graph = self._model.tables(2)[0]
            codes = [max(c.value(0, "b"), c.value(3, "i")) for c in self._model.tables(1)]
            self.operations = [_operation(o, codes) for o in self.graph.tables(3)]
            self.inputs = self.graph.values(1, "<i4").tolist()
            self.outputs = self.graph.values(2, "<i4").tolist()
            self.tensors = list(self._tensors())
        except (struct.error, IndexError, ValueError) as error:
            raise TfliteError(f"it is damaged or cut short: {error}") from error

    def _tensors(self) -> Iterator[Tensor]:
        buffers = self._model.tables(4)
        for table in self.graph.tables(0):
            yield Tensor(
                bytes(table.values(3, "u1")).decode(),
                tuple(table.values(0, "<i4").tolist()),
                table.value(1, "b"),
                buffers[table.value(2, "I")].values(0, "u1"),
                _sparsity(table.table(6)),
            )


def _operation(table: Table, codes: list[int]) -> Operation:
    code = codes[table.value(0, "I")]
    kind, fields = KINDS.get(code, (str(code), {}))
    given = table.table(4)
    options = {
        name: given.value(slot, of, default) if given else default
        for name, (slot, of, default) in fields.items()
    }
    numbers = (table.values(slot, "<i4").tolist() for slot in (1, 2))
    return Operation(kind, SimpleNamespace(**options), *numbers)


def _sparsity(table: Table | None) -> Sparsity | None:
    if table is None:
        return None
    dimensions = table.tables(2)
    starts, indices = _sparse(dimensions[-1])
    return Sparsity(
        order=table.values(0, "<i4"),
        blocks=table.vector(1)[1] > 0,
        formats=[d.value(0, "b") for d in dimensions],
        starts=starts,
        indices=indices,
    )


def _sparse(dimension: Table) -> tuple[np.ndarray, np.ndarray]:
    """Segments' starts and indices of a sparse dimension; empty for a dense one."""
    found = []
    for slot in (2, 4):
        vector = dimension.table(slot + 1)
        kind = INDICES.get(dimension.value(slot, "B"))
        found.append(vector.values(0, kind) if vector and kind else np.zeros(0, np.int64))
    return found[0], found[1]
