"""The record of a training: CSV files always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from hmr_ros.whole_file import whole_file

LOSSES, VALIDATION = "log.csv", "validation.csv"


class TrainingLog:
    """Rows of figures by step, in ``log.csv`` and ``validation.csv`` of a folder.

    after: rows of later steps, left by a training that was cut off, are dropped. say: is told once
    if TensorBoard is not installed.
    """

    def __init__(self, folder: Path, after: int, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._columns: dict[str, list[str]] = {}
        for name in (LOSSES, VALIDATION):
            if (folder / name).exists():
                self._columns[name] = _cut(folder / name, after)
        self._board = _board(folder, after, say)

    def losses(self, rows: list[dict]) -> None:
        self._write(LOSSES, rows)

    def validation(self, row: dict) -> None:
        self._write(VALIDATION, [row])

    def close(self) -> None:
        if self._board is not None:
            self._board.close()

    def _write(self, name: str, rows: list[dict]) -> None:
        if not rows:
            return
        path = self.folder / name
        with open(path, "a", newline="") as file:
            columns = self._columns.setdefault(name, list(rows[0]))
            writer = csv.DictWriter(file, columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows({k: _number(v) for k, v in row.items()} for row in rows)
        if self._board is not None:
            for row in rows:
                for key, value in row.items():
                    if key != "step":
                        self._board.add_scalar(f"{path.stem}/{key}", value, row["step"])
            self._board.flush()


def _cut(path: Path, after: int) -> list[str]:
    """Drop the rows of steps later than ``after``; returns the columns."""
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        # A row that was cut off while it was written lacks columns.
        whole = [row for row in reader if None not in row.values()]
        rows = [row for row in whole if int(row["step"]) <= after]
        columns = list(reader.fieldnames or ["step"])
    with whole_file(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return columns


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.8g}"


def _board(folder: Path, after: int, say: Callable[[str], None]):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        say(f"tensorboard is not installed: figures go to {folder / LOSSES} only")
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1)
