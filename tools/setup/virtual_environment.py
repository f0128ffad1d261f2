"""`.venv`: kept if it works and belongs to this checkout and this ROS, else made anew."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import console
import ros


def adopt_or_make(venv: Path, source: ros.Ros, logs: Path, before_work: Callable[[], None]) -> None:
    """Leave a usable ``venv`` behind. Raises SetupError."""
    reason = unusable(venv, source)
    if reason is None:
        ros.remember(source, venv)
        return
    before_work()
    if reason:
        print(f"  making .venv anew: {reason}", flush=True)
    # Built for the Python and the ROS of the old one.
    for built in (venv, *(venv.parent / name for name in ("build", "install", "log"))):
        shutil.rmtree(built, ignore_errors=True)
    # A sourced ROS keeps its Python modules among the system's.
    shared = ["--system-site-packages"] if source.sourced else []
    log = logs / "venv.log"
    log.write_text("")
    console.run(
        "virtual environment",
        [sys.executable, "-m", "venv", *shared, venv],
        log,
        console.clean_environment(),
    )
    ros.remember(source, venv)


def unusable(venv: Path, source: ros.Ros) -> str | None:
    """Why ``venv`` has to be made anew: empty if there is none yet, None if it can be used."""
    if not venv.exists():
        return ""
    python = venv / "bin" / "python"
    activate = venv / "bin" / "activate"
    if not python.exists() or not activate.is_file():
        return "its Python is gone"
    if str(venv) not in activate.read_text():
        return "this checkout was moved or copied"
    if ros.made_for_another(source, venv):
        return f"it was made for another ROS than {source}"
    return None
