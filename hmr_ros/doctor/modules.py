"""Python modules: there, importable, and of which version."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata

from hmr_ros.doctor.finding import Finding, fail, ok, warn

IMPORT_TIMEOUT_S = 60.0

# Module, distribution, what works only with it, how to get it.
OPTIONAL = (
    ("torch", "torch", "training and `hmr eval`", "make setup-dev"),
    (
        "cv_bridge",
        "cv-bridge",
        "image encodings beyond the node's own decoder",
        "sudo apt-get install ros-$ROS_DISTRO-cv-bridge",
    ),
    (
        "vision_msgs",
        "vision_msgs",
        "boxes from a vision_msgs detector",
        "sudo apt-get install ros-$ROS_DISTRO-vision-msgs",
    ),
    (
        "tf2_ros",
        "tf2_ros",
        "bodies in another frame than the camera's (target_frame)",
        "sudo apt-get install ros-$ROS_DISTRO-tf2-ros",
    ),
)
PYPI_CV_BRIDGE = "1.13"  # of ROS 1: gives wrong depth and ignores row padding under ROS 2


def import_error(module: str) -> str:
    """Empty if ``module`` can be imported, else why not.

    Tried in another process: a C++ module built for another NumPy may end the process.
    """
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            capture_output=True,
            text=True,
            timeout=IMPORT_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"import takes longer than {IMPORT_TIMEOUT_S:g} s"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"import ends with {done.returncode}"])[-1]


def version(distribution: str) -> str:
    """Version of an installed distribution; empty if it does not tell."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def needed(name: str, module: str, distribution: str, remedy: str) -> Finding:
    """A module nothing works without."""
    error = import_error(module)
    if error:
        return fail(name, f"{module}: {error}", remedy)
    return ok(name, f"{module} {version(distribution)}".strip())


def optional() -> list[Finding]:
    """One finding each of the pieces that only some uses need."""
    return [_optional(*piece) for piece in OPTIONAL]


def _optional(module: str, distribution: str, use: str, remedy: str) -> Finding:
    name = f"optional: {module}"
    error = import_error(module)
    if error:
        return warn(name, f"{error}; needed for {use}", remedy)
    found = version(distribution)
    if module == "cv_bridge" and found.startswith(PYPI_CV_BRIDGE):
        return warn(name, f"{found} is for ROS 1 and decodes wrongly", "pip uninstall cv-bridge")
    return ok(name, f"{found or 'installed'}: {use}")
