"""Messages of many numbers as serialised bytes, written by numpy.

A body is a few hundred numbers in some sixty Python objects, and a mesh is twenty thousand of them:
to make those and to have them converted takes longer than all that is computed for them. Here a
message with the right texts and lengths is laid out once; for each image numpy puts the image's
numbers in their places, and the middleware is given the bytes.

The layout is that of CDR (OMG DDS-XTypes 1.3, section 7.4, encoding version 1, little endian),
which ROS 2 speaks between machines of any kind. A number is aligned to its own size, counted from
behind the four bytes that name the encoding; texts and sequences are preceded by their length; a
message in a message adds nothing. ``layout_is_known`` asks the middleware whether it reads that.
"""

from __future__ import annotations

import array
import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import deserialize_message
from rosidl_parser.definition import (
    AbstractNestedType,
    AbstractSequence,
    AbstractString,
    NamespacedType,
)
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

_ENCODING = b"\x00\x01\x00\x00"
_TEXT = "S1"  # the type of a text's bytes
_END = np.zeros(1, _TEXT)
_DTYPES = {
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
}


class Template:
    """The layout of one message, whose numbers can be replaced, and its texts by others as long.

    A field is named by its path: ``"bodies.joints"`` are those of all bodies, one after the other.
    """

    def __init__(self, message) -> None:
        """Raises ValueError for a field of another type than numbers, texts and messages."""
        self._message = message
        self._bytes = bytearray(_ENCODING)
        self._spans: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        self._places: dict[str, tuple[np.ndarray, slice | np.ndarray]] = {}
        for piece in _pieces(message):
            if piece.numbers.size == 0:
                continue  # nothing, not even the space that would align it
            size = piece.numbers.itemsize
            self._bytes.extend(bytes((len(_ENCODING) - len(self._bytes)) % size))
            first = (len(self._bytes) - len(_ENCODING)) // size
            self._bytes.extend(piece.numbers.tobytes())
            if piece.path:
                span = (piece.numbers.dtype.str, first, first + piece.numbers.size)
                self._spans[piece.path].append(span)

    def serialized(self, values: Mapping[str, Any]) -> bytes:
        """The message's bytes with ``values`` by field.

        values: numbers in the order of the message, of any shape, or one for all; or a list with
        an array, or with a text as bytes, for each field of that path that is not empty. What is
        left out stays as it was given last. Raises KeyError for a field that the message lacks or
        has empty, ValueError for a wrong count.
        """
        for path, given in values.items():
            numbers, place = self._places.get(path) or self._find(path)
            if isinstance(given, list):
                for (_, first, end), one in zip(self._spans[path], given, strict=True):
                    numbers[first:end] = _flat(one)
            else:
                numbers[place] = _flat(given)
        return bytes(self._bytes)

    def filled(self, values: Mapping[str, Any]) -> Any:
        """The message itself with ``values``: slow, but every middleware takes it."""
        message = copy.deepcopy(self._message)
        pieces = defaultdict(list)
        for piece in _pieces(message):
            if piece.path and piece.numbers.size:
                pieces[piece.path].append(piece)
        for path, given in values.items():
            counts = [piece.numbers.size for piece in pieces[path]]
            if not isinstance(given, list):
                given = np.split(np.broadcast_to(_flat(given), sum(counts)), np.cumsum(counts)[:-1])
            for piece, one in zip(pieces[path], given, strict=True):
                piece.replace(_flat(one).astype(piece.numbers.dtype))
        return message

    def _find(self, path: str) -> tuple[np.ndarray, slice | np.ndarray]:
        if path not in self._spans:
            raise KeyError(f"{type(self._message).__name__}: nothing in the field {path!r}")
        spans = self._spans[path]
        dtype = np.dtype(spans[0][0])
        count = (len(self._bytes) - len(_ENCODING)) // dtype.itemsize
        numbers = np.frombuffer(self._bytes, dtype, count, len(_ENCODING))
        if len(spans) == 1:
            place = slice(*spans[0][1:])
        else:
            place = np.concatenate([np.arange(first, end) for _, first, end in spans])
        self._places[path] = numbers, place
        return numbers, place


class Draft(NamedTuple):
    """A message that is about to be published, as ``Template`` has it."""

    template: Template
    values: dict[str, Any]

    def serialized(self) -> bytes:
        """Its bytes."""
        return self.template.serialized(self.values)

    def message(self) -> Any:
        """As a Python object."""
        return self.template.filled(self.values)


def stamp_of(header: Header, path: str = "header") -> dict[str, int]:
    """Values for a ``Template``: the stamp of all headers of that path."""
    return {f"{path}.stamp.sec": header.stamp.sec, f"{path}.stamp.nanosec": header.stamp.nanosec}


def layout_is_known() -> bool:
    """True if the middleware reads what ``serialized`` writes as what ``filled`` builds."""
    # Texts and sequences of several lengths: each moves what follows it.
    sizes = range(5)
    markers = [
        Marker(ns="n" * n, points=[Point()] * n, colors=[ColorRGBA()] * n, text="t" * (n // 2))
        for n in sizes
    ]
    values = {
        **{f"markers.{field}": 1 + np.arange(n) for field, n in _NUMBERED.items()},
        "markers.frame_locked": np.arange(5) % 2,
        "markers.text": [b"a", b"b", b"cd"],
    }
    draft = Draft(Template(MarkerArray(markers=markers)), values)
    try:
        return deserialize_message(draft.serialized(), MarkerArray) == draft.message()
    except Exception:  # of another type in every middleware
        return False


# Fields of five markers, which together have ten points and colours, and how many numbers they are.
_NUMBERED = {"header.stamp.sec": 5, "id": 5, "pose.position": 15, "points": 30, "colors": 40}


class _Piece(NamedTuple):
    """What stands in one place: a number, the bytes of a text, or several numbers of one type.

    path: of the field; empty for a length. owner, field: whose it is. columns: names of the numbers
    if the field holds messages of numbers alone (Point, ColorRGBA, ...), else None.
    """

    path: str
    owner: Any
    field: str
    columns: tuple[str, ...] | None
    numbers: np.ndarray

    def replace(self, numbers: np.ndarray) -> None:
        """Give the owner as many other numbers."""
        value = getattr(self.owner, self.field)
        if self.columns is not None:
            rows = numbers.reshape(-1, len(self.columns)).tolist()
            kind = type(value[0] if isinstance(value, list) else value)
            messages = [kind(**dict(zip(self.columns, row, strict=True))) for row in rows]
            value = messages if isinstance(value, list) else messages[0]
        elif isinstance(value, str):
            value = numbers.tobytes().decode()
        elif isinstance(value, np.ndarray):
            value = numbers.copy()
        elif isinstance(value, array.array):
            value = array.array(value.typecode, numbers.tobytes())
        else:
            value = numbers[0].item()
        setattr(self.owner, self.field, value)


def _pieces(message: Any, path: str = "") -> Iterator[_Piece]:
    """All of a message in the order of its bytes."""
    for slot in _slots(type(message)):
        field, here = slot.field, path + slot.field
        value = getattr(message, field)
        if slot.counted:
            yield _length(len(value))
        if slot.is_text:
            text = value.encode()
            yield _length(len(text) + 1)
            yield _Piece(here, message, field, None, np.frombuffer(text, _TEXT))
            yield _Piece("", message, field, None, _END)
        elif slot.dtype is not None:
            yield _Piece(here, message, field, None, np.array(value, slot.dtype, ndmin=1))
        else:
            messages = value if slot.several else (value,)
            columns, dtype = _columns(type(messages[0])) if messages else (None, "")
            if columns is not None:
                yield _Piece(here, message, field, columns, _table(messages, columns, dtype))
            else:
                for one in messages:
                    yield from _pieces(one, f"{here}.")


def _length(count: int) -> _Piece:
    return _Piece("", None, "", None, np.array([count], "<u4"))


def _table(messages: Sequence, columns: tuple[str, ...], dtype: str) -> np.ndarray:
    """The numbers of messages of one kind, flat."""
    first = messages[0]
    if len(messages) > 1 and all(one is first for one in messages):
        # The points of a mesh that is laid out are one object many times: it is read once.
        return np.tile(_table([first], columns, dtype), len(messages))
    return np.array([getattr(one, field) for one in messages for field in columns], dtype)


class _Slot(NamedTuple):
    """A field of a message's type: numbers of ``dtype``, a text, or else messages."""

    field: str
    dtype: str | None
    is_text: bool
    several: bool
    counted: bool


@cache
def _slots(kind: type) -> tuple[_Slot, ...]:
    """Raises ValueError for a field that is none of the three."""
    slots = []
    for field, type_ in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True):
        several = isinstance(type_, AbstractNestedType)
        element = type_.value_type if several else type_
        dtype = _DTYPES.get(getattr(element, "typename", ""))
        is_text = isinstance(element, AbstractString) and not several
        if dtype is None and not is_text and not isinstance(element, NamespacedType):
            raise ValueError(f"{kind.__name__}.{field}: neither numbers, a text nor messages")
        slots.append(_Slot(field, dtype, is_text, several, isinstance(type_, AbstractSequence)))
    return tuple(slots)


@cache
def _columns(kind: type) -> tuple[tuple[str, ...] | None, str]:
    """The fields of a message that holds nothing but numbers of one type, and that type."""
    slots = _slots(kind)
    dtypes = {None if slot.several else slot.dtype for slot in slots}
    if len(dtypes) == 1 and None not in dtypes:
        return tuple(slot.field for slot in slots), dtypes.pop()
    return None, ""


def _flat(given: Any) -> np.ndarray:
    return np.frombuffer(given, _TEXT) if isinstance(given, bytes) else np.ravel(given)
