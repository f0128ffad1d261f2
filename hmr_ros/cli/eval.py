"""``hmr eval BENCHMARK``: how right the bodies are."""

from __future__ import annotations

import argparse

from hmr_ros.cli import measurement
from hmr_ros.cli.figures import print_table, write_json
from hmr_ros.machine import machine

SUMMARY = "measure accuracy on a benchmark"
KIND = "evaluations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME and what follows it."""
    measurement.add_arguments(parser, KIND)


def run(args: argparse.Namespace) -> int:
    """Print the rows as a table; ``--json`` writes them with the benchmark's version.

    A benchmark's figures are comparable within one ``VERSION`` of its module only. ``measure``
    returns the rows, or a dictionary that holds ``rows`` and more for the file; a module with
    ``show(figures)`` prints them in its own way.
    """
    if args.name is None:
        print(measurement.overview(KIND))
        return 0
    module = measurement.module_of(KIND, args.name)
    options = measurement.options_of(module, f"hmr eval {args.name}", args.options)
    measured = module.measure(options)
    measured = measured if isinstance(measured, dict) else {"rows": measured}
    version = getattr(module, "VERSION", 1)
    figures = {"benchmark": args.name, "version": version, **measured, "machine": machine()}
    if hasattr(module, "show"):
        module.show(figures)
    else:
        print_table(f"hmr eval {args.name}", figures["rows"], first=("model", "subset", "n"))
    if options.json is not None:
        write_json(options.json, figures)
    return 0
