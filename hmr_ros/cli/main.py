"""The dispatcher: finds the command's module, parses its options, reports its errors.

A command is a module of this folder with ``SUMMARY``, ``add_arguments(parser)`` and
``run(args) -> exit status``. It is imported only when it is called.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hmr_ros.cli.listing import listing

COMMANDS = ("demo", "run", "train", "eval", "bench", "export", "build-engine", "doctor")
FOLDER = Path(__file__).parent

# Errors that say by themselves what is wrong; everything else is a fault of ours and shows where.
EXPECTED = (ValueError, OSError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hmr`` with these arguments (default: the command line's); returns the exit status.

    0 done, 1 the command's own failure, 2 wrong use or an input that cannot be used, 130 stopped
    by Ctrl-C. HMR_DEBUG=1 in the environment shows the trace of an expected error as well.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    available = [c for c in COMMANDS if (FOLDER / f"{c.replace('-', '_')}.py").exists()]
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_usage(available))
        return 0
    if argv[0] == "--version":
        from hmr_ros import __version__

        print(f"hmr_ros {__version__}")
        return 0
    command, *rest = argv
    if command not in available:
        print(f"hmr: there is no command {command!r}\n\n{_usage(available)}", file=sys.stderr)
        return 2
    return reporting_errors(lambda: _run(command, rest), f"hmr {command}")


def reporting_errors(action: Callable[[], int], name: str) -> int:
    """Exit status of ``action``; an expected error becomes one line on stderr and status 2."""
    try:
        return action()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, as in `hmr ... | head`. Python would complain once
        # more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EXPECTED as error:
        if os.environ.get("HMR_DEBUG") == "1":
            raise
        print(f"{name}: {_in_words(error)}", file=sys.stderr)
        return 2


def _run(command: str, rest: list[str]) -> int:
    module = importlib.import_module(f"hmr_ros.cli.{command.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=f"hmr {command}", description=module.SUMMARY)
    module.add_arguments(parser)
    return module.run(parser.parse_args(rest))


def _in_words(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package in ("hmr_ros", "rclpy") or package.endswith("_msgs"):
            return (
                f"{error.name} is not to be found: ROS 2 or the built messages are not in this "
                "environment; use .venv/bin/hmr after `make setup`, or source install/setup.bash"
            )
        return (
            f"the Python package {package} is not installed; `make setup` installs what the node "
            "and the demo need, `make setup-dev` what training, export and tests need"
        )
    return str(error) or type(error).__name__


def _usage(available: list[str]) -> str:
    return (
        "usage: hmr COMMAND [options]\n\n"
        f"{listing(FOLDER, available)}\n\n"
        "`hmr COMMAND --help` describes its options."
    )
