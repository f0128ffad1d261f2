"""The camera and the node as processes of their own, as on a robot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hmr_ros.node.dds_profile import VARIABLE, with_profile

CAMERA = "/camera"
NODE = "hmr_node"
NODE_PROGRAM = (
    sys.executable,
    "-c",
    "import sys; from hmr_ros.node.main import main; sys.exit(main())",
)
# Time a process gets to end by itself before it is killed.
GRACE_S = 8.0


def ros_environment(environment: dict[str, str]) -> dict[str, str]:
    """``environment`` with the profile for images, on this machine only, in a domain of its own.

    What the user has set stays as it is, so that RViz or ``ros2 topic`` can look on.
    """
    # Domains above 101 would share ports with outgoing connections.
    own = {
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "PYTHONUNBUFFERED": "1",
    }
    return with_profile({**own, **environment})


def looking_on(environment: dict[str, str]) -> str:
    """What to type in another terminal to see the same topics."""
    names = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", VARIABLE)
    return "export " + " ".join(f"{n}={environment[n]}" for n in names if n in environment)


def start_node(log: Path, parameters: Sequence[str] = ()) -> subprocess.Popen:
    """``hmr_node``, listening to the camera. parameters: ``name:=value`` texts."""
    remaps = [f"image:={CAMERA}/image_raw", f"camera_info:={CAMERA}/camera_info"]
    ros = [part for remap in remaps for part in ("-r", remap)]
    ros += [part for setting in parameters for part in ("-p", setting)]
    return _started([*NODE_PROGRAM, "--ros-args", *ros], log)


def start_camera(log: Path, options: Sequence[str]) -> subprocess.Popen:
    """The camera that plays a source; options as in ``hmr_camera --help``."""
    module = [sys.executable, "-m", "hmr_ros.node.video_camera"]
    return _started([*module, *options, "--ros-args", "-r", f"__ns:={CAMERA}"], log)


def _started(command: list[str], log: Path) -> subprocess.Popen:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        # A session of its own: Ctrl-C reaches the demo alone, which then ends the others in order.
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def stop(process: subprocess.Popen) -> int:
    """End a process the gentle way if it will, and return its exit status."""
    if process.poll() is None:
        # Not SIGINT: what was started in the background by a shell ignores it.
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def cpu_s(pid: int) -> float | None:
    """Processor time a process has used so far, seconds; None where /proc does not tell."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system = after_name[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for an error message."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join(lines[-count:]) or "(it printed nothing)"
