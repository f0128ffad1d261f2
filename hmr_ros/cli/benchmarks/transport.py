"""Images from one process to another: what arrives, how late, and at what cost."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

SUMMARY = "images between two processes, with and without the shared-memory profile"


@dataclass(frozen=True)
class Setup:
    """profile: use config/fastdds_shm.xml; keep_memory: glibc keeps the memory of images."""

    sender: str
    receiver: str
    profile: bool = False
    keep_memory: bool = False

    @property
    def name(self) -> str:
        how = "profile" if self.profile else "default"
        kept = " + memory" if self.keep_memory else ""
        ends = dict.fromkeys((self.sender, self.receiver))
        return f"{how}{kept}, {' to '.join(ends).replace('_', ' ')}"


RELIABLE, BEST_EFFORT = "reliable", "best_effort"
SETUPS = (
    Setup(RELIABLE, RELIABLE),
    Setup(BEST_EFFORT, BEST_EFFORT),
    Setup(RELIABLE, BEST_EFFORT),
    Setup(RELIABLE, RELIABLE, profile=True),
    Setup(BEST_EFFORT, BEST_EFFORT, profile=True),
    Setup(RELIABLE, RELIABLE, profile=True, keep_memory=True),
    Setup(BEST_EFFORT, BEST_EFFORT, profile=True, keep_memory=True),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=5.0, help="per set-up")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(1280, 720), metavar=("WIDTH", "HEIGHT")
    )


def measure(args: argparse.Namespace) -> list[dict]:
    """One row a set-up; ``versus`` is the first. ``received`` of ``sent`` is the point of it.

    cpu_percent: of one core, of the receiving process.
    """
    rows = [row(setup, args.seconds, args.rate, tuple(args.size)) for setup in SETUPS]
    base = rows[0]
    for other in rows[1:]:
        other["versus"] = base["name"]
        # The latency of the few images that get through says nothing about the rest.
        if min(r["received"] / r["sent"] for r in (base, other)) > 0.9:
            other["ratio"] = round(base["p50_ms"] / other["p50_ms"], 2)
    return rows


def row(setup: Setup, seconds: float, rate_hz: float, size: tuple[int, int]) -> dict:
    """Measure one set-up. Raises RuntimeError with the output of a process that failed."""
    probe = [sys.executable, "-m", "hmr_ros.node.image_probe"]
    kept = ["--keep-memory"] if setup.keep_memory else []
    environment = _environment(setup.profile)
    receiver = subprocess.Popen(
        [*probe, "receive", "--reliability", setup.receiver, *kept],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    send = [*probe, "send", "--reliability", setup.sender, *kept]
    send += ["--count", str(round(seconds * rate_hz)), "--rate", str(rate_hz)]
    send += ["--size", *map(str, size)]
    try:
        sender = subprocess.run(send, env=environment, stdout=subprocess.PIPE, text=True)
    finally:
        receiver.send_signal(signal.SIGTERM)
        received_text, _ = receiver.communicate(timeout=20)
    if sender.returncode or receiver.returncode:
        raise RuntimeError(
            f"{setup.name}: the sender ended with {sender.returncode}, the receiver with "
            f"{receiver.returncode}; their messages are above"
        )
    sent = json.loads(sender.stdout)["sent"]
    received = json.loads(received_text)
    return _row(setup, sent, received, rate_hz, size)


def _row(setup: Setup, sent: int, received: dict, rate_hz: float, size: tuple[int, int]) -> dict:
    latencies = received["latencies_ms"]
    p50, p95, p99 = (
        np.percentile(latencies, [50, 95, 99]).round(2).tolist() if latencies else [None] * 3
    )
    return {
        "name": setup.name,
        "sent": sent,
        "received": len(latencies),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "per_second": round(len(latencies) / sent * rate_hz, 2),
        "bytes": 3 * size[0] * size[1],
        "cpu_percent": received["cpu_percent"],
        "versus": None,
        "ratio": None,
    }


def _environment(profile: bool) -> dict[str, str]:
    from hmr_ros.node.dds_profile import VARIABLE, with_profile

    plain = {k: v for k, v in os.environ.items() if k != VARIABLE}
    # A domain of its own: nobody else's traffic is measured, nor disturbed.
    plain["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
    plain["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return with_profile(plain) if profile else plain
