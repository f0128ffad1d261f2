"""One run of the demo: camera, node and planner, from the first image to the last body."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hmr_ros.demo.observation import Observation
from hmr_ros.demo.processes import CAMERA, NODE, cpu_s, last_lines, start_camera, start_node, stop

# The first start compiles kernels, which are cached for the next ones.
NODE_START_S = 180.0
CAMERA_WAIT_S = 30.0
SHOW_EVERY_S = 0.25
LAST_BODIES_S = 3.0


class DemoError(RuntimeError):
    """The run could not take place or broke off; the text says what happened and where to look."""


@dataclass(frozen=True)
class Performance:
    """sent: (number within the source, stamp in ns) of every published image.

    cpu_percent: of one core, during the run, of 'node', 'camera' and 'demo', the observer.
    seconds: from the first to the last image.
    """

    sent: list[tuple[int, int]]
    observed: Observation
    cpu_percent: dict[str, float]
    seconds: float


def perform(
    camera_options: Sequence[str],
    node_parameters: Sequence[str],
    out: Path,
    show: Callable[[Observation, int], None],
    stopped: Callable[[], bool],
) -> Performance:
    """Play the source until it ends or ``stopped()``, showing what comes in a few times a second.

    show: called with what was observed and the number of images in work or lost. Logs of the
    processes and the camera's report are written to ``out``.

    Raises DemoError if the node or the camera fails.
    """
    from hmr_ros.node.planner import Planner

    planner = Planner(NODE, CAMERA)
    node_log, camera_log = out / "demo_node.log", out / "demo_camera.log"
    report = out / "demo_frames.json"
    report.unlink(missing_ok=True)
    running: list[subprocess.Popen] = []
    try:
        node = start_node(node_log, node_parameters)
        running.append(node)
        _wait_until_active(node, node_log, planner, stopped)
        camera = start_camera(
            camera_log,
            [*camera_options, "--wait", str(CAMERA_WAIT_S), "--report", str(report)],
        )
        running.append(camera)
        cpu = _watch(planner, node, camera, show, stopped)
        if node.poll() is not None:
            raise DemoError(
                f"the node ended by itself (status {node.returncode}); the end of {node_log}:\n"
                + last_lines(node_log)
            )
        if stop(camera) or not report.is_file():
            raise DemoError(f"the camera failed:\n{last_lines(camera_log)}")
    finally:
        for process in reversed(running):
            stop(process)
        planner.close()
    sent = [tuple(frame) for frame in json.loads(report.read_text())["frames"]]
    seconds = (sent[-1][1] - sent[0][1]) / 1e9 if sent else 0.0
    return Performance(sent, planner.observed, cpu, seconds)


def _wait_until_active(node: subprocess.Popen, log: Path, planner, stopped) -> None:
    give_up = time.monotonic() + NODE_START_S
    while not stopped() and time.monotonic() < give_up and node.poll() is None:
        state = planner.node_state()
        if state == "active":
            return
        if state:  # it answers only after it has tried to configure itself
            break
    if stopped():
        raise DemoError("stopped before the node was ready")
    raise DemoError(f"the node did not become active; the end of {log}:\n{last_lines(log)}")


def _watch(
    planner, node: subprocess.Popen, camera: subprocess.Popen, show, stopped
) -> dict[str, float]:
    """Show until the camera has ended; returns what each process used, percent of a core."""
    observed = planner.observed
    begin, used, at_begin = None, {}, {}
    pids = {"node": node.pid, "camera": camera.pid, "demo": os.getpid()}
    while not stopped() and node.poll() is None and camera.poll() is None:
        planner.spin_for(SHOW_EVERY_S)
        if not observed.sent_ns:
            continue
        now = time.monotonic()
        cpu = {name: cpu_s(pid) for name, pid in pids.items()}
        if begin is None:
            begin, at_begin = now, cpu
        elif camera.poll() is None and None not in cpu.values():
            used = {n: round(100 * (cpu[n] - at_begin[n]) / (now - begin), 1) for n in cpu}
        show(observed, observed.unanswered())
    end = time.monotonic() + LAST_BODIES_S
    while observed.unanswered() and time.monotonic() < end and node.poll() is None:
        planner.spin_for(0.1)
    return used
