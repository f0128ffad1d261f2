"""What the system itself must provide, and how to get it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from console import SetupError

CMAKE = (3, 20)  # what the message generators of Jazzy ask for


def check_system() -> None:
    """Raises SetupError that names every missing Debian package and the line to install them."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        raise SetupError(
            f"this is Python {sys.version.split()[0]}; hmr_ros runs on 3.10, 3.11 and 3.12.\n"
            "  Name another one:  make PYTHON=python3.11 ..."
        )
    missing = missing_packages()
    if missing:
        raise SetupError(advice(missing))


def advice(missing: Sequence[tuple[str, str]]) -> str:
    """Text for the user about ``missing``: pairs of what is missing and its Debian package."""
    listed = "\n".join(f"    {what}  (package {package})" for what, package in missing)
    install = " ".join(dict.fromkeys(package for _, package in missing))
    return (
        f"this machine lacks:\n{listed}\n"
        f"  Install it:  sudo apt-get update && sudo apt-get install -y {install}"
    )


def missing_packages() -> list[tuple[str, str]]:
    """What is missing and the Debian package that has it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Debian's own Python has packages by both names; another Python 3 only by its number.
    name = "python3" if sys.executable.startswith("/usr/bin/python3") else f"python{version}"
    missing = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append(("the Python module venv", f"{name}-venv"))
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        missing.append(("the C header Python.h", f"{name}-dev"))
    if shutil.which("make") is None:
        missing.append(("make", "make"))
    if shutil.which("c++") is None and shutil.which("g++") is None:
        missing.append(("a C++ compiler", "g++"))
    if _cmake_version() < CMAKE:
        missing.append((f"CMake {CMAKE[0]}.{CMAKE[1]} or newer", "cmake"))
    return missing


def _cmake_version() -> tuple[int, ...]:
    if shutil.which("cmake") is None:
        return (0,)
    shown = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", shown)
    return tuple(map(int, found.groups())) if found else (0,)
