"""Start, input and end of the node as a process of its own."""

from __future__ import annotations

import array
import signal
import subprocess
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

from node_robot import HEIGHT, WIDTH, Robot, image, start_node
from sensor_msgs.msg import CompressedImage

pytestmark = pytest.mark.ros


def test_broken_jpeg_is_survived_and_best_effort_cameras_are_heard(tmp_path):
    process = start_node(tmp_path / "log.txt", image_transport="compressed")
    robot = Robot(outputs=("bodies", "diagnostics"), reliable=False)
    try:
        assert robot.spin_until(lambda: robot.compressed.get_subscription_count(), 20)
        robot.spin(0.3)
        frame = np.full((HEIGHT, WIDTH, 3), 3, np.uint8)
        jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
        for k, data in enumerate((jpeg[: len(jpeg) // 2], jpeg)):
            message = CompressedImage(format="jpeg", data=array.array("B", data))
            message.header = image(1, time.time()).header
            robot.compressed.publish(message)
            if k == 0:
                status = robot.diagnostic("images", lambda v: v["refused"] == "1")
                assert status is not None and "cut or broken" in status["last_error"]
        answer = robot.answer("bodies", message.header.stamp)
        assert len(answer.bodies) == 3
    finally:
        robot.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0, (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_work_ends_with_code_zero(tmp_path, number):
    process = start_node(tmp_path / "log.txt")
    robot = Robot(outputs=("bodies", "tf"))
    try:
        robot.wait_for_node()
        for k in range(20):
            robot.send(2, time.time() + 0.01 * k)
            robot.spin(0.01)
        process.send_signal(number)
        robot.send(254, time.time() + 1)
        process.send_signal(number)  # impatient
        assert process.wait(10) == 0, (tmp_path / "log.txt").read_text()
    finally:
        process.kill()
        robot.close()
    assert "Traceback" not in (tmp_path / "log.txt").read_text()


def test_the_end_of_the_node_ends_the_build_of_an_engine_and_leaves_no_part_of_it(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="the pipeline needs BlazePose's runtime")
    pytest.importorskip("onnx", reason="the stand-in of TensorRT reads graphs")
    engines = tmp_path / "engines"
    values = {"estimator": "lifter", "backend": "tensorrt", "engine_cache": engines}
    process = start_node(tmp_path / "log.txt", "node_building.py", **values)
    robot = Robot(outputs=("diagnostics",))
    try:
        status = robot.diagnostic("inference", lambda v: "is being built" in v["backend_note"], 60)
        assert status is not None, (tmp_path / "log.txt").read_text()
        assert status["level"] == 1 and status["backend"] == "onnxruntime"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0, (tmp_path / "log.txt").read_text()
    finally:
        process.kill()
        robot.close()
    assert {path.suffix for path in engines.iterdir()} == {".lock"}
    assert "Traceback" not in (tmp_path / "log.txt").read_text()


def test_parameters_out_of_range_end_the_start_with_a_reason(tmp_path):
    process = start_node(tmp_path / "log.txt", mesh_faces=7)
    try:
        assert process.wait(20) == 1
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    text = (tmp_path / "log.txt").read_text()
    assert "mesh_faces" in text and "7" in text and "Traceback" not in text
