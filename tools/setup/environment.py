"""The launchers: `.venv/bin/hmr` and `.venv/bin/hmr-env` work from any folder, nothing sourced."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote

from ros import Ros

HMR = """#!/bin/sh
# The command of this checkout; written by tools/setup.
exec {env} python {script} "$@"
"""


def write_launchers(root: Path, venv: Path, source: Ros) -> None:
    """Write both launchers into ``venv``'s bin."""
    launcher = venv / "bin" / "hmr-env"
    _write_program(launcher, _environment_script(root, venv, source))
    script = HMR.format(env=quote(str(launcher)), script=quote(str(root / "scripts" / "hmr")))
    _write_program(venv / "bin" / "hmr", script)


def _environment_script(root: Path, venv: Path, source: Ros) -> str:
    prefixes = [
        p for p in (root / "install" / "hmr_ros", root / "install" / "tf2_msgs") if p.is_dir()
    ]
    libraries = [p / "lib" for p in prefixes]
    ament = list(prefixes)
    # The sources come first: an edit takes effect at once, and a file deleted there is gone.
    modules = [root, *(folder for p in prefixes for folder in _module_folders(p))]
    lines = [
        "#!/bin/sh",
        "# Runs a command in the environment of this checkout: .venv/bin/hmr-env COMMAND ...",
        "# Written by tools/setup.",
    ]
    if source.sourced:
        lines += [f'[ "$ROS_DISTRO" = {source.distro} ] || . {quote(str(source.setup))}']
    else:
        ament.append(venv)
        libraries += [venv / "lib", *sorted(venv.glob("lib/python*/site-packages/ros_*.libs"))]
        # The wheels' start-up hook would set the library path and start Python a second time.
        lines += ["export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1"]
    profile = root / "config" / "fastdds_shm.xml"
    lines += [
        f"export VIRTUAL_ENV={quote(str(venv))}",
        _prepended("PATH", [venv / "bin"]),
        _prepended("AMENT_PREFIX_PATH", ament),
        _prepended("LD_LIBRARY_PATH", libraries),
        _prepended("PYTHONPATH", modules),
        f'export FASTRTPS_DEFAULT_PROFILES_FILE="${{FASTRTPS_DEFAULT_PROFILES_FILE:-{profile}}}"',
        'exec "$@"',
    ]
    return "\n".join(lines) + "\n"


def _module_folders(prefix: Path) -> list[Path]:
    # Debian's and Ubuntu's own Pythons install below local/ and into dist-packages.
    patterns = ("lib/python*/site-packages", "lib/python*/dist-packages")
    return sorted(p for pattern in patterns for p in prefix.glob(f"**/{pattern}"))


def _prepended(variable: str, folders: list[Path]) -> str:
    joined = os.pathsep.join(map(str, folders))
    return f'export {variable}={quote(joined)}"${{{variable}:+:${variable}}}"'


def _write_program(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    path.chmod(0o755)
