"""MarkerArrays with many points as serialised bytes, written by numpy.

A mesh of 13776 triangles is 41328 Point and 41328 ColorRGBA objects, and building those takes
longer than all the rest of the node. Here the middleware's own serialiser writes the message with
two points and two colours in each marker, of values that occur nowhere else; the bytes of the real
points and colours are put in their place. 24 + 16 bytes a point are a multiple of 8, so everything
after them keeps its alignment, and no knowledge of the message's other fields is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

PLACES = 2
_LENGTH = PLACES.to_bytes(4, "little")
_POINT = np.array([-6.0221407e-77, 1.6726219e-99, -2.9979246e-88], "<f8")
_COLOUR = np.array([-6.022e-22, 1.6726e-27, -2.997e-21, 9.109e-31], "<f4")
_POINTS, _COLOURS = np.tile(_POINT, PLACES).tobytes(), np.tile(_COLOUR, PLACES).tobytes()
_PLACE_POINTS = [Point(x=x, y=y, z=z) for x, y, z in [_POINT.tolist()] * PLACES]
_PLACE_COLOURS = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in [_COLOUR.tolist()] * PLACES]

Geometry = tuple[np.ndarray, np.ndarray]


def serialized(markers: MarkerArray, geometry: Sequence[Geometry | None]) -> bytes:
    """CDR bytes of ``markers`` with points and colours from arrays.

    geometry: for each marker None (its fields stay as they are), or points [P, 3] in metres and
    colours [P, 4] in [0, 1], P > 0.
    """
    wanted = [g for g in geometry if g is not None]
    for marker, arrays in zip(markers.markers, geometry, strict=True):
        if arrays is not None:
            marker.points, marker.colors = _PLACE_POINTS, _PLACE_COLOURS
    template = serialize_message(markers)
    pieces, done = [], 0
    for points, colours in wanted:
        if not 0 < len(points) == len(colours):
            raise ValueError(
                f"{len(points)} points and {len(colours)} colours: equal and > 0 needed"
            )
        count = np.uint32(len(points)).tobytes()
        at = template.index(_POINTS, done)
        end = at + len(_POINTS)
        # Each sequence is preceded by its length, without padding between.
        expected = _LENGTH + _POINTS + _LENGTH + _COLOURS
        if template[at - 4 : end + 4 + len(_COLOURS)] != expected:
            raise ValueError("this middleware serialises markers in an unknown way")
        pieces += [template[done : at - 4], count]
        pieces += [np.ascontiguousarray(points, "<f8").data.cast("B"), count]
        pieces += [np.ascontiguousarray(colours, "<f4").data.cast("B")]
        done = end + 4 + len(_COLOURS)
    return b"".join([*pieces, template[done:]])


def filled(markers: MarkerArray, geometry: Sequence[Geometry | None]) -> MarkerArray:
    """The same message from Python objects: slow, works with every middleware."""
    for marker, arrays in zip(markers.markers, geometry, strict=True):
        if arrays is not None:
            marker.points = [Point(x=x, y=y, z=z) for x, y, z in arrays[0].tolist()]
            marker.colors = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in arrays[1].tolist()]
    return markers


def layout_is_known() -> bool:
    """True if what ``serialized`` writes is read as what ``filled`` builds."""
    points, colours = np.arange(9.0).reshape(3, 3), np.full((3, 4), 0.5, np.float32)
    marker = Marker(type=Marker.TRIANGLE_LIST, ns="mesh", text="text")
    markers, geometry = MarkerArray(markers=[marker, marker]), [(points, colours)] * 2
    try:
        raw = deserialize_message(serialized(markers, geometry), MarkerArray)
    except ValueError:
        return False
    return raw == filled(markers, geometry)
