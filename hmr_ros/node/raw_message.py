"""Messages of many numbers as serialised bytes, written by numpy.

A body is a few hundred numbers in some sixty Python objects, and a mesh is twenty thousand of them:
to make those and to have them converted takes longer than all that is computed for them. Here a
message with the right texts and lengths is laid out once; for each image numpy puts the image's
numbers in their places, and the middleware is given the bytes.

``layout_is_known`` asks the middleware whether it reads them.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import deserialize_message
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.node.cdr import ENCODING, TEXT, pieces_of


class Template:
    """The layout of one message, whose numbers can be replaced, and its texts by others as long.

    A field is named by its path: ``"bodies.joints"`` are those of all bodies, one after the other.
    """

    def __init__(self, message) -> None:
        """Raises ValueError for a field of another type than numbers, texts and messages."""
        self._message = message
        self._bytes = bytearray(ENCODING)
        self._spans: dict[str, list[tuple[np.dtype, int, int]]] = defaultdict(list)
        self._places: dict[str, tuple[np.ndarray, slice | np.ndarray]] = {}
        at = 0
        for piece in pieces_of(message):
            padding = -at % piece.dtype.itemsize
            first = (at + padding) // piece.dtype.itemsize
            self._bytes += bytes(padding) + piece.data
            at += padding + len(piece.data)
            if piece.path:
                self._spans[piece.path].append((piece.dtype, first, first + piece.count))

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
        for piece in pieces_of(message):
            pieces[piece.path].append(piece)
        for path, given in values.items():
            counts = [piece.count for piece in pieces[path]]
            if not isinstance(given, list):
                given = np.split(np.broadcast_to(_flat(given), sum(counts)), np.cumsum(counts)[:-1])
            for piece, one in zip(pieces[path], given, strict=True):
                numbers = np.broadcast_to(_flat(one), piece.count)
                piece.replace(numbers.astype(piece.dtype))
        return message

    def _find(self, path: str) -> tuple[np.ndarray, slice | np.ndarray]:
        if path not in self._spans:
            raise KeyError(f"{type(self._message).__name__}: nothing in the field {path!r}")
        spans = self._spans[path]
        dtype = spans[0][0]
        count = (len(self._bytes) - len(ENCODING)) // dtype.itemsize
        numbers = np.frombuffer(self._bytes, dtype, count, len(ENCODING))
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


def _flat(given: Any) -> np.ndarray:
    return np.frombuffer(given, TEXT) if isinstance(given, bytes) else np.ravel(given)
