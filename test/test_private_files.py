"""Files of the engine cache: written at once or not at all, and by nobody else."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.runtime.backends.private_files import (
    NotPrivate,
    locked,
    private_folder,
    read_private,
    remove_partial,
    write_private,
)


def test_new_folder_is_its_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700


@settings(max_examples=20, deadline=None)  # each waits for the disk
@given(st.binary(max_size=2000))
def test_content_comes_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("files") / "file"
    write_private(path, content)
    assert read_private(path) == content
    assert [p.name for p in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "mode, readable", [(0o600, True), (0o644, True), (0o620, False), (0o602, False)]
)
def test_file_that_others_may_write_is_not_read(tmp_path, mode, readable):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    path.chmod(mode)
    if readable:
        assert read_private(path) == b"content"
    else:
        with pytest.raises(NotPrivate, match="written by other users"):
            read_private(path)


def test_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "file")


KILLED = """
import os, signal, sys
from pathlib import Path
from hmr_ros.runtime.backends import private_files
private_files.os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
private_files.write_private(Path(sys.argv[1]), b"new content")
"""


def test_writer_that_is_killed_leaves_the_old_content(tmp_path):
    path = tmp_path / "file"
    write_private(path, b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert read_private(path) == b"old" and len(list(tmp_path.iterdir())) == 2
    remove_partial(path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_lock_keeps_threads_apart_and_can_be_given_up(tmp_path):
    path, inside, leave = tmp_path / "lock", threading.Event(), threading.Event()

    def hold():
        with locked(path):
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(10)
    waits = []
    with (
        pytest.raises(InterruptedError),
        locked(path, lambda: len(waits) > 1, lambda: waits.append(1)),
    ):
        pytest.fail("two inside")
    leave.set()
    holder.join()
    with locked(path):
        pass


def test_lock_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotPrivate, match="link"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
