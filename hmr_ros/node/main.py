"""Entry point of ``ros2 run hmr_ros hmr_node``."""

from __future__ import annotations

import sys

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from hmr_ros.node.memory import keep_large_blocks
from hmr_ros.node.node import HmrNode
from hmr_ros.node.stop_signals import StopSignals

WAIT_S = 0.2  # at most, for a signal to be looked at while nothing comes in


def main(arguments: list[str] | None = None, make_node=HmrNode) -> int:
    """Runs until SIGINT, SIGTERM or SIGHUP, also while it starts: then it ends once it has started.

    Returns 0, or 1 for parameters that cannot be accepted.
    """
    keep_large_blocks()
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    stop, node = StopSignals(), None
    try:
        node = make_node()
        node.start()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while rclpy.ok() and not stop:
            executor.spin_once(WAIT_S)
    except (InvalidParameterValueException, InvalidParameterTypeException) as error:
        print(f"hmr_node: {error}", file=sys.stderr)
        return 1
    except ExternalShutdownException:
        pass
    finally:
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
