"""tools/jetson/setup.sh as far as it runs on a machine that is no Jetson: what it refuses."""

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "jetson" / "setup.sh"


def said(release: Path, **environ: str) -> tuple[int, str]:
    plain = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
    done = subprocess.run(
        [SCRIPT],
        env={**plain, "HMR_L4T_RELEASE": str(release), **environ},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "first_line, words",
    [
        (None, "this is no Jetson"),
        ("something else", "does not tell the release"),
        ("# R35 (release), REVISION: 4.1, GCID: 1", "L4T 35.4 has TensorRT 8; flash JetPack 6.1"),
        ("# R36 (release), REVISION: 3.0, GCID: 1", "L4T 36.3 has TensorRT 8"),
    ],
)
def test_wrong_machine_is_refused_before_anything_is_installed(tmp_path, first_line, words):
    release = tmp_path / "nv_tegra_release"
    if first_line is not None:
        release.write_text(f"{first_line}\nmore\n")
    status, error = said(release)
    assert status == 1 and words in error


@pytest.mark.parametrize(
    "tag, line",
    [
        ("r36.4.0", "# R36 (release), REVISION: 4.0"),
        ("r35.4.1", "# R35 (release), REVISION: 4.1"),
    ],
)
def test_container_tells_the_release_of_its_image_as_a_board_would(tag, line):
    container = (SCRIPT.parent / "Containerfile").read_text()
    command = re.search(r"RUN (echo .*) > /tmp/release", container)[1]
    environ = {**os.environ, "L4T": tag}
    told = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True)
    assert told.stdout == f"{line}\n"
    # Else the name would not be known behind FROM.
    assert re.search(r"^ARG L4T=.*\nFROM .*\nARG L4T$", container, re.MULTILINE)


def test_what_make_leaves_here_stays_out_of_the_container():
    root = SCRIPT.parents[2]
    made = (root / ".gitignore").read_text().partition("\n\n")[0].splitlines()[1:]
    left_out = (root / ".dockerignore").read_text().splitlines()
    assert {folder.rstrip("/") for folder in made} <= set(left_out)
    assert ".git" in left_out


@pytest.mark.skipif(Path("/opt/ros").exists(), reason="there is a ROS in /opt/ros")
@pytest.mark.parametrize("release", ["36 (release), REVISION: 4.3", "38 (release), REVISION: 2.0"])
def test_right_release_needs_ros(tmp_path, release):
    file = tmp_path / "nv_tegra_release"
    file.write_text(f"# R{release}, GCID: 1\n")
    status, error = said(file)
    assert status == 1 and "install ROS 2 Humble" in error
