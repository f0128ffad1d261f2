"""`hmr bench networks` and `hmr bench gpu`, and the energy that some machines tell."""

import re
import shutil
import time
from argparse import Namespace

import numpy as np
import pytest

from hmr_ros.cli import energy


def counter(system, name, microjoules, zone="package-0"):
    folder = system / "powercap" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{zone}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text("9999999\n")


def test_energy_of_both_packages_also_when_a_counter_turns_over(tmp_path):
    counter(tmp_path, "intel-rapl:0", 9_500_000)
    counter(tmp_path, "intel-rapl:1", 100)
    # What is a part of a package, and what holds the packages, is not counted beside them.
    others = {"intel-rapl:0:0": "core", "intel-rapl:2": "psys"}
    for name, zone in others.items():
        counter(tmp_path, name, 5, zone)
    count = energy.counters(tmp_path)
    counter(tmp_path, "intel-rapl:0", 500_000)
    counter(tmp_path, "intel-rapl:1", 2_000_100)
    for name, zone in others.items():
        counter(tmp_path, name, 3_000_000, zone)
    assert count() == pytest.approx(1.0 + 2.0)
    assert count() == pytest.approx(3.0)


def board(system):
    folder = system / "hwmon" / "hwmon1"
    folder.mkdir(parents=True)
    for number, (rail, millivolts, milliamperes) in enumerate(
        (("VDD_CPU_GPU_CV", 5000, 900), ("VDD_IN", 19_000, 700)), 1
    ):
        (folder / f"in{number}_label").write_text(f"{rail}\n")
        (folder / f"in{number}_input").write_text(f"{millivolts}\n")
        (folder / f"curr{number}_input").write_text(f"{milliamperes}\n")


def test_power_of_the_rail_that_feeds_a_board(tmp_path):
    board(tmp_path)
    assert energy.board_power(tmp_path)() == pytest.approx(13.3)


def test_joules_of_a_call_by_counters(tmp_path):
    # So little a call that the counter does not turn over however quick the machine is.
    used = iter(range(0, 10**9, 250))
    counter(tmp_path, "intel-rapl:0", next(used))
    found = energy.joules_a_call(
        lambda: counter(tmp_path, "intel-rapl:0", next(used)), 0.02, tmp_path
    )
    assert found == pytest.approx(0.25e-3)


def test_joules_of_a_call_by_the_board_are_watts_times_seconds(tmp_path):
    board(tmp_path)
    lasted = []

    def call():
        begin = time.perf_counter()
        time.sleep(0.02)
        lasted.append(time.perf_counter() - begin)

    found = energy.joules_a_call(call, 0.1, tmp_path)
    assert found == pytest.approx(13.3 * np.mean(lasted), rel=0.1)


def test_machines_that_tell_no_energy(tmp_path):
    assert energy.counters(tmp_path) is None and energy.board_power(tmp_path) is None
    assert energy.joules_a_call(lambda: None, 0.01, tmp_path) is None


def test_what_is_here_is_compared_in_one_run(capsys):
    from hmr_ros.cli.benchmarks import networks

    asked = Namespace(model=["lifter"], batch=[1, 2], rounds=3, threads=1, folder=None)
    rows = {row["name"]: row for row in networks.measure(asked)}
    plain = rows["lifter, onnxruntime float32, 2 at once"]
    assert plain["per_second"] == pytest.approx(2e3 / plain["p50_ms"])
    assert plain["processor_ms"] > 0 and plain["start_s"] > 0
    for row in rows.values():
        versus = rows[row["versus"]]
        assert row["ratio"] == pytest.approx(versus["p50_ms"] / row["p50_ms"])
        assert "onnxruntime float32" in row["versus"] and row["versus"][-9:] == row["name"][-9:]
    said = capsys.readouterr().out
    assert "onnxruntime float32: CPU" in said
    # What is missing is named, with what would make it.
    assert re.search("lifter in int8: .*hmr export lifter --precision int8", said)


def test_every_estimator_with_weights_is_measured(monkeypatch, tmp_path):
    from hmr_ros.cli.benchmarks import networks

    asked = []
    monkeypatch.setattr(networks, "_backends", lambda path, name, *_: asked.append(name) or ())
    for name in ("lifter", "factorized"):
        (tmp_path / f"{name}.onnx").touch()
    networks.measure(Namespace(model=None, batch=[1], rounds=1, threads=1, folder=tmp_path))
    assert sorted(asked) == ["factorized", "lifter"]


def test_weights_that_cannot_be_used_are_told(tmp_path, capsys):
    from hmr_ros.assets import asset
    from hmr_ros.cli.benchmarks import networks
    from hmr_ros.runtime.graph_file import WeightsError

    for suffix in (".onnx", ".json", "-reference.npz"):
        shutil.copy(asset("weights", f"lifter{suffix}"), tmp_path)
    asked = Namespace(model=["lifter"], batch=[1], rounds=1, threads=1, folder=tmp_path)
    (row,) = networks.measure(asked)
    assert row["name"] == "lifter, onnxruntime float32, 1 at once"
    assert "lifter in float32 on torch: " in capsys.readouterr().out
    (tmp_path / "lifter.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match=r"lifter\.onnx"):
        networks.measure(asked)


def test_the_memory_of_a_backend_is_what_it_adds():
    from hmr_ros.cli.process_memory import resident_mib

    # 128 MiB that are gone again: the peak of the process is no answer. Of blocks up to 32 MiB the
    # C library may keep what was freed, and take it again.
    np.ones(128 << 17)
    before = resident_mib()
    held = np.ones(64 << 17)
    assert resident_mib() - before == pytest.approx(64, abs=2)
    del held
    assert resident_mib() - before == pytest.approx(0, abs=2)


def test_the_gpu_is_asked_for_plainly():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    from hmr_ros.cli.benchmarks import gpu

    with pytest.raises(ValueError, match="hmr bench gpu needs a CUDA device"):
        gpu.measure(Namespace())


@pytest.fixture
def lifter_graph():
    pytest.importorskip("torch", reason="torch is not installed")
    from hmr_ros.assets import asset
    from hmr_ros.runtime.graph_file import read_graph

    return read_graph(asset("weights", "lifter.onnx"))


def test_operations_of_a_network_are_counted(lifter_graph):
    from hmr_ros.cli.benchmarks import gpu
    from hmr_ros.runtime.backends.torch_backend import network_of

    people, _ = lifter_graph.references()
    network = network_of(lifter_graph)
    counts = [gpu.operations(network, [v[:n] for v in people.values()]) for n in (1, 2)]
    # Eight million weights, each multiplied and added once a person.
    assert counts[1] == 2 * counts[0] and 14e6 < counts[0] < 20e6


def test_the_floor_is_the_slower_of_work_and_bytes_in_the_precision_of_the_run(lifter_graph):
    from hmr_ros.cli.benchmarks import gpu
    from hmr_ros.runtime.backends.backend import open_backend

    backend = open_backend("onnxruntime", lifter_graph)
    runs = gpu.measured(lifter_graph, backend, [1, 4], 3)
    people, answers = runs[4].inputs, runs[4].outputs
    assert {len(v) for v in (*people.values(), *answers.values())} == {4}

    def rows(precision, *rates):
        return gpu.beside_the_floor(lifter_graph, precision, runs, rates)

    single, half = rows("float32", 1e30, 1e9), rows("float16", 1e30, 1e9)
    passed = sum(v.nbytes for v in (*people.values(), *answers.values()))
    # Eight million weights of four bytes, or of two.
    weights = single[1]["bytes"] - passed
    assert 30e6 < weights < 36e6 and half[1]["bytes"] - passed == weights / 2
    assert single[1]["floor_ms"] == pytest.approx(single[1]["bytes"] / 1e6)
    assert single[1]["of_floor"] == pytest.approx(single[1]["p50_ms"] / single[1]["floor_ms"])
    slow = rows("float32", 1e9, 1e30)
    assert slow[1]["floor_ms"] == pytest.approx(slow[1]["operations"] / 1e6)
    assert [r["name"] for r in slow] == [f"gpu, lifter float32, {n} at once" for n in (1, 4)]
