"""`hmr bench perception`: every stage has a row, and compared stages a ratio of one run."""

from argparse import Namespace

import numpy as np
import pytest

from hmr_ros.cli.benchmarks import perception
from hmr_ros.cli.timing import row, timed

pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")
pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")


def test_calls_are_timed_in_turns_after_warming_up():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = timed(calls, 3)
    assert "".join(order) == "aaabbb" + "ababab"
    assert {len(values) for values in seconds.values()} == {3}


def test_a_row_tells_percentiles_and_rate():
    found = row("stage", np.array([0.1, 0.2, 0.3]), units=4, versus="other", ratio=2.0)
    assert found["p50_ms"] == pytest.approx(200) and found["per_second"] == pytest.approx(20)
    assert found["p99_ms"] > found["p95_ms"] > found["p50_ms"]
    assert (found["versus"], found["ratio"]) == ("other", 2.0)


def test_every_stage_is_measured():
    found = perception.measure(Namespace(people=2, rounds=3, threads=1))
    rows = {r["name"].removeprefix("perception, "): r for r in found}
    stages = {"detector", "pipeline with lifter"}
    stages |= {f"{s}, 2 people" for s in ("lifter", "baseline", "refinement", "mesh")}
    assert stages < set(rows)
    assert all(r["p50_ms"] > 0 for r in rows.values())
    batch = rows["lifter, 2 people"]
    assert batch["versus"] == "perception, lifter, 1 person" and batch["ratio"] > 0.5
    # The mask is a good part of the landmark network.
    assert rows["landmarks"]["ratio"] > 1.1 and rows["landmarks with mask"]["ratio"] == 1
    assert rows["HOG sweep"]["ratio"] > 1.3 and rows["HOG sweep, OpenCV"]["ratio"] == 1
