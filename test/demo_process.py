"""``hmr demo`` with the made-up pipeline in its node, for tests.

The demo starts this file again, with ``node`` as first word, in place of the real node.
"""

import os
import sys

from node_fakes import FakePipeline

from hmr_ros.cli.main import main
from hmr_ros.demo import processes

DEADLY = 77  # blue value of the first pixel


class MortalPipeline(FakePipeline):
    def __call__(self, frame, people=None, boxes=None):
        if frame.image[0, 0, 0] == DEADLY:
            os._exit(3)
        return super().__call__(frame, people, boxes)


if __name__ == "__main__":
    if sys.argv[1] == "node":
        from hmr_ros.node.main import main as run_node
        from hmr_ros.node.node import HmrNode

        sys.exit(run_node(sys.argv[1:], lambda: HmrNode(make_pipeline=MortalPipeline)))
    processes.NODE_PROGRAM = (sys.executable, __file__, "node")
    sys.exit(main(["demo", *sys.argv[1:]]))
