"""The machine that figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
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
    "tensorrt",
    "pycuda",
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


def hardware(gpu: str = "") -> str:
    """Cores, processor and, if one is named, GPU that weights were made on, in words."""
    words = f"{len(os.sched_getaffinity(0))} cores of {_cpu_model()} ({platform.machine()})"
    return f"{words}, {gpu}" if gpu else words


def revision() -> str:
    """Git revision of the code, 'unknown' outside a repository."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


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
