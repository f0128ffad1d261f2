"""`hmr bench node`: every stage is measured on real publishers."""

from argparse import Namespace

import numpy as np
import pytest
from made_bodies import somebody

pytest.importorskip("rclpy", reason="publishes messages")
pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")
pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.cli.benchmarks import node  # noqa: E402
from hmr_ros.geometry.camera import Camera  # noqa: E402
from hmr_ros.node.stage_probe import stages  # noqa: E402
from hmr_ros.parameters import validated  # noqa: E402
from hmr_ros.tracking.tracker import Tracker  # noqa: E402

CAMERA = Camera(640, 480, 600, 600, 319.5, 239.5)


def test_every_stage_of_the_node_is_measured():
    rows = {
        r["name"].removeprefix("node, "): r for r in node.measure(Namespace(rounds=5, threads=1))
    }
    published = {"bodies", "tf", "points", "markers", "occupancy", "debug"}
    expected = {f"publish {name}" for name in published}
    assert set(rows) == expected | {"decode bgr8", "decode JPEG", "overhead", "image to message"}
    worked = {name: r["processor_ms"] for name, r in rows.items()}
    # A bgr8 image is not copied, a JPEG is decoded; the networks take most of the time.
    assert worked["decode bgr8"] < 0.2 * worked["decode JPEG"]
    assert worked["overhead"] < 0.7 * worked["image to message"]
    parts = sum(worked[f"publish {name}"] for name in ("bodies", "tf", "points", "markers"))
    assert 0.3 * parts < worked["overhead"]


def test_what_is_published_for_overhead_and_for_image_to_message(monkeypatch):
    from rclpy.lifecycle.publisher import LifecyclePublisher

    published, publish = [], LifecyclePublisher.publish

    def noted(publisher, message):
        published.append(publisher.topic_name.rpartition("/")[2])
        publish(publisher, message)

    monkeypatch.setattr(LifecyclePublisher, "publish", noted)
    body = load_body_model()
    tracker = Tracker(validated(), body)
    for stamp in range(3):
        tracks = tracker(somebody(body, 0, 4), CAMERA, 0.1 * stamp)

    def answering(frame):
        return tracks

    answering.body, answering.reset = body, lambda: None
    answering.finder = Namespace(search_problem="")
    with stages(answering, np.zeros((480, 640, 3), np.uint8), tracks, CAMERA) as calls:
        for name, expected in (
            ("overhead", {"bodies", "tf", "points", "markers"}),
            ("image to message", {"bodies", "tf"}),
            ("publish debug", {"image"}),
        ):
            published.clear()
            calls[name]()
            assert set(published) == expected and len(published) == len(expected)
