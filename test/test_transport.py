"""Images between two processes through the shipped Fast DDS profile."""

import os
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")

from hmr_ros.assets import asset
from hmr_ros.cli.benchmarks.transport import Setup, row
from hmr_ros.node.dds_profile import VARIABLE, with_profile

pytestmark = pytest.mark.ros

needs_fast_dds = pytest.mark.skipif(
    os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp") != "rmw_fastrtps_cpp",
    reason="another middleware is in use",
)


@needs_fast_dds
@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_every_image_arrives_with_the_profile(reliability):
    setup = Setup(reliability, reliability, profile=True, keep_memory=True)
    measured = row(setup, seconds=1.5, rate_hz=30.0, size=(1280, 720))
    assert measured["sent"] == 45
    assert measured["received"] >= 44
    assert 0 < measured["p50_ms"] < 100
    assert measured["bytes"] == 2_764_800


def test_segment_holds_several_images_and_one_message_a_whole_one():
    root = ElementTree.parse(asset("config", "fastdds_shm.xml")).getroot()
    space = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
    segment = int(root.find(f".//{space}segment_size").text)
    message = int(root.find(f".//{space}maxMessageSize").text)
    full_hd = 1920 * 1080 * 3
    assert message > full_hd and segment > 4 * full_hd


def test_a_profile_of_the_user_wins():
    assert with_profile({VARIABLE: "/mine.xml"})[VARIABLE] == "/mine.xml"
    assert with_profile({})[VARIABLE].endswith("fastdds_shm.xml")
