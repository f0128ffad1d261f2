"""Files that appear as a whole: a reader sees what was there before, or all that is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; when the block ends, that file takes the place of
    ``path``, after a power cut too. If the block raises, what was there stays and nothing else.

    Two processes that write the same ``path`` never write into one file; the later one stays.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with open(partial, "rb") as file:  # on the disk before it has the name
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
