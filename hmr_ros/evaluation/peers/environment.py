"""Python environments of the peers: made once, on request, apart from ours.

A peer's package asks for versions that ours cannot live with (MediaPipe: NumPy below 2), so it
gets a virtual environment under the user's cache and is spoken to through pipes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MARK = "complete.json"  # written last, so an interrupted installation is not taken for a whole one
SET_UP = "hmr eval synocc-still --set-up-peers"


class PeerError(ValueError):
    """A peer that cannot be used; the text says what to do."""


@dataclass(frozen=True)
class Package:
    """A peer's package: ``alone`` is installed without what it declares to need, ``beside`` with
    its dependencies. pythons: minor versions of Python 3 that it has wheels for."""

    name: str
    version: str
    alone: tuple[str, ...]
    beside: tuple[str, ...]
    pythons: tuple[int, ...]


# MediaPipe declares jax, sounddevice and sentencepiece too (700 MB), which its pose solution does
# not import. The wheel carries the model of complexity 1; nothing is fetched at run time.
MEDIAPIPE = Package(
    name="mediapipe",
    version="0.10.21",
    alone=("mediapipe==0.10.21",),
    beside=(
        "numpy==1.26.4",
        "opencv-contrib-python-headless==4.11.0.86",
        "protobuf>=4.25.3,<5",
        "absl-py",
        "attrs>=19.1",
        "flatbuffers>=2.0",
        "matplotlib<3.11",
    ),
    pythons=(9, 10, 11, 12),
)
PACKAGES = {MEDIAPIPE.name: MEDIAPIPE}


def peers_folder() -> Path:
    """``$HMR_PEERS``, else ``hmr_ros/peers`` in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HMR_PEERS") or Path(cache) / "hmr_ros" / "peers")


def package_of(name: str) -> Package:
    """Raises PeerError with the known names."""
    if name not in PACKAGES:
        raise PeerError(f"peer {name!r} is unknown; known: {', '.join(PACKAGES)}")
    return PACKAGES[name]


def folder_of(package: Package) -> Path:
    return peers_folder() / f"{package.name}-{package.version}"


def python_of(name: str) -> Path:
    """The peer's interpreter. Raises PeerError if its environment was not made."""
    package = package_of(name)
    folder = folder_of(package)
    python = folder / "bin" / "python"
    if not (folder / MARK).is_file() or not python.exists():
        raise PeerError(
            f"the environment of the peer {name} is not there ({folder}); make it once, with a "
            f"network, by `{SET_UP}`"
        )
    return python


def set_up(name: str, tell: Callable[[str], None] = print) -> Path:
    """Make the peer's environment with pip; returns its folder. Needs a package index.

    Raises PeerError if no interpreter fits or pip fails. One that is complete is left as it is.
    """
    package = package_of(name)
    folder = folder_of(package)
    if (folder / MARK).is_file():
        tell(f"{name} {package.version} is there: {folder}")
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    tell(f"installing {name} {package.version} into {folder} (about 400 MB)")
    _checked([str(interpreter(package)), "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _checked([*pip, "--no-deps", *package.alone], folder)
    _checked([*pip, *package.beside], folder)
    frozen = _checked([*pip[:3], "freeze"], folder).split()
    mark = {"package": package.name, "version": package.version, "installed": frozen}
    (folder / MARK).write_text(json.dumps(mark, indent=1), "utf-8")
    return folder


def interpreter(package: Package) -> Path:
    """A Python that the package has wheels for: ours, else one on the PATH."""
    if sys.version_info[1] in package.pythons:
        return Path(sys.executable)
    for minor in reversed(package.pythons):
        found = shutil.which(f"python3.{minor}")
        if found:
            return Path(found)
    wanted = ", ".join(f"3.{minor}" for minor in package.pythons)
    raise PeerError(
        f"{package.name} {package.version} has wheels for Python {wanted} only and none of them "
        "is on the PATH; install one of them and try again"
    )


def clean_variables() -> dict[str, str]:
    """The environment's variables without those that would bring our packages into theirs."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD")
    return {key: value for key, value in os.environ.items() if key not in dropped}


def _checked(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=clean_variables())
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise PeerError(f"{' '.join(command)} failed; {folder} is incomplete:\n{last}")
    return done.stdout
