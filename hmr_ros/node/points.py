"""Points on the people's surfaces as ``sensor_msgs/PointCloud2``, for planners."""

from __future__ import annotations

import array
from functools import lru_cache

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from hmr_ros.body.model import BodyModel
from hmr_ros.node.level_of_detail import spread_vertices
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.node.surface import Surface
from hmr_ros.occupancy import inflated
from hmr_ros.tracks import Tracks

# The layout of one point. body_id is the lower 32 bits of the id.
POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("body_id", "<u4"), ("confidence", "<f4")]
)
_KINDS = {"<f4": PointField.FLOAT32, "<u4": PointField.UINT32}


class PointClouds:
    """Writes one cloud for all people, in the camera's optical frame, metres."""

    def __init__(self, body: BodyModel, points_per_body: int) -> None:
        self.vertex_ids = spread_vertices(body.v_template, points_per_body)
        self._parts = body.part_id[self.vertex_ids]
        self._template = lru_cache(maxsize=2)(_template)

    def draft(self, header: Header, tracks: Tracks, surface: Surface, level: float = 0.0) -> Draft:
        """level: probability with which the flesh lies within the points
        (``hmr_ros.occupancy.inflated``); 0: they are on the surface."""
        places = surface.at(self.vertex_ids)
        if level > 0:
            places = inflated(places, self._parts, tracks.bodies, level)
        points = np.empty(places.shape[:2], POINT)
        for axis, name in enumerate("xyz"):
            points[name] = places[..., axis]
        points["body_id"] = (tracks.ids & 0xFFFFFFFF)[:, None]
        points["confidence"] = surface.confidence(self._parts)
        values = stamp_of(header)
        if points.size:
            values["data"] = points.ravel().view(np.uint8)
        return Draft(self._template(header.frame_id, points.size), values)


def _template(frame_id: str, points: int) -> Template:
    return Template(
        PointCloud2(
            header=Header(frame_id=frame_id),
            height=1,
            width=points,
            fields=[
                PointField(
                    name=name,
                    offset=POINT.fields[name][1],
                    datatype=_KINDS[POINT[name].str],
                    count=1,
                )
                for name in POINT.names
            ],
            is_bigendian=False,
            point_step=POINT.itemsize,
            row_step=POINT.itemsize * points,
            data=array.array("B", bytes(POINT.itemsize * points)),
            is_dense=True,
        )
    )
