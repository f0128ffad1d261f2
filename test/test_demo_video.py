"""Fetching the demo's video: a package is unpacked without installing it, and failure is no end."""

import gzip
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[1] / "tools" / "fetch_video.py"
VIDEO = b"RIFF" + bytes(range(256)) * 64

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")


@pytest.fixture
def tool(tmp_path, monkeypatch):
    if not TOOL.is_file():
        pytest.skip("tools/ lies only in the source tree")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = importlib.util.spec_from_file_location("fetch_video", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "INSTALLED", tmp_path / "not installed")
    return module


def package(folder: Path, files: dict[str, bytes], compression: str = "xz") -> Path:
    """A small .deb with these files."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <no@example.org>\n"
        "Description: a package for a test\n"
    )
    for name, data in files.items():
        path = root / "usr/share/doc/opencv-doc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    made = folder / "tiny.deb"
    subprocess.run(
        ["dpkg-deb", f"-Z{compression}", "--root-owner-group", "--build", root, made],
        check=True,
        capture_output=True,
    )
    return made


@needs_dpkg
@pytest.mark.parametrize("compression", ["gzip", "xz"])
def test_video_comes_out_of_a_package(tool, tmp_path, compression):
    files = {"copyright": b"words", "examples/data/vtest.avi": VIDEO, "examples/z.avi": b"other"}
    assert tool.video_of_package(package(tmp_path, files, compression)) == VIDEO


@needs_dpkg
def test_compressed_video_is_unpacked(tool, tmp_path):
    files = {"examples/vtest.avi.gz": gzip.compress(VIDEO)}
    assert tool.video_of_package(package(tmp_path, files)) == VIDEO


@needs_dpkg
def test_package_without_the_video_and_broken_package_are_named(tool, tmp_path):
    with pytest.raises(tool.FetchError, match="tiny.deb holds no vtest.avi"):
        tool.video_of_package(package(tmp_path, {"copyright": b"words"}))
    cut = tmp_path / "cut.deb"
    cut.write_bytes((tmp_path / "tiny.deb").read_bytes()[:200])
    with pytest.raises(tool.FetchError, match="cut.deb"):
        tool.video_of_package(cut)


@needs_dpkg
def test_main_fetches_once(tool, tmp_path, monkeypatch, capsys):
    made = package(tmp_path, {"vtest.avi": VIDEO})
    monkeypatch.setattr(tool, "downloaded", lambda folder: made)
    assert tool.main() == 0
    assert tool.cached_video().read_bytes() == VIDEO
    assert [p.name for p in tool.cached_video().parent.iterdir()] == ["vtest.avi"]
    monkeypatch.setattr(tool, "downloaded", lambda folder: pytest.fail("fetched a second time"))
    assert tool.main() == 0
    assert "is there already" in capsys.readouterr().out


def test_without_network_the_demo_goes_on_with_a_photograph(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(tool, "_ran", lambda command, folder: "E: Could not resolve host")
    assert tool.main() == 0
    said = capsys.readouterr().out
    assert "Could not resolve host" in said and "photograph" in said
    assert not tool.cached_video().exists()


def test_an_installed_copy_is_used(tool, tmp_path):
    tool.INSTALLED.mkdir()
    (tool.INSTALLED / "vtest.avi.gz").write_bytes(gzip.compress(VIDEO))
    assert tool.main() == 0
    assert tool.cached_video().read_bytes() == VIDEO
