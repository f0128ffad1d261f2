"""Running a long command with its progress on one line and its output in a file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HEARTBEAT_S = 20.0  # between lines where the output is no terminal
TAIL = 25  # lines of a failed command that are shown


class SetupError(Exception):
    """What went wrong and how to mend it, for the user to read."""


def run(
    title: str,
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run ``command``; its output is appended to ``log``.

    On a terminal its last line of output is shown as it goes; elsewhere a line now and then.
    Raises SetupError with the end of the output if the command fails.
    """
    started = time.monotonic()
    lines: list[str] = []
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(map(str, command))}\n")
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=None if environment is None else dict(environment),
                cwd=folder,
            )
        except OSError as error:
            raise SetupError(f"{title}: {command[0]} cannot be started: {error}") from None
        reading = threading.Thread(target=_copy, args=(process.stdout, file, lines), daemon=True)
        reading.start()
        try:
            _watch(title, process, lines, started)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            reading.join(timeout=5)
    if process.returncode != 0:
        end = "\n".join(f"    {line}" for line in lines[-TAIL:])
        raise SetupError(f"{title}\n{end}\n  all of its output: {log}")


def _copy(stream, file, lines: list[str]) -> None:
    for line in stream:
        file.write(line)
        file.flush()
        if line.strip():
            lines.append(line.strip())


def _watch(title: str, process: subprocess.Popen, lines: list[str], started: float) -> None:
    terminal = sys.stdout.isatty()
    if not terminal:
        print(f"  {title} ...", flush=True)
    told = started
    while process.poll() is None:
        now = time.monotonic()
        last = next((line for line in reversed(lines) if "WARNING" not in line), "")
        if terminal:
            width = shutil.get_terminal_size().columns - 1
            text = f"  {title} ... {now - started:.0f} s  {last}"
            print(f"\r{text[:width]:<{width}}", end="", flush=True)
        elif now - told >= HEARTBEAT_S:
            told = now
            print(f"    {now - started:.0f} s: {last[:100]}", flush=True)
        time.sleep(0.2)
    verdict = "done" if process.returncode == 0 else "FAILED"
    text = f"  {title}: {verdict} in {time.monotonic() - started:.0f} s"
    if terminal:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{text:<{width}}", flush=True)
    else:
        print(text, flush=True)


def clean_environment() -> dict[str, str]:
    """The environment without what the calling `make` tells its children about itself."""
    ours = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if name not in ours}
