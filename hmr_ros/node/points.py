"""Points on the people's surfaces as ``sensor_msgs/PointCloud2``, for planners."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from hmr_ros.node.surface import Surface
from hmr_ros.occupancy import inflated
from hmr_ros.tracks import Tracks

# The layout of one point. body_id is the lower 32 bits of the id.
POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("body_id", "<u4"), ("confidence", "<f4")]
)
_KINDS = {"<f4": PointField.FLOAT32, "<u4": PointField.UINT32}


def point_cloud(
    header: Header, tracks: Tracks, surface: Surface, chosen: np.ndarray, level: float = 0.0
) -> PointCloud2:
    """One cloud for all people, in the camera's optical frame, metres.

    chosen: vertex ids [P] that stand for a body. level: probability with which the flesh lies
    within the points (``hmr_ros.occupancy.inflated``); 0: they are on the surface.
    """
    places = surface.vertices[:, chosen]
    if level > 0:
        places = inflated(places, surface.parts[chosen], tracks.bodies, level)
    points = np.empty((len(tracks), len(chosen)), POINT)
    for axis, name in enumerate("xyz"):
        points[name] = places[..., axis]
    points["body_id"] = (tracks.ids & 0xFFFFFFFF)[:, None]
    points["confidence"] = surface.confidence[:, chosen]
    return PointCloud2(
        header=header,
        height=1,
        width=points.size,
        fields=[
            PointField(
                name=name, offset=POINT.fields[name][1], datatype=_KINDS[POINT[name].str], count=1
            )
            for name in POINT.names
        ],
        is_bigendian=False,
        point_step=POINT.itemsize,
        row_step=POINT.itemsize * points.size,
        data=array.array("B", points.tobytes()),
        is_dense=True,
    )
