"""The step that builds the ROS package, so that `hmr_ros.msg` can be imported."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import console
from environment import write_launchers
from ros import Ros
from steps import Step


def messages(root: Path, venv: Path, source: Ros) -> Step:
    """`colcon build` of this checkout and, where it is missing, of tf2_msgs."""
    install = root / "install"
    installed = [root / name for name in ("config", "hmr_ros", "launch", "scripts", "weights")]
    return Step(
        name="messages",
        inputs=(
            root / "CMakeLists.txt",
            root / "package.xml",
            root / "tools" / "fix_wheels.cmake",
            *sorted((root / "msg").glob("*.msg")),
            *sorted(p for p in (root / "tools" / "tf2_msgs").rglob("*") if p.is_file()),
        ),
        # Installed files are links: their contents may change freely, but not their names.
        words=(platform.python_version(), str(source), *_names(root, installed)),
        outputs=(install / "hmr_ros" / "share" / "hmr_ros" / "package.xml",),
        action=lambda log: _build(root, venv, source, log),
    )


def _names(root: Path, folders: list[Path]) -> list[str]:
    return sorted(
        str(path.relative_to(root))
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def _build(root: Path, venv: Path, source: Ros, log: Path) -> None:
    environment = source.environment(venv)
    python = venv / "bin" / "python"
    colcon = shutil.which("colcon", path=environment["PATH"])
    if colcon is None:
        pip = [python, "-m", "pip", "install", "colcon-common-extensions"]
        console.run("colcon", pip, log, environment)
        colcon = venv / "bin" / "colcon"
    folders = [root]
    if subprocess.run(
        [python, "-c", "import tf2_msgs.msg"], env=environment, stderr=subprocess.DEVNULL
    ).returncode:
        folders.insert(0, root / "tools" / "tf2_msgs")
    build = [colcon, "build", "--symlink-install", "--base-paths", *folders]
    build += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={python}"]
    build += [f"-DCMAKE_PROJECT_INCLUDE={root / 'tools' / 'fix_wheels.cmake'}"]
    try:
        console.run("ROS messages (colcon build)", build, log, environment, folder=root)
    except console.SetupError as error:
        raise console.SetupError(
            f"{error}\n  If build/ or install/ come from another kind of build: make clean"
        ) from None
    write_launchers(root, venv, source)
    imports = [venv / "bin" / "hmr-env", "python", "-c"]
    imports += ["import rclpy, hmr_ros.msg, tf2_msgs.msg"]
    console.run("check of the messages", imports, log, console.clean_environment())
