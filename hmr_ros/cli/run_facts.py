"""What a reader of figures must know of the run that gave them."""

from __future__ import annotations

import sys
from pathlib import Path


def run_facts(name: str) -> dict[str, str]:
    """Command, package, machine and date of a run of ``hmr eval name``."""
    import datetime

    from hmr_ros import __version__
    from hmr_ros.machine import machine

    described = machine()
    versions = ", ".join(f"{k} {v}" for k, v in described["versions"].items())
    words = [Path(sys.argv[0]).name, *sys.argv[1:]] if "eval" in sys.argv else ["hmr eval", name]
    return {
        "command": " ".join(words),
        "package": f"hmr_ros {__version__}",
        "machine": f"{described['cpu']}, {described['cores']} cores, {described['system']}",
        "versions": f"Python {described['python']}, {versions}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
