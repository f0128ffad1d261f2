"""People from a camera: ``ros2 launch hmr_ros hmr.launch.py image:=/camera/image_raw``."""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "image": ("/camera/image_raw", "Colour image topic."),
    "camera_info": ("", "camera_info topic; empty for the one beside the image topic."),
    "depth": ("", "Depth image topic, registered to the colour image; empty for none."),
    "compressed": ("false", "Subscribe to <image>/compressed instead of the raw image."),
    "namespace": ("", "Namespace of the node; one for each camera."),
    "tf_prefix": ("", "Put before body_<id>/<joint>; one for each camera."),
    "odometry_frame": ("", "Frame the camera moves in (odom); empty for the parameter file's."),
    "backend": ("", "onnxruntime, torch or tensorrt; empty for the parameter file's."),
    "precision": ("", "float32, float16 or int8; empty for the parameter file's."),
    "params_file": ("", "Parameter file; empty for config/hmr.yaml of the package."),
    "use_sim_time": ("false", "Take the time from /clock, as with a bag played with --clock."),
    "rviz": ("false", "Start RViz with config/hmr.rviz."),
}
OUTPUTS = ("bodies", "markers", "points", "debug/image")


def generate_launch_description() -> LaunchDescription:
    profile = Path(get_package_share_directory("hmr_ros")) / "config" / "fastdds_shm.xml"
    actions = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    # Images do not fit Fast DDS's default shared memory. A profile of the user's own is kept.
    if not os.environ.get("FASTRTPS_DEFAULT_PROFILES_FILE"):
        actions.append(SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", str(profile)))
    return LaunchDescription([*actions, OpaqueFunction(function=nodes)])


def nodes(context: LaunchContext) -> list:
    """The node and RViz, with the topics that follow from the arguments."""
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    config = Path(get_package_share_directory("hmr_ros")) / "config"
    sim_time = {"use_sim_time": flag(value, "use_sim_time")}
    parameters = [value["params_file"] or str(config / "hmr.yaml"), sim_time]
    # Only what was asked for, so that it does not hide what the parameter file says.
    for name in ("tf_prefix", "odometry_frame", "backend", "precision"):
        if value[name]:
            parameters.append({name: value[name]})
    if value["depth"]:
        parameters.append({"use_depth": True})
    if flag(value, "compressed"):
        parameters.append({"image_transport": "compressed"})
    return [
        Node(
            package="hmr_ros",
            executable="hmr_node",
            name="hmr_node",
            namespace=value["namespace"],
            parameters=parameters,
            remappings=[
                ("image", value["image"]),
                ("camera_info", value["camera_info"] or beside(value["image"])),
                ("depth", value["depth"] or "depth"),
            ],
            output="screen",
        ),
        Node(
            package="rviz2",
            executable="rviz2",
            arguments=["-d", str(config / "hmr.rviz")],
            parameters=[sim_time],
            remappings=[
                (f"/hmr_node/{output}", absolute(value["namespace"], f"hmr_node/{output}"))
                for output in OUTPUTS
            ],
            condition=IfCondition(value["rviz"]),
            output="log",
        ),
    ]


def beside(image: str) -> str:
    """camera_info by the convention of image_transport: in the image's own namespace."""
    return f"{image.rpartition('/')[0]}/camera_info" if "/" in image else "camera_info"


def absolute(namespace: str, name: str) -> str:
    return "/" + "/".join(part for part in (*namespace.split("/"), name) if part)


def flag(value: dict, name: str) -> bool:
    return value[name].lower() in ("true", "1", "yes", "on")
