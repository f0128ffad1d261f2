"""The CUDA side of the TensorRT backend with the real pycuda, compiled, on a driver whose device is
the host. Skipped unless tools/pycuda_on_host/build.sh was run, which takes minutes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / ".cache" / "pycuda"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    if not (BUILT / "libcuda.so.1").is_file():
        pytest.skip("pycuda is not compiled: tools/pycuda_on_host/build.sh")
    paths = [str(BUILT / "modules"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    probe = ROOT / "test" / "pycuda_on_host_probe.py"
    done = subprocess.run(
        [sys.executable, probe, tmp_path_factory.mktemp("graph")],
        env={
            **os.environ,
            "LD_PRELOAD": str(BUILT / "libcuda.so.1"),
            "PYTHONPATH": os.pathsep.join(paths),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "PyCUDA" not in done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_memory_streams_and_events_are_given_back(report):
    for stage, counts in report["stages"].items():
        held = [counts[name] for name in ("device", "page_locked", "streams", "events")]
        # Two sets of buffers for six tensors.
        assert held == ([12, 12, 2, 4] if "open" in stage or "used" in stage else [0] * 4), stage


def test_primary_context_is_retained_once_and_no_thread_keeps_it_current(report):
    assert {counts["retained"] for counts in report["stages"].values()} == {1}
    assert {counts["depth"] for counts in report["stages"].values()} == {0}


def test_device_and_errors_in_words(report):
    assert report["said"]["device"] == ["Host", "8.7"]
    assert "allocating on Host: out of device memory" in report["said"]["memory"]
