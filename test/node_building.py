"""The node on a stand-in of TensorRT whose builds take long, as a process of its own."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tensorrt_double

from hmr_ros.node import node
from hmr_ros.node.main import main

if __name__ == "__main__":
    machine = tensorrt_double.install(tensorrt_double.Machine())
    machine.steps, machine.step = 100_000, lambda: time.sleep(0.05)
    node.DIAGNOSTICS_PERIOD_S = 0.2  # the tests should not wait
    sys.exit(main(sys.argv))
