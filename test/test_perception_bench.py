"""`hmr bench perception` and `start`: every stage has a row of its own time, compared stages a
ratio of one run."""

import sys
import threading
import time
from argparse import Namespace

import numpy as np
import pytest

from hmr_ros.cli.benchmarks import perception, start
from hmr_ros.cli.timing import Times, compare, row, timed
from hmr_ros.evaluation.peers import mediapipe
from hmr_ros.frontend import proposals
from hmr_ros.runtime import estimators

pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")
pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")


def test_calls_are_timed_in_turns_after_warming_up():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = timed(calls, 3)
    assert "".join(order) == "aaabbb" + "ababab"
    assert {len(of_one.clock) for of_one in times.values()} == {3}


def test_what_a_call_leaves_running_is_waited_for_out_of_its_time():
    running = []

    def leaves():
        running.append(threading.Thread(target=time.sleep, args=(0.05,)))
        running[-1].start()

    def settle():
        while running:
            running.pop().join()

    def busy():
        assert not running
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass

    times = timed({"leaves": leaves, "busy": busy}, 3, settle)
    assert np.median(times["leaves"].clock) < 0.03 <= 0.02 + np.median(times["busy"].clock)
    assert np.median(times["busy"].processor) == pytest.approx(0.02, rel=0.3)
    assert np.median(times["leaves"].processor) < 0.01


def test_a_row_tells_percentiles_and_rate():
    times = Times(np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6]))
    found = row("stage", times, units=4)
    assert found["p50_ms"] == pytest.approx(200) and found["per_second"] == pytest.approx(20)
    assert found["p99_ms"] > found["p95_ms"] > found["p50_ms"]
    assert found["processor_ms"] == pytest.approx(500)
    other = row("other", Times(np.array([0.1]), np.array([0.1])), units=1)
    compare(found, other)
    assert (found["versus"], found["ratio"]) == ("other", pytest.approx(2.0))


def test_every_stage_is_measured_and_no_search_runs_beside_another(monkeypatch, tmp_path, capsys):
    searching, beside = threading.Event(), set()

    class Slow(proposals.HogDetector):
        def __call__(self, grey, bands):
            searching.set()
            try:
                time.sleep(0.03)
                return super().__call__(grey, bands)
            finally:
                searching.clear()

    def watched(calls, rounds, *settle):
        def begun(name, call):
            if searching.is_set():
                beside.add(name)
            call()

        watch = {n: lambda n=n, call=call: begun(n, call) for n, call in calls.items()}
        return timed(watch, rounds, *settle)

    monkeypatch.setattr(proposals, "HogDetector", Slow)
    monkeypatch.setattr(perception, "timed", watched)
    monkeypatch.setenv("HMR_PEERS", str(tmp_path))
    found = perception.measure(Namespace(people=2, rounds=3, threads=1))
    assert not beside
    assert "MediaPipe pose is not measured" in capsys.readouterr().out
    rows = {r["name"].removeprefix("perception, "): r for r in found}
    stages = {"detector", "detector and landmarks", "pipeline with lifter"}
    alone = ("lifter", "baseline", "crops", "temporal", "temporal with 8 samples", "refinement")
    alone = (*alone, "mesh", "tracking")
    stages |= {f"{s}, {many}" for s in alone for many in ("1 person", "2 people")}
    assert stages < set(rows)
    assert all(r["p50_ms"] > 0 for r in rows.values())
    batch = rows["lifter, 2 people"]
    assert batch["versus"] == "perception, lifter, 1 person" and batch["ratio"] > 0.5
    # Crops are a part of what the estimator does with people.
    assert rows["crops, 2 people"]["p50_ms"] < rows["baseline, 2 people"]["p50_ms"]
    # The mask is a good part of the landmark network.
    masked = rows["landmarks with mask"]
    assert masked["processor_ms"] > 1.1 * rows["landmarks"]["processor_ms"]
    assert rows["landmarks"]["versus"] == masked["name"] and masked["ratio"] == 1
    assert rows["landmarks, two threads"]["versus"] == rows["landmarks"]["name"]
    assert rows["HOG sweep"]["ratio"] > 1.3 and rows["HOG sweep, OpenCV"]["ratio"] == 1
    assert rows["detector and landmarks"]["ratio"] is None


def test_tracking_follows_each_of_the_people(monkeypatch):
    monkeypatch.setattr(estimators, "ESTIMATORS", {"lifter": estimators.ESTIMATORS["lifter"]})
    calls, _ = perception.after(3, 1)
    for _ in range(4):
        tracks = calls["tracking, 3 people"]()
    assert tracks.ids.tolist() == [1, 2, 3]


PEER = """
import json, sys, time
print(json.dumps({"version": "9.9"}), flush=True)
while line := sys.stdin.buffer.readline():
    height, width = map(int, line.split())
    sys.stdin.buffer.read(height * width * 3)
    time.sleep(0.2)
    print(json.dumps({"world": None, "image": None}), flush=True)
"""


def test_mediapipe_is_measured_in_the_same_run(monkeypatch, tmp_path):
    worker = tmp_path / "mediapipe_worker.py"
    worker.write_text(PEER)
    monkeypatch.setattr(mediapipe, "python_of", lambda name: sys.executable)
    monkeypatch.setattr(mediapipe, "__file__", str(tmp_path / "mediapipe.py"))
    stages = perception.front_end()
    few = {"detector and landmarks": stages["detector and landmarks"]}
    monkeypatch.setattr(perception, "front_end", lambda: few)
    monkeypatch.setattr(perception, "after", lambda people, threads: ({}, lambda: None))
    found = perception.measure(Namespace(people=2, rounds=3, threads=1))
    rows = {r["name"].removeprefix("perception, "): r for r in found}
    peer = rows["MediaPipe pose"]
    assert peer["p50_ms"] > 200 and peer["processor_ms"] is None
    ours = rows["detector and landmarks"]
    assert ours["versus"] == peer["name"]
    assert ours["ratio"] == pytest.approx(peer["p50_ms"] / ours["p50_ms"])


def test_a_start_is_that_of_a_new_process():
    seconds, worked, memory = start.ready("lifter")
    # Python, the networks' libraries and numba's code: more than 0.2 s and 50 MiB anywhere.
    assert seconds > 0.2 and worked > 0.2 and memory > 50
    with pytest.raises(RuntimeError, match="nobody did not start: .*'nobody'"):
        start.ready("nobody")


def test_starts_are_taken_in_turns_after_one_that_is_not_counted(monkeypatch):
    begun = []

    def ready(name):
        begun.append(name)
        return float(len(begun)), 0.5, 100.0 + len(begun)

    monkeypatch.setattr(start, "ready", ready)
    a, b = start.measure(Namespace(model=["a", "b"], rounds=3))
    assert begun == ["a", "b"] * 4
    assert (a["name"], a["p50_ms"], a["processor_ms"], a["memory_mib"]) == (
        "start, a",
        5e3,
        500,
        105,
    )
    assert (b["p50_ms"], b["memory_mib"]) == (6e3, 106)
