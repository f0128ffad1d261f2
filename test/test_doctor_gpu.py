"""What ``hmr doctor`` says of a GPU, a Jetson and its engines; none of it is here."""

import json
import os

import pytest

from hmr_ros.assets import asset
from hmr_ros.doctor import gpu
from hmr_ros.runtime.backends.backend import BackendOptions
from hmr_ros.runtime.backends.engine_build import build
from hmr_ros.runtime.graph_file import read_graph

JETSON = "# R{} (release), REVISION: {}, GCID: 1, BOARD: generic, EABI: aarch64, DATE: today\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hmr_ros" / "engines"


def test_machine_without_a_gpu_lacks_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "DEVICES", (tmp_path / "nvidia0",))
    (finding,) = gpu.gpu_findings()
    assert finding.state == "ok" and "processor" in finding.found


def test_gpu_without_libraries_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "DEVICES", (tmp_path,))
    monkeypatch.setattr(gpu, "L4T", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {f.name: f for f in gpu.gpu_findings()}
    if "backend: tensorrt" not in found or found["backend: tensorrt"].state == "ok":
        pytest.skip("TensorRT is here")
    assert "python3-libnvinfer" in found["backend: tensorrt"].remedy
    assert "pip install pycuda" in found["backend: pycuda.driver"].remedy
    assert "CUDA device" not in found, "nothing to ask without the libraries"


@pytest.mark.parametrize(
    "release, revision, state", [(35, "4.1", "warn"), (36, "2.0", "warn"), (36, "4.3", "ok")]
)
def test_release_of_a_jetson(tmp_path, release, revision, state):
    file = tmp_path / "nv_tegra_release"
    file.write_text(JETSON.format(release, revision))
    assert gpu.jetson_release(file).state == state
    assert gpu.jetson_release(tmp_path / "none") is None
    file.write_text("something else")
    assert gpu.jetson_release(file).state == "warn"


@pytest.mark.parametrize(
    "said, state, words",
    [
        ("NV Power Mode: MAXN\n0", "ok", "MAXN"),
        ("NV Power Mode: MAXN_SUPER\n2", "ok", "MAXN_SUPER"),
        ("NV Power Mode: 15W\n2", "warn", "15W: clocks are held down"),
        ("Permission denied", "warn", "nvpmodel says Permission denied"),
    ],
)
def test_power_mode(tmp_path, monkeypatch, said, state, words):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = tmp_path / "nvpmodel"
    program.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    program.chmod(0o755)
    finding = gpu.power_mode()
    assert finding.state == state and words in finding.found


def test_device_and_missing_engine_are_told(machine, cache):
    device, *engines = gpu.device_and_engine()
    assert device.found == "Orin, compute capability 8.7, TensorRT 10.3.0"
    for engine, file in zip(engines, ("baseline-float16.onnx", "baseline.onnx"), strict=True):
        assert engine.state == "warn" and "none for this device" in engine.found
        assert engine.remedy.startswith(f"hmr build-engine {asset('weights', file)} --max-batch 8 ")
    assert not cache.exists(), "looking makes nothing"


def test_engine_is_found_and_a_bad_one_is_told(machine, cache):
    graph = read_graph(asset("weights", "baseline.onnx"))
    path = build(graph, BackendOptions()).kept.path
    _, half, engine = gpu.device_and_engine()
    assert (half.state, engine.state) == ("warn", "ok")
    assert str(path) in engine.found
    path.write_bytes(b"damaged")
    engine = gpu.device_and_engine()[2]
    assert engine.state == "warn" and engine.remedy.endswith("--force")


def test_refusing_device_and_old_version_are_told(machine):
    machine.fail.add("init")
    (finding,) = gpu.device_and_engine()
    assert finding.state == "warn" and "no CUDA device can be used" in finding.found
    assert json.dumps(finding.as_dict())
