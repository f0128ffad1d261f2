"""What ``hmr bench`` and ``hmr eval`` share: one module a name, options of its own, ``--json``."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from hmr_ros.cli.listing import listing, modules_in

CLI = Path(__file__).parent


def add_arguments(parser: argparse.ArgumentParser, kind: str) -> None:
    """Arguments of a command whose first word names a module of the folder ``kind``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{kind}:\n{overview(kind)}"
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of the list below")
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help=f"see `{parser.prog} NAME --help`"
    )


def overview(kind: str) -> str:
    """One line a module of the folder ``kind``."""
    return listing(CLI / kind, modules_in(CLI / kind))


def module_of(kind: str, name: str) -> ModuleType:
    """The module called ``name`` on the command line. Raises ValueError that lists all of them."""
    module = name.replace("-", "_")
    if module not in modules_in(CLI / kind):
        known = ", ".join(modules_in(CLI / kind)) or "none"
        raise ValueError(f"{name!r} is not one of the {kind}; there are: {known}")
    return importlib.import_module(f"hmr_ros.cli.{kind}.{module}")


def options_of(module: ModuleType, prog: str, argv: Sequence[str]) -> argparse.Namespace:
    """The module's options and ``--json FILE``."""
    parser = argparse.ArgumentParser(prog=prog, description=module.SUMMARY)
    add_json(parser)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    return parser.parse_args(argv)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json FILE``, the same everywhere."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
