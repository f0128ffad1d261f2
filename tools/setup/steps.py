"""A step is done again when its inputs have changed or what it makes is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One thing to bring up to date.

    name:     of its stamp and its log.
    inputs:   files whose contents decide about doing it again.
    words:    anything else that does, such as versions.
    outputs:  paths that must exist for it to count as done.
    action:   does it; is given the log file; raises SetupError.
    """

    name: str
    inputs: Sequence[Path]
    words: Sequence[str]
    outputs: Sequence[Path]
    action: Callable[[Path], None]

    def digest(self) -> str:
        """Changes with any input, its name, and the words."""
        digest = hashlib.sha256("\0".join(self.words).encode())
        for path in self.inputs:
            digest.update(f"\0{path.name}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()


def bring_up_to_date(step: Step, stamps: Path, logs: Path, before_work: Callable[[], None]) -> bool:
    """Do ``step`` unless its stamp says that it was done with the same inputs; True if done now.

    before_work: called only if there is something to do, to complain about what is missing first.
    """
    stamp = stamps / step.name
    digest = step.digest()
    if stamp.is_file() and stamp.read_text() == digest and all(p.exists() for p in step.outputs):
        return False
    before_work()
    log = logs / f"{step.name}.log"
    log.write_text("")
    step.action(log)
    stamps.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)
    return True
