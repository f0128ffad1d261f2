"""The whole demo as a user starts it: three processes over DDS, on pictures with a known answer."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")
from demo_process import DEADLY

pytestmark = pytest.mark.ros

PROCESS = Path(__file__).with_name("demo_process.py")
COUNT, PEOPLE = 20, 3


@pytest.fixture
def pictures(tmp_path):
    """A folder, played at 10 Hz; blue tells the made-up pipeline how many people there are."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(COUNT):
        write_picture(folder / f"{i:03}.png", PEOPLE)
    return folder


def write_picture(path, people):
    image = np.full((240, 320, 3), 128, np.uint8)
    image[0, 0, 0] = people
    cv2.imwrite(str(path), image)


def demo(tmp_path, *arguments):
    return subprocess.run(
        [sys.executable, str(PROCESS), *map(str, arguments), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_figures_film_and_picture(tmp_path, pictures):
    done = demo(tmp_path, pictures, "--fov", 60, "--json", tmp_path / "demo.json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "demo.json").read_text())
    assert figures["frames_sent"] == COUNT
    assert figures["frames_processed"] == COUNT and figures["frames_lost"] == 0
    assert figures["bodies_hz"] == pytest.approx(10, rel=0.1)
    assert figures["people_median"] == PEOPLE and figures["ids"] == PEOPLE
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p95"] < 2000
    assert figures["latency_ms"]["p95"] <= figures["latency_ms"]["p99"]
    topics = ("/hmr_node/bodies", "/hmr_node/markers", "/hmr_node/points", "/tf")
    assert set(figures["outputs"]) == set(topics)
    for topic in topics:
        assert figures["outputs"][topic] == pytest.approx(10, rel=0.15), topic
    assert figures["machine"]["cores"] >= 1

    film = cv2.VideoCapture(str(tmp_path / "out" / "demo.mp4"))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1])
    assert len(frames) == COUNT and frames[0].shape == (240, 320, 3)
    still = cv2.imread(str(tmp_path / "out" / "demo.png"))
    drawn = np.abs(still.astype(int) - 128).max(-1) > 30
    assert drawn.mean() > 0.02, "three people fill a good part of the picture"


def test_a_node_that_cannot_start_fails_with_its_own_words(tmp_path, pictures):
    done = demo(tmp_path, pictures, "--seconds", 1, "--set", "weights_path=missing.onnx")
    assert done.returncode == 1
    assert "did not become active" in done.stderr and "missing.onnx" in done.stderr


def test_a_node_that_dies_on_the_way_is_reported(tmp_path, pictures):
    write_picture(pictures / "004.png", DEADLY)
    done = demo(tmp_path, pictures)
    assert done.returncode == 1
    assert "the node ended by itself (status 3)" in done.stderr
    assert "active: listening to /camera/image_raw" in done.stderr, "the end of its log"


def test_an_unreadable_source_is_named_before_anything_starts(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    done = demo(tmp_path, broken)
    assert done.returncode == 2
    assert "broken.mp4: no picture can be decoded" in done.stderr
    assert "Traceback" not in done.stderr
