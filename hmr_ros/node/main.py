"""Entry point of ``ros2 run hmr_ros hmr_node``."""

from __future__ import annotations

import signal
import sys

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from hmr_ros.node.memory import keep_large_blocks
from hmr_ros.node.node import HmrNode


def main(arguments: list[str] | None = None, make_node=HmrNode) -> int:
    """Runs until SIGINT or SIGTERM. Returns 0, or 1 for parameters that cannot be accepted."""
    keep_large_blocks()
    rclpy.init(args=arguments)
    node = None
    try:
        node = make_node()
        node.start()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except (InvalidParameterValueException, InvalidParameterTypeException) as error:
        print(f"hmr_node: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        # While the context shuts down, spinning may fail with errors of the middleware.
        if rclpy.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not break the clean-up
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
