"""The node with a made-up pipeline, for tests that run it as a process of its own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from node_fakes import FakePipeline

from hmr_ros.node import node
from hmr_ros.node.main import main

if __name__ == "__main__":
    node.DIAGNOSTICS_PERIOD_S = 0.2  # the tests should not wait
    sys.exit(main(sys.argv, lambda: node.HmrNode(make_pipeline=FakePipeline)))
