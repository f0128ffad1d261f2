"""The machine that figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

# Distributions whose version changes figures. Asking for metadata imports none of them.
PACKAGES = (
    "numpy",
    "numba",
    "opencv-python-headless",
    "onnxruntime",
    "ai-edge-litert",
    "rclpy",
    "torch",
)


def machine() -> dict:
    """Processor, cores this process may use, load, system, Python and package versions."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "ros_distro": os.environ.get("ROS_DISTRO", ""),
        "versions": {name: v for name in PACKAGES if (v := _version(name)) is not None},
    }


def _cpu_model() -> str:
    """The model name; boards such as the Jetson have none in cpuinfo, but a device tree."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
        return Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        return platform.processor() or platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
