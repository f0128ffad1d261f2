"""What the ROS node adds to the networks: decoding, every output, and image to message."""

from __future__ import annotations

import argparse

from hmr_ros.cli.timing import row, timed

SUMMARY = "the node's own work on an image, output by output, and image to message for one person"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench node``."""
    parser.add_argument("--rounds", type=int, default=60, help="images")
    parser.add_argument("--threads", type=int, default=2, help="as the parameter of that name")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a stage for one person at 640x480; ``overhead`` is the node's work without the
    pipeline's, with bodies, transforms, points and markers subscribed to. The search for others
    that ``image to message`` begins runs beside its bodies and messages, as in the node, and has
    ended before the next row is timed; ``processor_ms`` of that row holds a part of it.

    Raises RuntimeError where DDS does not work.
    """
    from hmr_ros.cli.benchmarks.perception import HEIGHT, WIDTH, picture
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import Camera
    from hmr_ros.node.stage_probe import stages
    from hmr_ros.parameters import validated
    from hmr_ros.pipeline import Pipeline

    camera = Camera(WIDTH, HEIGHT, 600, 600, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    image, pipeline = picture(), Pipeline(validated({"threads": args.threads}))
    pipeline.warm_up()
    for stamp in range(3):
        tracks = pipeline(Frame(image, camera, 0.1 * stamp))
    with stages(pipeline, image, tracks, camera) as calls:
        times = timed(calls, args.rounds, pipeline.finder.wait)
    return [row(f"node, {name}", of_one) for name, of_one in times.items()]
