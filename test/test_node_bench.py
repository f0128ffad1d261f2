"""`hmr bench node`: every stage is measured on real publishers."""

from argparse import Namespace

import pytest

pytest.importorskip("rclpy", reason="publishes messages")
pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")
pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")

from hmr_ros.cli.benchmarks import node  # noqa: E402


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
