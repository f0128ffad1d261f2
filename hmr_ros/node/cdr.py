"""The bytes of a ROS message and what each of them stands for.

They are CDR (OMG DDS-XTypes 1.3, section 7.4, encoding version 1, little endian), which ROS 2
speaks between machines of any kind. A number is aligned to its own size, counted from behind the
four bytes that name the encoding; texts and sequences are preceded by their length; a message in a
message adds nothing.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractSequence,
    AbstractString,
    NamespacedType,
)

ENCODING = b"\x00\x01\x00\x00"
TEXT, _LENGTH = np.dtype("S1"), np.dtype("<u4")
_DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "boolean": "?",
        "int8": "i1",
        "uint8": "u1",
        "int16": "<i2",
        "uint16": "<u2",
        "int32": "<i4",
        "uint32": "<u4",
        "int64": "<i8",
        "uint64": "<u8",
        "float": "<f4",
        "double": "<f8",
    }.items()
}


class Piece(NamedTuple):
    """What stands in one place: numbers, a text, or the length of what follows.

    path: of the field; empty if nobody could replace it. count: of the numbers, or of the bytes of
    the text. message, slot: whose it is.
    """

    path: str
    dtype: np.dtype
    data: bytes
    count: int = 1
    message: Any = None
    slot: Slot | None = None

    def replace(self, numbers: np.ndarray) -> None:
        """Give the message as many other numbers."""
        above, _, field = self.slot.path.rpartition(".")
        owner = attrgetter(above)(self.message) if above else self.message
        value = getattr(owner, field)
        if self.slot.columns:
            rows = numbers.reshape(-1, len(self.slot.columns)).tolist()
            kind = type(value[0] if self.slot.several else value)
            value = [kind(**dict(zip(self.slot.columns, row, strict=True))) for row in rows]
            value = value if self.slot.several else value[0]
        elif isinstance(value, str):
            value = numbers.tobytes().decode()
        elif isinstance(value, array.array):
            value = array.array(value.typecode, numbers.tobytes())
        else:
            value = numbers.copy() if self.slot.several else numbers[0].item()
        setattr(owner, field, value)


def pieces_of(message: Any, path: str = "") -> Iterator[Piece]:
    """All of a message in the order of its bytes. What is empty takes no place, nor aligns any."""
    for slot in _slots(type(message)):
        value, here, dtype = slot.get(message), path + slot.path, slot.dtype
        if dtype is TEXT:
            value = value.encode() + b"\0"
        if slot.counted:
            yield Piece("", _LENGTH, len(value).to_bytes(4, "little"))
        if dtype is None:
            for one in value:
                yield from pieces_of(one, f"{here}.")
        elif dtype is TEXT:
            count = len(value) - 1
            yield Piece(here if count else "", dtype, value, count, message, slot)
        elif data := _data(value, slot):
            yield Piece(here, dtype, data, len(data) // dtype.itemsize, message, slot)


class Slot(NamedTuple):
    """A field of a type of message, or of a message in it: numbers, a text, or several messages.

    get: reads it. dtype: None for messages that are more than a row of numbers of one type.
    columns: what the numbers of such a row are called (Point, ColorRGBA, ...), else None.
    several: an array or a sequence. counted: its length precedes it.
    """

    path: str
    get: Callable
    dtype: np.dtype | None
    columns: tuple[str, ...] | None = None
    several: bool = False
    counted: bool = False


@cache
def _slots(kind: type) -> tuple[Slot, ...]:
    """Raises ValueError for a field that is neither."""
    slots = []
    for field, type_ in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True):
        several, counted = (isinstance(type_, t) for t in (AbstractNestedType, AbstractSequence))
        element, get = type_.value_type if several else type_, attrgetter(field)
        if getattr(element, "typename", None) in _DTYPES:
            slots.append(Slot(field, get, _DTYPES[element.typename], None, several, counted))
        elif isinstance(element, AbstractString) and not several:
            slots.append(Slot(field, get, TEXT, counted=True))
        elif isinstance(element, NamespacedType):
            within = _slots(getattr(import_module(".".join(element.namespaces)), element.name))
            dtypes = {None if slot.several or slot.columns else slot.dtype for slot in within}
            if len(dtypes) == 1 and dtypes.isdisjoint((None, TEXT)):
                columns = tuple(slot.path for slot in within)
                slots.append(Slot(field, get, dtypes.pop(), columns, several, counted))
            elif several:
                slots.append(Slot(field, get, None, None, several, counted))
            else:
                paths = [f"{field}.{slot.path}" for slot in within]
                slots += [
                    slot._replace(path=path, get=attrgetter(path))
                    for path, slot in zip(paths, within, strict=True)
                ]
        else:
            raise ValueError(f"{kind.__name__}.{field}: neither numbers, a text nor messages")
    return tuple(slots)


def _data(value: Any, slot: Slot) -> bytes:
    if slot.columns:
        rows = value if slot.several else (value,)
        if len(rows) > 1 and rows.count(rows[0]) == len(rows):
            # The points of a mesh that is laid out are one object many times: it is read once.
            return _data(rows[:1], slot) * len(rows)
        value = [getattr(row, column) for row in rows for column in slot.columns]
    return np.array(value, slot.dtype).tobytes()
