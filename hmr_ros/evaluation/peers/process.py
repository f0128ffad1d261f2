"""A peer in a process of its own: images in, answers out, and a new process when it dies."""

from __future__ import annotations

import json
import select
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from hmr_ros.evaluation.peers.environment import PeerError, clean_variables

START_S = 120.0  # a first start reads some 100 MB from disk
ANSWER_S = 30.0
TRIES = 3  # deaths in a row after which the peer is given up


class PeerProcess:
    """``ask(image)`` of the program ``script`` under the interpreter ``python``.

    An image at which the process dies or hangs is answered with None (counted in ``deaths``) and a
    new process is started for the next one. Raises PeerError if it dies ``TRIES`` times in a row.
    Use as a context manager.
    """

    def __init__(self, python: Path, script: Path, answer_s: float = ANSWER_S) -> None:
        # -I: neither PYTHONPATH nor our folder reach into the peer's environment.
        self._command = [str(python), "-I", str(script)]
        self._answer_s = answer_s
        self._process: subprocess.Popen | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._in_a_row = 0
        self.deaths = 0
        self.version = ""

    def __enter__(self) -> PeerProcess:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def start(self) -> None:
        """Start now rather than at the first question; fills ``version``."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=clean_variables(),
                # Ctrl-C is for us; the peer ends when its input does.
                start_new_session=True,
            )
            self._rest = b""
            hello = self._line(START_S)
            if hello is None:
                self._fail("did not start")
            self.version = json.loads(hello)["version"]

    def ask(self, image: np.ndarray) -> dict | None:
        """The answer for an RGB image [H, W, 3] uint8, or None if the process did not survive."""
        self.start()
        height, width = image.shape[:2]
        request = f"{height} {width}\n".encode() + np.ascontiguousarray(image).tobytes()
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            line = self._line(self._answer_s)
        except BrokenPipeError:
            line = None
        if line is None:
            self.deaths += 1
            self._in_a_row += 1
            if self._in_a_row >= TRIES:
                self._fail(f"died or hung at {TRIES} images in a row")
            self.close()
            return None
        self._in_a_row = 0
        return json.loads(line)

    def close(self) -> None:
        """End the process; the next question starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.stdin.close()
            process.wait(0.5)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        process.stdout.close()

    def _line(self, limit_s: float) -> bytes | None:
        """The next line of output, or None if there is none in time."""
        ends = time.monotonic() + limit_s
        pipe = self._process.stdout
        while b"\n" not in self._rest:
            left = ends - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                return None
            got = pipe.read1(1 << 16)
            if not got:
                return None
            self._rest += got
        line, self._rest = self._rest.split(b"\n", 1)
        return line

    def _fail(self, how: str) -> None:
        self.close()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-6:]
        text = "\n".join(last)
        raise PeerError(f"the peer {' '.join(self._command)} {how}; it said last:\n{text}")
