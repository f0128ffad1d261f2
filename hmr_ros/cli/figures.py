"""Measured figures as a table for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

_WIDEST = 10_000  # columns


def write_json(path: Path, figures: Mapping) -> None:
    """Write ``figures``; the folder is made. Numbers that are not finite become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(figures), indent=2, allow_nan=False) + "\n", "utf-8")


def print_table(title: str, rows: Sequence[Mapping], first: Sequence[str] = ("name",)) -> None:
    """Print one line a row, with the columns in ``first`` leading; empty columns are left out. What
    is not a terminal (a file, a pipe) is as wide as need be, so that no figure is cut."""
    from rich.console import Console
    from rich.table import Table

    columns = list(dict.fromkeys([*first, *(key for row in rows for key in row)]))
    columns = [c for c in columns if any(row.get(c) is not None for row in rows)]
    table = Table(title=title, title_justify="left")
    for column in columns:
        numeric = all(isinstance(row.get(column), (int, float, type(None))) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=column in first)
    for row in rows:
        table.add_row(*(text_of(row.get(column)) for column in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, Console(width=_WIDEST).measure(table).maximum))
    console.print(table)


def text_of(value: object) -> str:
    """A figure in about three significant digits; intervals and other groups in one line."""
    if value is None:
        return ""
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text_of(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(text_of(item) for item in value)
    number = float(value)
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 100 else f"{number:.1f}"


def _plain(value):
    """Dicts, lists, strings and Python numbers only: NumPy's scalars and arrays are converted."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
