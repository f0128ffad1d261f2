"""The node's own parameters, beside those of the pipeline in ``hmr_ros.parameters``."""

from __future__ import annotations

from hmr_ros.parameters import PARAMETERS, Parameter

P = Parameter
NODE_PARAMETERS: tuple[Parameter, ...] = (
    P(
        "autostart",
        "node",
        True,
        "Configure and activate at start. False: wait for a lifecycle manager.",
    ),
    P(
        "idle_without_subscribers",
        "node",
        True,
        "Compute nothing while nobody subscribes to any output.",
        live=True,
    ),
    P(
        "image_transport",
        "input",
        "raw",
        "'raw': sensor_msgs/Image on 'image'; 'compressed': sensor_msgs/CompressedImage on "
        "'image/compressed'.",
        choices=("raw", "compressed"),
    ),
    P(
        "image_reliability",
        "input",
        "auto",
        "QoS of the image subscription. 'auto': reliable if every publisher offers it, because "
        "best-effort images get lost in a transport whose buffers are smaller than an image.",
        choices=("auto", "reliable", "best_effort"),
    ),
    P(
        "max_image_pixels",
        "input",
        33_177_600,
        "Images that claim more pixels (width x height) are refused before memory is taken.",
        1,
        1_000_000_000,
        live=True,
    ),
    P(
        "use_depth",
        "input",
        False,
        "Subscribe to 'depth', a depth image registered to the colour image, to place people.",
    ),
    P(
        "depth_tolerance_s",
        "input",
        0.05,
        "Largest difference of stamps between an image and the depth image used with it, seconds.",
        0.0,
        1.0,
        live=True,
    ),
    P(
        "odometry_frame",
        "input",
        "",
        "Frame of '/tf' that the camera's motion is told in, usually 'odom': people are followed "
        "there, so that a camera that turns or drives does not take them along. Empty: the camera "
        "is taken to be at rest.",
    ),
    P(
        "odometry_tolerance_s",
        "input",
        0.05,
        "How much older than the image the newest transform may be to be taken as it is, seconds.",
        0.0,
        1.0,
        live=True,
    ),
    P(
        "person_classes",
        "input",
        "person,0",
        "Class ids that mean a person in 'detections', with commas between; empty: every class.",
        live=True,
    ),
    P("publish_tf", "output", True, "Broadcast a frame for each joint of each person.", live=True),
    P(
        "tf_prefix",
        "output",
        "",
        "Put before 'body_<id>/<joint>'; keeps the frames of two cameras apart, as in 'front/'.",
        live=True,
    ),
    P(
        "publish_vertices",
        "output",
        False,
        "Fill SmplBody.vertices (83 kB a person).",
        live=True,
    ),
    P(
        "mesh_faces",
        "output",
        4000,
        "Most triangles of a person in ~/markers (120 bytes each); 13776 is the full mesh.",
        500,
        13776,
    ),
    P(
        "marker_lifetime_s",
        "output",
        0.5,
        "Seconds after which a marker vanishes if no newer one comes; 0 keeps it.",
        0.0,
        60.0,
        live=True,
    ),
    P(
        "points_per_body",
        "output",
        400,
        "Points on the surface of each person in ~/points, spread evenly.",
        10,
        6890,
    ),
    P(
        "points_level",
        "output",
        0.0,
        "Probability that a body part lies within its points in ~/points, which are moved outward "
        "by what is not known of its joints. 0: points on the surface.",
        0.0,
        0.999,
        live=True,
    ),
    P(
        "credible_level",
        "output",
        0.95,
        "Probability that a body part lies in its capsule in ~/occupancy; 0: the flesh alone.",
        0.0,
        0.999,
        live=True,
    ),
)

ALL_PARAMETERS: tuple[Parameter, ...] = (*NODE_PARAMETERS, *PARAMETERS)
