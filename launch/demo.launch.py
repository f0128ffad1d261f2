"""The demo's video as a camera, the node and, if wanted, RViz, until Ctrl-C.

    ros2 launch hmr_ros demo.launch.py [source:=people.mp4] [rviz:=true]

`hmr demo` is the same with figures and a film.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from hmr_ros.demo.default_video import default_source

DEFAULT = default_source()


def generate_launch_description() -> LaunchDescription:
    node = PythonLaunchDescriptionSource(str(Path(__file__).with_name("hmr.launch.py")))
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "source",
                default_value=DEFAULT.where,
                description="Video, rosbag2, folder of images, image or webcam index.",
            ),
            DeclareLaunchArgument(
                "intrinsics",
                default_value="",
                description="fx,fy,cx,cy[,k1,k2,p1,p2[,k3]]; empty: the source's own, if known.",
            ),
            # First, because it also sets the environment that the camera needs.
            IncludeLaunchDescription(node),
            OpaqueFunction(function=camera),
        ]
    )


def camera(context: LaunchContext) -> list:
    """The camera; its options depend on the source, whose value is known only now."""
    source = LaunchConfiguration("source").perform(context)
    intrinsics = LaunchConfiguration("intrinsics").perform(context)
    if not intrinsics and source == DEFAULT.where and DEFAULT.intrinsics:
        intrinsics = ",".join(map(str, DEFAULT.intrinsics))
    options = [source, "--loop", "--wait", "60"]
    if intrinsics:
        options.append(f"--intrinsics={intrinsics}")
    return [
        Node(
            package="hmr_ros",
            executable="hmr_camera",
            namespace="camera",
            output="screen",
            arguments=options,
            on_exit=Shutdown(reason="the camera has ended"),
        )
    ]
