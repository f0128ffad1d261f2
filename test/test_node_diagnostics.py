"""What the diagnostics say about made-up states of health."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pytest

pytest.importorskip("diagnostic_msgs", reason="ROS is not sourced")

from builtin_interfaces.msg import Time

from hmr_ros.node.diagnostics import ERROR, OK, STOPPED_S, WARN, Diagnostics
from hmr_ros.node.health import Health
from hmr_ros.runtime.serving import Served

pytestmark = pytest.mark.ros


SERVED = Served("onnxruntime", "CPU", "CPUExecutionProvider", "int8")

BUILDING = replace(SERVED, note="instead of tensorrt: 43 %")


def report(state="active", problem="", dropped=0, seconds=1.0, served=SERVED, **values) -> dict:
    """Statuses by part after ``seconds`` in which the counters went from zero to ``values``."""
    health = Health(**values)
    clock, stamp = SimpleNamespace(now=100.0), Time(sec=5)
    with mock.patch("hmr_ros.node.diagnostics.time.monotonic", lambda: clock.now):
        diagnostics = Diagnostics("front/hmr_node")
        clock.now += seconds
        source = "lifter on open_body"
        message = diagnostics.message(stamp, state, health, dropped, source, served, problem)
    assert message.header.stamp == stamp
    result = {}
    for status in message.status:
        name, _, part = status.name.partition(": ")
        assert name == "front/hmr_node" and status.hardware_id == "hmr_ros"
        result[part] = (status.level, status.message, {v.key: v.value for v in status.values})
    return result


def test_all_is_well():
    parts = report(
        seconds=2.0, received=60, processed=58, dropped=2, people=3, latencies_ms=[10, 20, 30]
    )
    assert {level for level, _, _ in parts.values()} == {OK}
    _, _, values = parts["images"]
    assert float(values["image_rate_hz"]) == pytest.approx(30, rel=0.01)
    _, text, values = parts["inference"]
    assert text == "3 people, 29.0 Hz, 20 ms"
    assert values["latency_p50_ms"] == "20.0" and values["latency_p95_ms"] == "29.0"
    assert values["dropped_while_busy"] == "2" and values["backend_note"] == ""
    assert values["source"] == (
        "lifter on open_body: onnxruntime (CPU, CPUExecutionProvider, int8)"
    )
    kept = {key: values[key] for key in ("backend", "device", "provider", "precision")}
    assert kept == {key: getattr(SERVED, key) for key in kept}


@pytest.mark.parametrize(
    ("part", "level", "words", "given"),
    [
        ("images", WARN, "no image yet", {}),
        ("images", WARN, "no publisher on /image", {"problem": "no publisher on /image: ..."}),
        ("images", WARN, "FASTRTPS_DEFAULT_PROFILES_FILE", {"received": 2, "lost": 58}),
        ("images", WARN, "stamp is zero", {"received": 2, "input_problem": "stamp is zero"}),
        (
            "images",
            WARN,
            "too short",
            {
                "received": 1,
                "refused": 1,
                "last_error": "too short",
                "last_error_at": time.monotonic() + 1000,
            },
        ),
        ("camera", WARN, "no camera_info", {"processed": 1, "camera_problem": "no camera_info"}),
        (
            "camera",
            WARN,
            "in 2 of 30 images: nothing of 'base_link'",
            {
                "processed": 30,
                "posed": 28,
                "unposed": 2,
                "pose_problem": "nothing of 'base_link'",
            },
        ),
        ("camera", OK, "and where it is", {"processed": 30, "posed": 30}),
        ("inference", ERROR, "out of memory", {"failed": 1, "failure": "out of memory"}),
        ("inference", ERROR, "new people fails: no", {"processed": 9, "search_problem": "no"}),
        ("inference", OK, "inactive", {"state": "inactive", "search_problem": "no"}),
        ("inference", ERROR, "no such file", {"state": "unconfigured", "fault": "no such file"}),
        ("inference", OK, "idle", {"received": 3, "idle": 3}),
        ("inference", OK, "inactive", {"state": "inactive"}),
        ("images", OK, "not subscribed", {"state": "inactive"}),
        ("inference", WARN, "instead of tensorrt: 43 %", {"served": BUILDING}),
        ("inference", WARN, "inactive; instead of", {"state": "inactive", "served": BUILDING}),
        ("inference", ERROR, "no such file", {"fault": "no such file", "served": BUILDING}),
    ],
)
def test_what_is_wrong_is_said(part, level, words, given):
    got_level, text, _ = report(**given)[part]
    assert got_level == level and words in text


def test_images_that_stop_are_an_error():
    diagnostics, health = Diagnostics("hmr_node"), Health(received=30)
    diagnostics.message(Time(), "active", health, 0, "", None, "")
    status = diagnostics.message(Time(), "active", health, 0, "", None, "").status[0]
    assert status.level == OK  # a slow camera
    diagnostics._heard -= STOPPED_S + 1
    status = diagnostics.message(Time(), "active", health, 0, "", None, "").status[0]
    assert status.level == ERROR and status.message == "images have stopped"
