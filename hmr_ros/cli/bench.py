"""``hmr bench NAME``: how fast a part is, beside what it is compared with."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmr_ros.cli import measurement
from hmr_ros.cli.figures import print_table, write_json
from hmr_ros.cli.listing import modules_in
from hmr_ros.machine import machine

SUMMARY = "measure the speed of a part; `hmr bench all` measures every part"
KIND = "benchmarks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME and what follows it."""
    measurement.add_arguments(parser, KIND)


def run(args: argparse.Namespace) -> int:
    """Exit status 0 if all was measured, 1 if NAME is ``all`` and some part failed."""
    if args.name is None:
        print(measurement.overview(KIND))
        return 0
    if args.name == "all":
        return _all(args.options)
    module = measurement.module_of(KIND, args.name)
    options = measurement.options_of(module, f"hmr bench {args.name}", args.options)
    rows = module.measure(options)
    print_table(f"hmr bench {args.name}", rows)
    _write(options.json, rows)
    return 0


def _all(argv: list[str]) -> int:
    """Every benchmark with its default options; one that fails is named and left out."""
    parser = argparse.ArgumentParser(prog="hmr bench all", description=SUMMARY)
    measurement.add_json(parser)
    path = parser.parse_args(argv).json
    rows, failed = [], []
    for name in modules_in(measurement.CLI / KIND):
        module = measurement.module_of(KIND, name)
        try:
            measured = module.measure(measurement.options_of(module, f"hmr bench {name}", []))
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            print(f"hmr bench {name}: {error}")
            failed.append(name)
            continue
        print_table(f"hmr bench {name}", measured)
        rows += measured
    _write(path, rows)
    if failed:
        print(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _write(path: Path | None, rows: list[dict]) -> None:
    if path is not None:
        write_json(path, {"rows": rows, "machine": machine()})
