"""Which ROS to build on: the sourced one, or Jazzy's wheels from PyPI."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console import SetupError, clean_environment

TESTED = ("humble", "jazzy")


@dataclass(frozen=True)
class Ros:
    """distro: of the sourced ROS, or empty for the wheels. setup: its setup.sh."""

    distro: str = ""
    setup: Path | None = None

    @property
    def sourced(self) -> bool:
        return self.setup is not None

    def __str__(self) -> str:
        return f"{self.distro} {self.setup}" if self.sourced else "wheels"

    def environment(self, venv: Path) -> dict[str, str]:
        """The environment to build in: ``venv`` active, this ROS and no other to be found."""
        plain = clean_environment()
        if not self.sourced:
            for name in ("PYTHONPATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "ROS_DISTRO"):
                plain.pop(name, None)
            plain["AMENT_PREFIX_PATH"] = str(venv)
        elif plain.get("ROS_DISTRO") != self.distro:
            plain = _after_sourcing(self.setup, plain)
        plain["VIRTUAL_ENV"] = str(venv)
        plain["PATH"] = f"{venv / 'bin'}{os.pathsep}{plain.get('PATH', os.defpath)}"
        return plain


def detect(environ: Mapping[str, str], venv: Path) -> Ros:
    """The sourced ROS; else the one that ``venv`` was made for, if it is still there; else wheels.

    Raises SetupError if a ROS is sourced that cannot be used, or if there is none and the wheels
    do not run on this machine.
    """
    distro = environ.get("ROS_DISTRO", "")
    if distro:
        return _sourced(distro, environ)
    remembered = _remembered(venv)
    if remembered.sourced and remembered.setup.is_file():
        return remembered
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SetupError(
            "no ROS is sourced, and the ROS wheels of PyPI run on x86_64 Linux only.\n"
            "  Install ROS 2 Humble or Jazzy from its apt repository, then:\n"
            "    . /opt/ros/jazzy/setup.bash"
        )
    return Ros()


def remember(source: Ros, venv: Path) -> None:
    """Write down which ROS ``venv`` is made for."""
    record = venv / ".setup" / "ros"
    record.parent.mkdir(exist_ok=True)
    record.write_text(str(source))


def made_for_another(source: Ros, venv: Path) -> bool:
    """Whether ``venv`` was made for another ROS than ``source``."""
    return str(_remembered(venv)) != str(source)


def _remembered(venv: Path) -> Ros:
    record = venv / ".setup" / "ros"
    distro, _, setup = (record.read_text() if record.is_file() else "wheels").partition(" ")
    return Ros(distro, Path(setup)) if setup else Ros()


def _sourced(distro: str, environ: Mapping[str, str]) -> Ros:
    if distro not in TESTED:
        print(f"  ROS {distro} is sourced; tested are {' and '.join(TESTED)}", flush=True)
    prefixes = [Path(p) for p in environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    # The lowest layer is the distribution itself; workspaces lie in front of it.
    setup = next((p / "setup.sh" for p in reversed(prefixes) if (p / "setup.sh").is_file()), None)
    if setup is None:
        raise SetupError(
            f"ROS_DISTRO is {distro}, but no folder of AMENT_PREFIX_PATH holds a setup.sh.\n"
            f"  Source it:  . /opt/ros/{distro}/setup.bash   or leave ROS out:  unset ROS_DISTRO"
        )
    probe = subprocess.run([sys.executable, "-c", "import rclpy"], capture_output=True, text=True)
    if probe.returncode != 0:
        reason = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
        system = shutil.which("python3", path="/usr/bin:/bin") or "/usr/bin/python3"
        raise SetupError(
            f"ROS {distro} is sourced, but {sys.executable} cannot import its rclpy ({reason}).\n"
            f"  Use the Python that this ROS was built for:  make PYTHON={system} ...\n"
            "  or leave ROS out:  unset ROS_DISTRO"
        )
    return Ros(distro, setup)


def _after_sourcing(setup: Path, environment: dict[str, str]) -> dict[str, str]:
    # No `set -u`: the setup files of ROS read variables that are not set.
    shown = subprocess.run(
        ["sh", "-c", '. "$0" && env -0', str(setup)], env=environment, capture_output=True
    )
    if shown.returncode != 0:
        raise SetupError(f"{setup} failed: {shown.stderr.decode(errors='replace').strip()}")
    pairs = (entry.partition("=") for entry in shown.stdout.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs}
