"""From nothing to a pipeline that is ready for its first image."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import numpy as np

from hmr_ros.cli.timing import Times, row

SUMMARY = "a new process until the first image may come, by estimator: seconds and memory"
READY = """
import json, sys, time
from hmr_ros.cli.process_memory import resident_mib
from hmr_ros.parameters import validated
from hmr_ros.pipeline import Pipeline

pipeline = Pipeline(validated({"estimator": sys.argv[1]}))
pipeline.warm_up()
print(json.dumps([time.process_time(), resident_mib()]), flush=True)
pipeline.close()
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench start``."""
    parser.add_argument("--model", action="append", metavar="NAME", help="default: all estimators")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row an estimator: from before the process begins until loading and warming up are done, in
    turns. ``memory_mib`` is resident then. One more goes first, which compiles what is not in
    numba's cache yet.

    Raises RuntimeError, with what it said last, if a process fails.
    """
    from hmr_ros.assets import asset
    from hmr_ros.runtime.estimators import ESTIMATORS

    shipped = [n for n in ESTIMATORS if asset("weights", f"{n}.onnx").is_file()]
    names = args.model or shipped
    for name in names:
        ready(name)
    found = np.array([[ready(name) for name in names] for _ in range(args.rounds)])
    return [
        row(f"start, {name}", Times(seconds, worked)) | {"memory_mib": float(np.median(memory))}
        for name, (seconds, worked, memory) in zip(names, found.transpose(1, 2, 0), strict=True)
    ]


def ready(name: str) -> tuple[float, float, float]:
    """Seconds, those of processor time, and resident MiB of a process with this estimator."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", READY, name]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        told, seconds = process.stdout.readline(), time.perf_counter() - begin
        errors = process.communicate()[1]
    if not told:
        raise RuntimeError(f"{name} did not start: {errors.strip().splitlines()[-1:]}")
    return seconds, *json.loads(told)
