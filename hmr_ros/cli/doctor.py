"""``hmr doctor``: what is missing here, and what to do about it."""

from __future__ import annotations

import argparse
import sys

from hmr_ros.cli.figures import write_json
from hmr_ros.cli.measurement import add_json
from hmr_ros.machine import machine

SUMMARY = "check ROS, transport, models and backends, and say what to do"
COLOURS = {"ok": "\033[32m", "warn": "\033[33m", "fail": "\033[31m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr doctor``."""
    parser.add_argument("--image", metavar="TOPIC", help="listen to this camera as well")
    parser.add_argument("--quick", action="store_true", help="do not run the pipeline")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Exit status 1 if something that is needed is missing, else 0."""
    from hmr_ros.doctor.camera import camera_findings
    from hmr_ros.doctor.gpu import gpu_findings
    from hmr_ros.doctor.middleware import ros_findings
    from hmr_ros.doctor.modules import optional
    from hmr_ros.doctor.perception import perception_findings

    found = []
    sections = [ros_findings, lambda: perception_findings(args.quick), gpu_findings, optional]
    if args.image is not None:
        sections.append(lambda: camera_findings(args.image))
    for section in sections:
        new = section()
        for finding in new:
            print(line(finding, sys.stdout.isatty()), flush=True)
        found += new
    failed = sum(finding.state == "fail" for finding in found)
    warned = sum(finding.state == "warn" for finding in found)
    print(f"\n{len(found)} checks: {failed} failed, {warned} warnings")
    if args.json is not None:
        figures = {"findings": [finding.as_dict() for finding in found], "machine": machine()}
        write_json(args.json, figures)
    return 1 if failed else 0


def line(finding, colour: bool) -> str:
    """A finding as text; what to do about it stands on a second line."""
    start = f"{finding.state:<4}"
    if colour:
        start = f"{COLOURS[finding.state]}{start}\033[0m"
    text = f"{start}  {finding.name:<22} {finding.found}"
    return f"{text}\n{'':29}-> {finding.remedy}" if finding.remedy else text
