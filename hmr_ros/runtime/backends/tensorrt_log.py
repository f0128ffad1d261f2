"""What TensorRT says, kept for the error that follows."""

from __future__ import annotations

import logging
from collections import deque
from types import ModuleType

KEPT = 5
_log = logging.getLogger(__name__)


def tensorrt_log(trt: ModuleType):
    """An ``ILogger``: ``take_errors()`` are the newest errors in one line, each told once; they go
    to Python's logging too, warnings as debug. It must outlive what is made with it."""

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: deque[str] = deque(maxlen=KEPT)

        def log(self, severity, msg: str) -> None:
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self._errors.append(msg.strip())
                _log.error("TensorRT: %s", msg)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.debug("TensorRT: %s", msg)

        def take_errors(self) -> str:
            said = "; ".join(self._errors)
            self._errors.clear()
            return said or "TensorRT gives no reason"

    return Log()
