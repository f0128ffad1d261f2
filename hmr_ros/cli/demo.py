"""``hmr demo``: a real video through camera, node and planner, live in the terminal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

SUMMARY = "play a video of people through the whole system and watch it live"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr demo``."""
    from hmr_ros.cli.measurement import add_json
    from hmr_ros.sources.intrinsics import intrinsics

    parser.add_argument(
        "source",
        nargs="?",
        help="video, rosbag2, folder of images, image or webcam index; default: pedestrians",
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="length of the run (%(default)s)"
    )
    parser.add_argument("--loop", action="store_true", help="start a shorter source again")
    add_json(parser)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for film and logs")
    parser.add_argument("--headless", action="store_true", help="lines instead of a live table")
    parser.add_argument("--no-video", action="store_true", help="draw no film after the run")
    parser.add_argument("--image-topic", help="which image topic of a bag")
    parser.add_argument("--rate", type=float, metavar="HZ", help="instead of the source's own")
    lens = parser.add_mutually_exclusive_group()
    lens.add_argument("--intrinsics", type=intrinsics, metavar="FX,FY,CX,CY[,K1,K2,P1,P2[,K3]]")
    lens.add_argument("--fov", type=float, metavar="DEG", help="field of view, longer side")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="parameter of the node"
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0 if images were sent and answered, 1 if not or if a process failed."""
    from hmr_ros.cli.figures import write_json
    from hmr_ros.demo.default_video import default_source
    from hmr_ros.demo.live_table import display
    from hmr_ros.demo.performance import DemoError, perform
    from hmr_ros.demo.processes import looking_on, ros_environment
    from hmr_ros.demo.summary import summary_lines
    from hmr_ros.node.stop_signals import StopSignals
    from hmr_ros.sources.opening import open_source

    if args.source is None:
        default = default_source()
        print(default.note)
        args.source = default.where
        if args.fov is None and args.intrinsics is None:
            args.intrinsics = default.intrinsics
    source = open_source(args.source, args.image_topic)
    args.out.mkdir(parents=True, exist_ok=True)
    # Before rclpy is imported: the middleware reads its environment once.
    os.environ.update(ros_environment(dict(os.environ)))
    print(f"{source.where}: {source.rate_hz:g} Hz; to look on: {looking_on(dict(os.environ))}")
    print("starting the node (the first time it compiles for a minute)", flush=True)
    headless = args.headless or not sys.stdout.isatty()
    stop = StopSignals()
    try:
        with display(f"hmr demo   {source.where}", headless) as show:
            done = perform(
                _camera_options(args, source),
                [text.replace("=", ":=", 1) for text in args.set],
                args.out,
                show,
                lambda: stop.received,
            )
    except DemoError as error:
        print(f"hmr demo: {error}", file=sys.stderr)
        return 1
    finally:
        # From here on being asked to stop ends the program at once.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    summary = _figures(done, source)
    print(*summary_lines(summary), sep="\n")
    if args.json:
        write_json(args.json, summary)
    if done.sent and not args.no_video:
        _draw(args, source, done)
    return 0 if summary["frames_processed"] else 1


def _camera_options(args: argparse.Namespace, source) -> list[str]:
    """The command line of the camera process."""
    options = [args.source, "--seconds", str(args.seconds)]
    if args.loop or source.count == 1:
        options.append("--loop")
    given = {"--image-topic": args.image_topic, "--rate": args.rate, "--fov": args.fov}
    if args.intrinsics:
        given["--intrinsics"] = ",".join(map(str, args.intrinsics))
    if source.live and not args.no_video:
        given["--record"] = _recording(args)
    for option, value in given.items():
        if value is not None:
            options.append(f"{option}={value}")
    return options


def _recording(args: argparse.Namespace) -> Path:
    """Pictures of a live source, which cannot be read a second time for the film."""
    return args.out / "demo_recording.avi"


def _figures(done, source) -> dict:
    from hmr_ros.demo.figures import figures
    from hmr_ros.machine import machine

    stamps = [stamp for _, stamp in done.sent]
    return {
        **figures(stamps, done.observed.bodies, done.observed.arrivals),
        "source": source.where,
        "seconds": round(done.seconds, 2),
        "cpu_percent": done.cpu_percent,
        "machine": machine(),
    }


def _draw(args: argparse.Namespace, source, done) -> None:
    from rich.progress import track

    from hmr_ros.body.model import load_body_model
    from hmr_ros.cli.settings import settings_from
    from hmr_ros.demo.overlay_film import draw_film
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.parameters import table
    from hmr_ros.sources.intrinsics import camera_of
    from hmr_ros.sources.opening import open_source

    common = [text for text in args.set if text.partition("=")[0] in table()]
    settings = settings_from(common, {})
    sent = done.sent
    if source.live:
        source = open_source(_recording(args))
        sent = [(i, stamp) for i, (_, stamp) in enumerate(sent)]

    def camera_for(picture):
        height, width = picture.image.shape[:2]
        if args.intrinsics:
            return camera_of(args.intrinsics, width, height)
        fov = args.fov or settings.default_fov_deg
        return picture.camera or guessed_camera(width, height, fov)

    written = draw_film(
        args.out / "demo.mp4",
        source,
        sent,
        done.observed.bodies,
        load_body_model(settings.body_model_path or None),
        camera_for,
        lambda pictures, count: track(pictures, "drawing the film", count),
    )
    print("written:", *written)
