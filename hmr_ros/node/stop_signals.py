"""SIGINT, SIGTERM and SIGHUP as a flag, so that a process ends at a place of its own choosing."""

from __future__ import annotations

import signal


class StopSignals:
    """True once the process was asked to stop. Use with ``SignalHandlerOptions.NO``.

    rclpy's own handlers shut the context down under the running code: SIGTERM during a spin then
    raises now and then, and a second SIGINT interrupts the clean-up.

    What a start script runs in the background begins with SIGINT ignored, and a launch file that
    runs there ends its nodes by it nevertheless: it is heeded, as rclpy does.
    """

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup has the last word
            signal.signal(number, self._receive)

    def _receive(self, _number, _frame) -> None:
        self.received = True

    def __bool__(self) -> bool:
        return self.received
