"""``Tracks`` to ``hmr_ros/SmplBodyArray``."""

from __future__ import annotations

import array
from functools import lru_cache

import numpy as np
from std_msgs.msg import Header

from hmr_ros.msg import SmplBody, SmplBodyArray
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.tracks import Tracks

# Variance of a rotation that is not estimated: one that could be anything.
UNKNOWN_ROTATION_VARIANCE = np.pi**2


class BodyArrays:
    """Writes the messages; keeps how they were laid out for as many people with the same names."""

    def __init__(self) -> None:
        self._template = lru_cache(maxsize=2)(_template)

    def draft(
        self,
        header: Header,
        tracks: Tracks,
        quaternions: np.ndarray,
        image_size: tuple[int, int],
        estimator: str,
        vertices: np.ndarray | None = None,
    ) -> Draft:
        """The message for one image of ``image_size`` (width, height).

        quaternions: [N, 24, 4] xyzw of ``tracks.bodies.rotations``. vertices: [N, V, 3] float32
        metres to be carried along, or None. ``latency_ms`` is left to the moment of publishing.
        """
        b, people = tracks.bodies, len(tracks)
        names = (header.frame_id, b.body_model, estimator, b.keypoint_set)
        keypoints = b.keypoints_2d[0].size if people else 0
        mesh = vertices[0].size if people and vertices is not None else 0
        template = self._template(*names, people, keypoints, mesh)
        values = {
            **stamp_of(header),
            "image_width": image_size[0],
            "image_height": image_size[1],
            "processing_ms": tracks.timings_ms.get("total", 0.0),
        }
        if people:
            values |= _of_bodies(tracks, quaternions, vertices)
        return Draft(template, values)


def _of_bodies(
    tracks: Tracks, quaternions: np.ndarray, vertices: np.ndarray | None
) -> dict[str, np.ndarray]:
    b = tracks.bodies
    covariance = np.zeros((len(tracks), 6, 6))
    covariance[:, :3, :3] = b.transl_cov
    covariance[:, range(3, 6), range(3, 6)] = UNKNOWN_ROTATION_VARIANCE
    values = {
        "id": tracks.ids,
        "tracking_state": tracks.states,
        "age": tracks.ages_s,
        "score": b.scores,
        "betas": b.betas,
        "rotations": quaternions,
        "joints": b.joints,
        "transl": b.transl,
        "pelvis.pose.position": b.joints[:, 0],
        "pelvis.pose.orientation": quaternions[:, 0],
        "pelvis.covariance": covariance,
        "joint_covariances": b.joint_cov,
        "joint_tails": b.joint_tails,
        "visibility": b.visibility,
        "joints_2d": b.joints_2d,
        "keypoints_2d": b.keypoints_2d,
        "box": b.boxes,
        "metric": b.metric,
    }
    if vertices is not None:
        values["vertices"] = vertices
    return {f"bodies.{field}": numbers for field, numbers in values.items()}


def _template(
    frame_id: str,
    body_model: str,
    estimator: str,
    keypoint_set: str,
    people: int,
    keypoints: int,
    vertices: int,
) -> Template:
    bodies = [
        SmplBody(
            model=body_model,
            keypoint_set=keypoint_set,
            keypoints_2d=array.array("f", bytes(4 * keypoints)),
            vertices=array.array("f", bytes(4 * vertices)),
        )
        for _ in range(people)
    ]
    header = Header(frame_id=frame_id)
    return Template(
        SmplBodyArray(header=header, bodies=bodies, model=body_model, estimator=estimator)
    )
