import json
import threading
from types import SimpleNamespace

import pytest

from hmr_ros.assets import asset
from hmr_ros.cli.doctor import line
from hmr_ros.cli.main import main
from hmr_ros.doctor import gpu, middleware, modules, perception
from hmr_ros.doctor.camera import calibration, camera_findings, images
from hmr_ros.doctor.finding import fail, ok, warn
from hmr_ros.doctor.middleware import VARIABLE, image_transport, shared_memory
from hmr_ros.doctor.modules import import_error
from hmr_ros.frontend import carrier


def test_import_errors_are_found_without_importing(tmp_path, monkeypatch):
    (tmp_path / "built_for_another_numpy.py").write_text("import os; os.abort()")
    (tmp_path / "half_there.py").write_text("import piece_of_it")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert import_error("json") == ""
    assert import_error("not_there_at_all") == "not installed"
    assert "piece_of_it" in import_error("half_there")
    assert import_error("built_for_another_numpy") != ""


def test_missing_optional_piece_says_what_it_is_for(monkeypatch):
    monkeypatch.setattr(modules, "OPTIONAL", (("not_there", "not-there", "flying", "get wings"),))
    (finding,) = modules.optional()
    assert (finding.state, finding.remedy) == ("warn", "get wings")
    assert finding.found == "not installed; needed for flying"


@pytest.mark.parametrize(
    "environ, state",
    [
        ({}, "warn"),
        ({VARIABLE: "/nowhere/profile.xml"}, "fail"),
        ({VARIABLE: str(asset("config", "fastdds_shm.xml"))}, "ok"),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, "ok"),
    ],
)
def test_image_transport(environ, state):
    finding = image_transport(environ)
    assert finding.state == state
    assert bool(finding.remedy) == (state != "ok")


def test_little_shared_memory_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(middleware.shutil, "disk_usage", lambda _: SimpleNamespace(free=64_000_000))
    finding = shared_memory(tmp_path)
    assert finding.state == "warn" and "64 MB free" in finding.found
    assert "--shm-size" in finding.remedy


def report(**changes):
    return SimpleNamespace(
        **{
            "topic": "/image",
            "info_topic": "/camera_info",
            "received": 100,
            "rate_hz": 30.0,
            "size": "640x480",
            "encoding": "bgr8",
            "reliability": "best effort",
            "focal_length": 500.0,
            **changes,
        }
    )


def test_camera_states():
    assert images(report()).state == "ok"
    assert images(report(rate_hz=2.0)).state == "warn"
    assert images(report(received=0)).state == "fail"
    assert calibration(report()).state == "ok"
    assert calibration(report(focal_length=None)).state == "warn"
    assert "not calibrated" in calibration(report(focal_length=0.0)).found


def test_lines_say_what_to_do():
    assert line(ok("a", "b"), colour=False) == f"ok    {'a':<22} b"
    assert line(fail("a", "b", "do c"), colour=False).splitlines()[1].strip() == "-> do c"


@pytest.mark.ros
def test_doctor_is_content_and_writes_json(tmp_path, capsys):
    path = tmp_path / "doctor.json"
    assert main(["doctor", "--quick", "--json", str(path)]) == 0, capsys.readouterr().out
    findings = {f["name"]: f for f in json.loads(path.read_text())["findings"]}
    assert findings["DDS"]["state"] == "ok"
    assert findings["models: BlazePose"]["state"] == "ok"


def test_missing_models_are_a_failure(monkeypatch):
    monkeypatch.setitem(carrier.MODELS, "pose_detection", "modules/gone.tflite")
    finding = perception.blazepose()
    assert finding.state == "fail"
    assert "gone.tflite" in finding.found and "--no-deps mediapipe" in finding.remedy


def test_exit_status_counts_failures_only(monkeypatch, capsys):
    monkeypatch.setattr(middleware, "ros_findings", lambda: [ok("a", "x"), warn("b", "y", "z")])
    monkeypatch.setattr(modules, "optional", lambda: [])
    monkeypatch.setattr(gpu, "gpu_findings", lambda: [])
    monkeypatch.setattr(perception, "perception_findings", lambda quick: [])
    assert main(["doctor"]) == 0
    monkeypatch.setattr(modules, "optional", lambda: [fail("c", "not there", "get it")])
    assert main(["doctor"]) == 1
    assert "3 checks: 1 failed, 1 warnings" in capsys.readouterr().out


@pytest.fixture
def camera():
    """A calibrated 20 Hz camera on /doctor/image, best effort, with a ROS context of its own."""
    rclpy = pytest.importorskip("rclpy")
    from rclpy.context import Context
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo, Image

    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node("camera", context=context)
    publisher = node.create_publisher(Image, "/doctor/image", qos_profile_sensor_data)
    info = node.create_publisher(CameraInfo, "/doctor/camera_info", qos_profile_sensor_data)
    message = Image(width=4, height=2, encoding="bgr8", step=12, data=bytes(24))
    stop = threading.Event()

    def publish():
        while not stop.wait(0.05):
            publisher.publish(message)
            info.publish(CameraInfo(k=[500.0, 0, 2, 0, 500, 1, 0, 0, 1]))

    thread = threading.Thread(target=publish)
    thread.start()
    yield "/doctor/image"
    stop.set()
    thread.join()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.ros
def test_camera_topic_is_measured(camera):
    from hmr_ros.node.topic_report import topic_report

    measured = topic_report(camera, seconds=1.5)
    assert measured.rate_hz == pytest.approx(20, rel=0.25)
    assert (measured.size, measured.encoding) == ("4x2", "bgr8")
    assert (measured.reliability, measured.focal_length) == ("best effort", 500.0)
    assert measured.image_topics == (camera,)


@pytest.mark.ros
def test_silent_camera_names_the_topics_that_there_are(camera):
    (finding,) = camera_findings("/somewhere/else", seconds=0.1)
    assert finding.state == "fail" and camera in finding.found
