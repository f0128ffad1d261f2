"""Files that only their owner may read or change: an engine is code that the GPU runs."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
POLL_S = 0.1


class NotPrivate(ValueError):
    """A file or folder that somebody else owns or may change; the text says how to mend it."""


def private_folder(path: Path) -> Path:
    """``path``, made with mode 0700 if it is not there.

    Raises NotPrivate if it is another user's or open to others, OSError if it cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotPrivate(f"{path} is no folder of its own (a link?): name another one")
    _refuse_foreign(path, found)
    if found.st_mode & 0o077:
        raise NotPrivate(f"{path} is open to other users: chmod 700 {path}")
    return path


def read_private(path: Path) -> bytes:
    """Content of a file that nobody else could have written.

    Raises FileNotFoundError, OSError, or NotPrivate for another user's file, one that others may
    write, and a link.
    """
    descriptor = _opened(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        # What was checked is what is read: both are the same descriptor's.
        found = os.fstat(descriptor)
        _refuse_foreign(path, found)
        if not stat.S_ISREG(found.st_mode):
            raise NotPrivate(f"{path} is no regular file: delete it")
        if found.st_mode & 0o022:
            raise NotPrivate(f"{path} may be written by other users: delete it, or chmod 600 it")
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Replace ``path`` at once by a file of mode 0600: whatever happens, there is the old content
    or all of the new. Raises OSError, for a full disk too; then nothing is left behind."""
    descriptor, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    _sync_folder(path.parent)


def remove_partial(path: Path) -> None:
    """Remove what a writer of ``path`` left that was killed. Only under the writers' lock."""
    for left in path.parent.glob(f".{path.name}.*{PARTIAL}"):
        left.unlink(missing_ok=True)


@contextmanager
def locked(
    path: Path,
    cancelled: Callable[[], bool] = lambda: False,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock file ``path``; the kernel frees it when the process ends, however it ends.

    waiting: called as long as another process or thread holds it. Raises InterruptedError if
    ``cancelled`` while waiting, OSError if the folder cannot be written, NotPrivate.
    """
    descriptor = _opened(path, os.O_RDWR | os.O_CREAT)
    try:
        _refuse_foreign(path, os.fstat(descriptor))
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if cancelled():
                    raise InterruptedError(f"stopped while {path} was another's") from None
                waiting()
                time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise NotPrivate(f"{path} is a link: delete it") from error
        raise


def _refuse_foreign(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise NotPrivate(
            f"{path} belongs to user {found.st_uid}, this process runs as {os.geteuid()}: delete "
            "it, or name a folder of your own"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
