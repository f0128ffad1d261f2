"""`hmr bench networks` and `hmr bench gpu`, and the energy that some machines tell."""

from argparse import Namespace

import numpy as np
import pytest

from hmr_ros.cli import energy


def counter(system, name, microjoules):
    folder = system / "powercap" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text("9999999\n")


def test_energy_of_both_packages_also_when_a_counter_turns_over(tmp_path):
    counter(tmp_path, "intel-rapl:0", 9_500_000)
    counter(tmp_path, "intel-rapl:1", 100)
    counter(tmp_path, "intel-rapl:0:0", 5)  # a part of a package is not counted twice
    count = energy.counters(tmp_path)
    counter(tmp_path, "intel-rapl:0", 500_000)
    counter(tmp_path, "intel-rapl:1", 2_000_100)
    assert count() == pytest.approx(1.0 + 2.0)
    assert count() == pytest.approx(3.0)


def test_power_of_the_rail_that_feeds_a_board(tmp_path):
    folder = tmp_path / "hwmon" / "hwmon1"
    folder.mkdir(parents=True)
    for number, (rail, millivolts, milliamperes) in enumerate(
        (("VDD_CPU_GPU_CV", 5000, 900), ("VDD_IN", 19_000, 700)), 1
    ):
        (folder / f"in{number}_label").write_text(f"{rail}\n")
        (folder / f"in{number}_input").write_text(f"{millivolts}\n")
        (folder / f"curr{number}_input").write_text(f"{milliamperes}\n")
    assert energy.board_power(tmp_path)() == pytest.approx(13.3)


def test_machines_that_tell_no_energy(tmp_path):
    assert energy.counters(tmp_path) is None and energy.board_power(tmp_path) is None


def test_what_is_here_is_compared_in_one_run(capsys):
    from hmr_ros.cli.benchmarks import networks

    asked = Namespace(model=["lifter"], batch=[1, 2], rounds=3, threads=1, folder=None)
    rows = {row["name"]: row for row in networks.measure(asked)}
    plain = rows["lifter, onnxruntime float32, 2 at once"]
    assert plain["per_second"] == pytest.approx(2e3 / plain["p50_ms"])
    assert plain["processor_ms"] > 0 and plain["start_s"] > 0
    assert {row["versus"] for row in rows.values()} <= set(rows)
    compared = [row["ratio"] for name, row in rows.items() if name == row["versus"]]
    assert np.allclose(compared, 1) and len(compared) == 2
    assert "onnxruntime float32: CPU" in capsys.readouterr().out


def test_the_gpu_is_asked_for_plainly():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    from hmr_ros.cli.benchmarks import gpu

    with pytest.raises(ValueError, match="hmr bench gpu needs a CUDA device"):
        gpu.measure(Namespace())


def test_operations_of_a_network_are_counted():
    pytest.importorskip("torch", reason="torch is not installed")
    from hmr_ros.assets import asset
    from hmr_ros.cli.benchmarks import gpu
    from hmr_ros.runtime.graph_file import read_graph

    graph = read_graph(asset("weights", "lifter.onnx"))
    people, _ = graph.references()
    counts = [gpu.operations(graph, {k: v[:n] for k, v in people.items()}) for n in (1, 2)]
    # Eight million weights, each multiplied and added once a person.
    assert counts[1] == 2 * counts[0] and 14e6 < counts[0] < 20e6
