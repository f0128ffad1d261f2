"""Files that keep what a benchmark has found so far, so that an interrupted run goes on.

One folder a run, one ``.npz`` a chunk of pictures. A chunk that is not whole, or that another run
wrote, is never used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hmr_ros.whole_file import whole_file

_log = logging.getLogger(__name__)
_RUN = "run"  # the array of a chunk that says whose it is
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def key_of(identity: Mapping) -> str:
    """Twelve hex digits for everything that decides the answers (plain values, JSON)."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


class Kept:
    """The chunks of one run: ``parent/<benchmark>-<key>/*.npz``; ``about.json`` says of what.

    identity: everything that decides the answers; other values are another folder. Nothing is
    written before the first chunk.
    """

    def __init__(self, parent: Path, benchmark: str, identity: Mapping) -> None:
        self._identity = {"benchmark": benchmark, **identity}
        self._key = key_of(self._identity)
        self.folder = Path(parent) / f"{benchmark}-{self._key}"

    def forget(self) -> None:
        """Delete the chunks that are there."""
        for path in self._paths():
            path.unlink()

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a chunk atomically: after an interruption there is all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        about = self.folder / "about.json"
        if not about.exists():
            about.write_text(json.dumps(self._identity, indent=1, sort_keys=True) + "\n")
        with whole_file(self.folder / f"{name}.npz") as partial, open(partial, "wb") as file:
            np.savez(file, **{_RUN: np.array(self._key)}, **arrays)

    def chunks(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """(name, arrays) of all whole chunks in order of name. A damaged one, or one of another
        run, is left out with a warning."""
        for path in self._paths():
            try:
                with np.load(path, allow_pickle=False) as file:
                    arrays = {name: file[name] for name in file.files}
                owner = str(arrays.pop(_RUN))
            except _DAMAGED as error:
                self.warn(path.stem, f"it is damaged ({type(error).__name__}: {error})")
                continue
            if owner != self._key:
                self.warn(path.stem, f"it belongs to the run {owner}")
                continue
            yield path.stem, arrays

    def warn(self, name: str, why: str) -> None:
        """Say that a chunk is not used; what is in it is found anew."""
        _log.warning("%s is not used, its part is done anew: %s", self.folder / f"{name}.npz", why)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.npz"))
