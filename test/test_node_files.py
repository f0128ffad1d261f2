"""Files around the node: generated parameters, launch file, RViz configuration."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from hmr_ros.node.parameters import ALL_PARAMETERS

ROOT = Path(__file__).resolve().parents[1]


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.name.split(".")[0], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_current():
    for path, text in load(ROOT / "tools" / "make_parameter_docs.py").FILES.items():
        assert path.read_text() == text(), f"{path.name}: run python tools/make_parameter_docs.py"


def test_the_yaml_holds_every_parameter_with_its_default():
    values = yaml.safe_load((ROOT / "config" / "hmr.yaml").read_text())
    given = values["/**/hmr_node"]["ros__parameters"]
    assert given == {p.name: p.default for p in ALL_PARAMETERS}
    assert all(type(given[p.name]) is type(p.default) for p in ALL_PARAMETERS)


@pytest.mark.ros
@pytest.mark.parametrize("namespace", ["/", "/front/left"])
def test_a_parameter_file_reaches_the_node(tmp_path, namespace):
    rclpy = pytest.importorskip("rclpy", reason="ROS is not sourced")
    pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")
    from hmr_ros.node.node import HmrNode

    text = (ROOT / "config" / "hmr.yaml").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("mesh_faces: 4000", "mesh_faces: 1234"))
    context = rclpy.Context()
    rclpy.init(context=context)
    arguments = ["--ros-args", "--params-file", str(path), "-r", f"__ns:={namespace}"]
    node = HmrNode(context=context, cli_args=arguments)
    try:
        assert node.get_parameter("mesh_faces").value == 1234
        assert node.get_parameter("marker_lifetime_s").value == 0.5
    finally:
        node.destroy_node()
        rclpy.try_shutdown(context=context)


def test_the_launch_file_describes_the_node(monkeypatch):
    path = ROOT / "launch" / "hmr.launch.py"
    ast.parse(path.read_text())
    pytest.importorskip("launch_ros", reason="launch_ros is not installed")
    packages = sys.modules["ament_index_python.packages"]
    monkeypatch.setattr(packages, "get_package_share_directory", lambda name: str(ROOT))
    from launch import LaunchContext

    module = load(path)
    context = LaunchContext()
    for name, (default, _) in module.ARGUMENTS.items():
        context.launch_configurations[name] = default
    context.launch_configurations["image"] = "/cam/color/image_raw"
    module.generate_launch_description()
    node, _ = module.nodes(context)
    assert node.node_executable == "hmr_node"
    assert module.beside("/cam/color/image_raw") == "/cam/color/camera_info"


def test_what_is_asked_of_the_launch_file_reaches_the_node(monkeypatch):
    """With doubles for ``launch``, which is part of ROS and not on PyPI."""

    class Configuration:
        def __init__(self, name: str) -> None:
            self.perform = lambda context: context[name]

    doubles = {
        "launch": {"LaunchContext": dict, "LaunchDescription": list},
        "launch.actions": dict.fromkeys(
            ("DeclareLaunchArgument", "OpaqueFunction", "SetEnvironmentVariable"), dict
        ),
        "launch.conditions": {"IfCondition": str},
        "launch.substitutions": {"LaunchConfiguration": Configuration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": dict},
        "ament_index_python": {},
        "ament_index_python.packages": {"get_package_share_directory": lambda name: str(ROOT)},
    }
    for name, members in doubles.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**members))
    module = load(ROOT / "launch" / "hmr.launch.py")
    plain = {name: default for name, (default, _) in module.ARGUMENTS.items()}

    def parameters(**asked: str) -> list:
        return module.nodes(plain | asked)[0]["parameters"]

    ours = [str(ROOT / "config" / "hmr.yaml"), {"use_sim_time": False}]
    assert parameters() == ours  # what the file says is not hidden
    for name, value in (("backend", "tensorrt"), ("precision", "float16"), ("tf_prefix", "left_")):
        assert parameters(**{name: value}) == [*ours, {name: value}]
    assert parameters(depth="/depth", compressed="true") == [
        *ours,
        {"use_depth": True},
        {"image_transport": "compressed"},
    ]
    node, _ = module.nodes(plain | {"image": "/cam/color/image_raw"})
    assert dict(node["remappings"])["camera_info"] == "/cam/color/camera_info"


def test_rviz_listens_to_topics_that_exist():
    config = yaml.safe_load((ROOT / "config" / "hmr.rviz").read_text())
    displays = config["Visualization Manager"]["Displays"]
    topics = {d["Topic"]["Value"] for d in displays if "Topic" in d}
    published = re.findall(r'"~/([a-z_/]+)"', (ROOT / "hmr_ros/node/outputs.py").read_text())
    assert topics <= {f"/hmr_node/{name}" for name in published} and len(topics) == 4
