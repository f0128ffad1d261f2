"""Everything the node publishes about an image; nothing that nobody subscribes to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hmr_ros import occupancy
from hmr_ros.body.kinematics import forward_kinematics
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.drawing import silhouettes
from hmr_ros.frame import Frame
from hmr_ros.geometry.rotations import quaternion_from_matrix
from hmr_ros.msg import CapsuleArray, SmplBodyArray
from hmr_ros.node import qos
from hmr_ros.node.debug_image import DebugImages
from hmr_ros.node.markers import BodyMarkers, everything_deleted
from hmr_ros.node.messages import BodyArrays
from hmr_ros.node.occupancy_markers import OccupancyMarkers
from hmr_ros.node.occupancy_message import CapsuleArrays
from hmr_ros.node.points import PointClouds
from hmr_ros.node.raw_message import Draft, layout_is_known
from hmr_ros.node.surface import ShownVertices, Surface
from hmr_ros.node.transforms import Skeletons
from hmr_ros.occupancy import capsules
from hmr_ros.tracks import Tracks

TOPICS = {
    "bodies": (SmplBodyArray, "~/bodies", qos.BODIES),
    "markers": (MarkerArray, "~/markers", qos.OUTPUT),
    "points": (PointCloud2, "~/points", qos.OUTPUT),
    "occupancy": (CapsuleArray, "~/occupancy", qos.BODIES),
    "occupancy_markers": (MarkerArray, "~/occupancy_markers", qos.OUTPUT),
    "debug": (Image, "~/debug/image", qos.OUTPUT),
    "tf": (TFMessage, "/tf", qos.TF),
}


class Outputs:
    """The publishers and what they need to build their messages."""

    def __init__(self, node, body: BodyModel, settings: SimpleNamespace) -> None:
        self._node, self._body, self._settings = node, body, settings
        self._publishers = {
            name: node.create_lifecycle_publisher(
                kind, topic, profile, qos_overriding_options=qos.overridable()
            )
            for name, (kind, topic, profile) in TOPICS.items()
        }
        self._bodies, self._skeletons = BodyArrays(), Skeletons(body)
        self._points = PointClouds(body, settings.points_per_body)
        self._markers = BodyMarkers(body, settings.mesh_faces)
        self._shown = ShownVertices(body, self._points.vertex_ids, self._markers.vertex_ids)
        self._capsules, self._occupancy_markers = CapsuleArrays(), OccupancyMarkers()
        self._debug_images = DebugImages(body)
        self._raw = layout_is_known()
        self._marker_header: Header | None = None

    def warm_up(self) -> None:
        """Compile what an output will need, so that the first person's image does not wait."""
        rest = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
        # Transforms are made in double precision, which nothing else here asks for.
        forward_kinematics(rest.astype(np.float64), np.zeros((1, 24, 3)), self._body.parents)
        mesh = vertices(
            self._body, rest, np.zeros((1, 10), np.float32), np.zeros((1, 3), np.float32)
        )
        occupancy.warm_up(mesh, self._body)
        silhouettes.warm_up(mesh, self._body.faces)

    def wanted(self) -> bool:
        """True if anybody subscribes to anything that is switched on."""
        return any(self._subscribed(name) for name in TOPICS)

    def publish(self, header: Header, frame: Frame, tracks: Tracks, latency_ms) -> None:
        """All outputs of one image, the most urgent first.

        header: the image's own. latency_ms: function that says how old the image is by now.
        """
        settings, surface = self._settings, Surface(self._body, tracks, self._shown)
        bodies = self._subscribed("bodies")
        tf = self._subscribed("tf") and len(tracks) > 0 and bool(header.frame_id)
        if bodies or tf:
            quaternions = quaternion_from_matrix(tracks.bodies.rotations.astype(np.float64))
        if bodies:
            size = (frame.camera.width, frame.camera.height)
            meshes = surface.vertices if settings.publish_vertices else None
            people = self._bodies.draft(
                header, tracks, quaternions, size, settings.estimator, meshes
            )
            people.values["latency_ms"] = latency_ms()
            self._publish("bodies", people)
        if tf:
            skeletons = self._skeletons.draft(header, tracks, quaternions, settings.tf_prefix)
            self._publish("tf", skeletons)
        if self._subscribed("points"):
            cloud = self._points.draft(header, tracks, surface, settings.points_level)
            self._publish("points", cloud)
        self._publish_occupancy(header, tracks, surface)
        if self._subscribed("markers"):
            self._marker_header = header
            lifetime_s = settings.marker_lifetime_s
            self._publish("markers", self._markers.draft(header, tracks, surface, lifetime_s))
        if self._subscribed("debug"):
            self._publish("debug", self._debug_images.draft(header, frame, tracks))

    def clear_markers(self) -> None:
        """Take the people out of the viewers."""
        if self._marker_header is not None:
            for name in ("markers", "occupancy_markers"):
                self._publishers[name].publish(everything_deleted(self._marker_header))
            self._marker_header = None

    def destroy(self) -> None:
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}

    def _publish_occupancy(self, header: Header, tracks: Tracks, surface: Surface) -> None:
        told, shown = (self._subscribed(n) for n in ("occupancy", "occupancy_markers"))
        if not (told or shown):
            return
        level = self._settings.credible_level
        found = capsules(tracks.bodies, surface.vertices, self._body, level)
        if told:
            self._publish("occupancy", self._capsules.draft(header, tracks, found, level))
        if shown:
            self._marker_header = header
            lifetime_s = self._settings.marker_lifetime_s
            markers = self._occupancy_markers.draft(header, tracks, found, lifetime_s)
            self._publish("occupancy_markers", markers)

    def _publish(self, name: str, draft: Draft) -> None:
        publisher = self._publishers[name]
        if self._raw:
            data = draft.serialized()
            try:
                publisher.publish(data)
                return
            except Exception as error:  # some versions of some middlewares take objects only
                if not self._node.context.ok():  # shutting down: nothing can be published
                    raise
                self._raw = False
                self._node.get_logger().warning(
                    f"this middleware refuses serialised messages ({error}): they are built "
                    "slowly from now on; lower mesh_faces"
                )
        publisher.publish(draft.message())

    def _subscribed(self, name: str) -> bool:
        if name == "tf" and not self._settings.publish_tf:
            return False
        publisher = self._publishers[name]
        own = 0
        if name == "tf":  # with odometry_frame the node itself listens there
            own = sum(s.topic_name == publisher.topic_name for s in self._node.subscriptions)
        return publisher.get_subscription_count() > own
