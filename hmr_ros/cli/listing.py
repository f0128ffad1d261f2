"""What commands there are and what each is for, without importing any of them."""

from __future__ import annotations

import ast
from pathlib import Path


def modules_in(folder: Path) -> list[str]:
    """Names of the modules of a folder, sorted; private ones left out."""
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def summary_of(path: Path) -> str:
    """The string that a module assigns to ``SUMMARY``, read from its source.

    Importing every command to print a list of them would load torch and rclpy.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "SUMMARY" for target in node.targets
        ):
            return ast.literal_eval(node.value)
    raise ValueError(f"{path}: a command's module needs SUMMARY = '...'")


def listing(folder: Path, names: list[str]) -> str:
    """One indented line a module: its name as the user types it and its summary."""
    width = max((len(name) for name in names), default=0)
    lines = []
    for name in names:
        path = folder / f"{name.replace('-', '_')}.py"
        lines.append(f"  {name:<{width}}  {summary_of(path)}")
    return "\n".join(lines)
