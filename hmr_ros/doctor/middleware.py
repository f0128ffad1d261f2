"""ROS, the messages of this package and the transport of images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from hmr_ros.assets import asset
from hmr_ros.doctor.finding import Finding, fail, ok, warn
from hmr_ros.doctor.modules import import_error, needed

VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
SHARED_MEMORY = Path("/dev/shm")
SHARED_MEMORY_MB = 256  # camera, node and a few subscribers, 32 MB each, with room to spare
USE_LAUNCHER = "use .venv/bin/hmr after `make setup`, or source ROS and install/setup.bash"


def ros_findings() -> list[Finding]:
    """ROS itself, the messages, a message sent and received, the transport of images."""
    found = [
        needed("ROS 2", "rclpy", "rclpy", USE_LAUNCHER),
        _messages("hmr_ros.msg", "make setup, or colcon build in your workspace"),
        _messages("tf2_msgs.msg", "make setup, or sudo apt-get install ros-$ROS_DISTRO-tf2-msgs"),
    ]
    if all(finding.state == "ok" for finding in found):
        found.append(_round_trip())
    return [*found, image_transport(os.environ), shared_memory(SHARED_MEMORY)]


def _messages(module: str, remedy: str) -> Finding:
    name = f"messages: {module.partition('.')[0]}"
    error = import_error(module)
    return fail(name, f"{module}: {error}", remedy) if error else ok(name, "built")


def _round_trip() -> Finding:
    from hmr_ros.node.round_trip import round_trip

    name = "DDS"
    implementation, milliseconds = round_trip()
    if milliseconds is None:
        return fail(
            name,
            f"{implementation}: a message published here did not arrive",
            "is another RMW_IMPLEMENTATION set, or a firewall between this machine and itself?",
        )
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "default")
    return ok(
        name,
        f"{implementation}, domain {domain}, range {reach}; own message in {milliseconds:.1f} ms",
    )


def image_transport(environ: Mapping[str, str]) -> Finding:
    """Whether images fit the shared memory of Fast DDS; it is the publisher's side that counts."""
    name = "image transport"
    rmw = environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if "fastrtps" not in rmw:
        return ok(name, f"{rmw}: the Fast DDS profile does not apply")
    shipped = asset("config", "fastdds_shm.xml")
    value = environ.get(VARIABLE, "")
    if not value:
        return warn(
            name,
            f"{VARIABLE} is not set: best-effort images larger than 0.5 MB get lost",
            f"export {VARIABLE}={shipped} for the node and for the camera driver",
        )
    if not Path(value).is_file():
        return fail(name, f"{VARIABLE} names {value}, which is not there", f"set it to {shipped}")
    return ok(name, f"profile {value} (the camera driver needs it, too)")


def shared_memory(folder: Path) -> Finding:
    """Room for the segments of Fast DDS; containers often have 64 MB."""
    name = "shared memory"
    if not folder.is_dir():
        return warn(name, f"{folder} is not there: images go through UDP", "mount a tmpfs there")
    free = shutil.disk_usage(folder).free / 1e6
    if free < SHARED_MEMORY_MB:
        return warn(
            name,
            f"{free:.0f} MB free in {folder}; {SHARED_MEMORY_MB} are wanted",
            "in a container: docker run --shm-size 1g; else remove stale /dev/shm/fastrtps_* files",
        )
    return ok(name, f"{free:.0f} MB free in {folder}")
