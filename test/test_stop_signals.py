"""Signals as a flag, in processes that begin as a start script or nohup begin them."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="hmr_ros.node needs ROS 2")

PROGRAM = """
import signal, time
from hmr_ros.node.stop_signals import StopSignals
stop = StopSignals()
print("ready", flush=True)
for _ in range(20):
    time.sleep(0.05)
    if stop:
        print("asked to stop", flush=True)
        break
else:
    print("never asked", flush=True)
"""


def told(number, ignored):
    """What a process says that gets the signal ``number`` and began with ``ignored`` ones."""

    def begin():
        for one in ignored:
            signal.signal(one, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, preexec_fn=begin
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        return process.stdout.read().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_them_asks_to_stop(number):
    assert told(number, []) == "asked to stop"


def test_an_interrupt_counts_in_what_a_script_began_in_the_background():
    assert told(signal.SIGINT, [signal.SIGINT, signal.SIGQUIT]) == "asked to stop"


def test_nohup_has_the_last_word_about_hanging_up():
    assert told(signal.SIGHUP, [signal.SIGHUP]) == "never asked"
